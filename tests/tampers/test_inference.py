"""Every tamper of an inference result is caught by the rule that is there for it.

Tampers that the test of their rule audits, with the words of the finding, are not repeated here.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.auditing.rules import builders as b
from tests.tampers import audited
from tests.tampers.inference import MORE, REFERENCE, TAMPERS, Tamper

HERE = [t for t in TAMPERS if not audited.by_its_rule(t.rule, t.edit.__name__)]


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that gives a copy of a clean session of each form."""
    made: dict[str, Path] = {}

    def copy(to: Path, given: dict[str, Any]) -> Path:
        key = repr(sorted(given.items()))
        if key not in made:
            made[key] = b.inference(tmp_path_factory.mktemp("clean"), **given)
        folder = made[key]
        root = folder.parents[5]
        shutil.copytree(root, to / "tree")
        return to / "tree" / folder.relative_to(root)

    return copy


@pytest.mark.parametrize("tamper", HERE, ids=lambda tamper: tamper.edit.__name__)
def test_tamper_is_caught(tamper: Tamper, clean: Any, tmp_path: Path) -> None:
    folder = clean(tmp_path, tamper.given)
    tamper.edit(folder)
    if tamper.rehash:
        b.rehash(folder)
    found = b.report(folder)
    hits = [(f.severity or f.status, f.got) for f in b.of(found, tamper.rule)]
    assert tamper.status in {status for status, _ in hits}, (
        hits,
        [(f.rule, f.status) for f in found.findings],
    )
    assert all(f.status != "error" for f in found.findings)
    assert found.verdict == "invalid" or tamper.status in ("question", "warn")


def test_all_tampers_of_the_reference_and_forty_more() -> None:
    assert len(REFERENCE) == 20
    assert len(MORE) >= 40
    assert len({tamper.edit for tamper in TAMPERS}) == len(TAMPERS)
