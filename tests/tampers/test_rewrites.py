"""Forgeries that rewrite a power session consistently: which are found, and by what."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.tampers.rewrites import REWRITES, Rewrite


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return b.inference(tmp_path_factory.mktemp("clean"))


def speaking(folder: Path) -> set[str]:
    """The rules that fail, question or warn."""
    return {f.rule for f in b.report(folder).findings if f.status in ("fail", "warn")}


@pytest.mark.parametrize("forgery", REWRITES, ids=lambda forgery: forgery.edit.__name__)
def test_what_speaks_of_a_consistent_forgery(forgery: Rewrite, clean: Path, tmp_path: Path) -> None:
    root = clean.parents[5]
    shutil.copytree(root, tmp_path / "tree")
    folder = tmp_path / "tree" / clean.relative_to(root)
    forgery.edit(folder)
    b.rehash(folder)
    assert b.report(folder).findings
    found = speaking(folder) - speaking(clean)
    assert set(forgery.rules) <= found
    assert bool(found) == bool(forgery.rules)
    assert forgery.rules or forgery.edit.__doc__, "the reason why it cannot be seen"
