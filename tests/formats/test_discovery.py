"""The search for results: how deep it goes, and what it says of what it leaves out."""

from __future__ import annotations

import shutil
from pathlib import Path

from harness.formats.discovery import MAX_DEPTH, Found, Skipped, find
from tests.tampers import tiny


def nested(tmp_path: Path, depth: int) -> Path:
    """A result whose folder lies so many folders below the tree."""
    folder = tiny.result(tmp_path / "plain")
    target = (tmp_path / "tree").joinpath(*["d"] * (depth - 1), "kws")
    target.parent.mkdir(parents=True)
    shutil.move(folder, target)
    return tmp_path / "tree"


def test_results_are_found_down_to_the_last_depth(tmp_path: Path) -> None:
    (place,) = find(nested(tmp_path, MAX_DEPTH))
    assert isinstance(place, Found)
    assert place.id == "/".join([*["d"] * (MAX_DEPTH - 1), "kws"])


def test_deeper_folders_are_named_and_not_searched(tmp_path: Path) -> None:
    (place,) = find(nested(tmp_path, MAX_DEPTH + 1))
    assert isinstance(place, Skipped)
    assert place.path == "/".join(["d"] * MAX_DEPTH)
    assert place.reason == f"nested deeper than {MAX_DEPTH} folders"
