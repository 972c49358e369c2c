"""Anchors are held against the links of journals and the hashes of plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UnreadableError
from harness.core.files import sha256
from harness.signing.anchors import Anchors, check_anchors, check_anchors_within

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


def test_an_anchor_that_is_missing_hides_none_after_it(folder: Path, tmp_path: Path) -> None:
    found = check_anchors(folder, anchors(tmp_path, ["0" * 64, *LINKS[:2]]))
    assert (found.held.count, len(found.missing)) == (2, 1)
    assert "anchor 1" in found.missing[0].where


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


@pytest.mark.parametrize(
    "changed",
    [
        {"at": "yesterday"},
        {"at": "2026-13-01T00:00:00Z"},
        {"at": "2026-01-01T00:00:00"},
        {"link": "0" * 63},
        {"link": "A" * 64},
        {"link": "０" * 64},
        {"run": "\ud800"},
        {"at": float("nan")},
    ],
)
def test_fail_an_anchor_that_no_run_writes(
    changed: dict[str, object], folder: Path, tmp_path: Path
) -> None:
    row = {"at": TIMES[0], "link": LINKS[0], "run": "run-1", "journal": "wall.csv"} | changed
    file = tmp_path / "anchors.jsonl"
    file.write_text(json.dumps(row) + "\n")
    with pytest.raises(UnreadableError, match=r"anchors\.jsonl:1: is not an anchor"):
        check_anchors(folder, file)


def test_times_of_other_zones_are_ordered_as_times(folder: Path, tmp_path: Path) -> None:
    file = anchors(tmp_path, LINKS[:2])
    early = "2026-01-01T01:00:00+02:00"
    file.write_text(file.read_text().replace(TIMES[1], early))
    held = check_anchors(folder, file).held
    assert (held.first, held.last) == (early, TIMES[0])


@pytest.mark.parametrize("kind", ["folder", "link", "broken"])
def test_a_plan_that_cannot_be_read_stops_no_check(kind: str, folder: Path, tmp_path: Path) -> None:
    plan = folder / "run-1" / "plan.json"
    outside = tmp_path / "outside.json"
    outside.write_text("{}")
    plan.unlink()
    if kind == "folder":
        plan.mkdir()
    else:
        plan.symlink_to(outside if kind == "link" else tmp_path / "nowhere")
    found = check_anchors(folder, anchors(tmp_path, [LINKS[0], sha256(b"{}")]))
    assert found.held.count == 1
    assert [item.got for item in found.missing] == ["no journal with this link"]


def test_journals_behind_a_link_are_not_read(folder: Path, tmp_path: Path) -> None:
    samples = folder / "run-1" / "samples"
    samples.rename(tmp_path / "elsewhere")
    samples.symlink_to(tmp_path / "elsewhere")
    assert check_anchors(folder, anchors(tmp_path, LINKS)).held.count == 0


def test_times_in_a_record_are_not_shown_as_published(folder: Path, tmp_path: Path) -> None:
    own_words = {"at": "1999-01-01T00:00:00Z", "link": LINKS[2], "run": "r", "journal": "j"}
    (folder / "run-1" / "run.json").write_text(json.dumps({"facts": {"anchors": [own_words]}}))
    an_authority: list[Any] = [object()]
    found = check_anchors(folder, anchors(tmp_path, LINKS[:1]), an_authority)
    assert (found.held.count, found.held.first, found.missing) == (1, TIMES[0], ())


def test_fail_anchors_that_take_too_long(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: object) -> Anchors:
        while True:
            pass

    monkeypatch.setattr("harness.signing.anchors.check_anchors", endless)
    found = check_anchors_within(folder, anchors(tmp_path, LINKS), [], 0.01)
    (late,) = found.missing
    assert late.got == "not looked up: it took longer than 0.01 s"
