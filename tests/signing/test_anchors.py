"""Anchors are held against the links of journals and the hashes of plans."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from harness.core.files import sha256
from harness.signing.anchors import check_anchors

LINKS = [f"{n:064x}" for n in (1, 2, 3)]
TIMES = ["2026-01-01T00:00:03Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A submission of one run with a journal of three links, and a plan."""
    samples = tmp_path / "sub" / "run-1" / "samples"
    samples.mkdir(parents=True)
    text = "".join(f"# chain: {link}\n1,2\n" for link in LINKS)
    (samples / "wall.csv").write_text(text)
    (tmp_path / "sub" / "run-1" / "plan.json").write_text("{}")
    return tmp_path / "sub"


def anchors(tmp_path: Path, links: list[str]) -> Path:
    file = tmp_path / "anchors.jsonl"
    rows = [
        {"at": at, "link": link, "run": "run-1", "journal": "wall.csv"}
        for at, link in zip(TIMES, links, strict=False)
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


@pytest.mark.parametrize("count", [1, 2, 3])
def test_anchors_that_hold_are_counted_from_the_first_to_the_last(
    count: int, folder: Path, tmp_path: Path
) -> None:
    found = check_anchors(folder, anchors(tmp_path, LINKS[:count]))
    assert (found.held.count, found.missing) == (count, ())
    assert (found.held.first, found.held.last) == (min(TIMES[:count]), max(TIMES[:count]))


def test_a_plan_is_anchored_by_its_hash(folder: Path, tmp_path: Path) -> None:
    found = check_anchors(folder, anchors(tmp_path, [sha256(b"{}"), sha256(b"{ }")]))
    assert found.held.count == 1
    (missing,) = found.missing
    assert "anchor 2" in missing.where
    assert TIMES[1] in missing.expected


def test_without_an_anchor_that_holds_there_is_no_time(folder: Path, tmp_path: Path) -> None:
    found = check_anchors(folder, anchors(tmp_path, ["0" * 64]))
    assert (found.held.count, found.held.first, found.held.last, len(found.missing)) == (
        0,
        None,
        None,
        1,
    )


@pytest.mark.parametrize("line", ["", "{}", "[]", "x", '{"at": 1, "link": 2}'])
def test_what_is_no_anchor_is_refused_with_its_line(
    line: str, folder: Path, tmp_path: Path
) -> None:
    file = anchors(tmp_path, LINKS[:1])
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(UnreadableError, match=r"anchors\.jsonl:2: is not an anchor"):
        check_anchors(folder, file)
