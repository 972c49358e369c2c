"""`verify` finds the submissions of the trees that `audit` takes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from harness.signing.discovery import MAX_DEPTH, find_submissions
from harness.signing.manifest import MANIFEST

SUBMISSIONS = Path(__file__).resolve().parents[2] / "submissions"


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    manifest = next((SUBMISSIONS / "joulemark-2026").rglob(MANIFEST))
    submission = tmp_path / "round" / "open" / "somebody"
    shutil.copytree(manifest.parent, submission)
    return submission


def test_submission_itself(packed: Path) -> None:
    assert find_submissions(packed) == [packed]


def test_tree_above_submissions(packed: Path, tmp_path: Path) -> None:
    other = packed.parent / "another"
    shutil.copytree(packed, other)
    assert find_submissions(tmp_path) == [other, packed]


def test_entry_inside_a_submission(packed: Path) -> None:
    assert find_submissions(packed / "results") == [packed]


def test_tree_without_submissions_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(UnreadableError, match="joulemark pack"):
        find_submissions(tmp_path / "manifest.json")


def test_links_are_not_followed(packed: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(packed)
    with pytest.raises(UnreadableError):
        find_submissions(tmp_path / "tree")


def test_submissions_are_found_down_to_the_last_depth(packed: Path, tmp_path: Path) -> None:
    """A submission may lie in 33 nested folders, and no deeper."""
    for depth in (MAX_DEPTH + 1, MAX_DEPTH + 2):
        root = tmp_path / f"deep-{depth}"
        target = root.joinpath(*["d"] * (depth - 1), "submission")
        target.parent.mkdir(parents=True)
        shutil.copytree(packed, target)
        if depth == MAX_DEPTH + 1:
            assert find_submissions(root) == [target]
        else:
            with pytest.raises(UnreadableError):
                find_submissions(root)
