"""Each meter has a row in the overview of the docs, and its page states what a reader needs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.meters import built_in

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
PAGES = sorted(path for path in (REFERENCE / "meters").glob("*.md") if path.stem in built_in())


@pytest.mark.parametrize("name", built_in())
def test_a_built_in_meter_has_a_row(name: str) -> None:
    overview = (REFERENCE / "meters.md").read_text("utf-8")
    assert re.search(rf"^\| \[?`{name}`", overview, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_states_boundary_kind_averaging_and_accuracy(page: Path) -> None:
    text = page.read_text("utf-8")
    for row in ("boundary", "kind", "averaging", "accuracy", "options"):
        assert f"| {row} | " in text
