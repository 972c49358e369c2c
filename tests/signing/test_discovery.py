"""`verify` finds the submissions of the trees that `audit` takes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from harness.signing.discovery import find_submissions
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
