"""What is hashed is what is used, and a file listed often is read once."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.auditing.submission import with_submission_defects
from harness.core.resources import resource

SUBMISSION = resource("submissions") / "joulemark-2026"


@pytest.fixture
def submission(tmp_path: Path) -> Path:
    shutil.copytree(SUBMISSION, tmp_path / "s")
    return tmp_path / "s"


def record_of(tree: Path) -> Path:
    return sorted(tree.rglob("run.json"))[0]


def findings(tree: Path) -> list[str]:
    return [f.got for entry in api.audit(tree).entries for f in entry.findings]


def test_bytes_exchanged_between_reading_and_verifying_are_found(submission: Path) -> None:
    record = record_of(submission)
    signed = record.read_bytes()
    document = json.loads(signed)
    document["work"]["count"] = 1000.0
    record.write_text(json.dumps(document))
    entries = api.read(submission).entries  # the racing writer shows one record to the reader ...
    record.write_bytes(signed)  # ... and another to the verification
    defects = [defect for entry in with_submission_defects(entries) for defect in entry.defects]
    (found,) = [defect for defect in defects if "read with other bytes" in defect.got]
    assert found.where.endswith("run.json")


def count_openings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that takes the path of each file that is opened from now on."""
    opened: list[str] = []
    really_open = os.open

    def counting(path: Any, *arguments: Any, **options: Any) -> int:
        opened.append(str(path))
        return really_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", counting)
    return opened


def test_each_trace_is_opened_once(submission: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = count_openings(monkeypatch)
    api.read(record_of(submission).parent)
    traces = [path for path in opened if "/traces/" in path]
    assert traces
    assert len(traces) == len(set(traces))


def test_a_trace_listed_often_is_one(submission: Path) -> None:
    record = record_of(submission)
    document = json.loads(record.read_bytes())
    count = len(document["traces"])
    document["traces"] *= 50_000
    record.write_text(json.dumps(document))
    started = time.monotonic()
    (entry,) = api.read(record.parent).entries
    assert len(entry.runs[0].traces) == count
    assert time.monotonic() - started < 60


def test_a_file_listed_often_is_hashed_once(
    submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_of(submission)
    document = json.loads(record.read_bytes())
    document["files"] = [document["files"][0]] * 10_000
    record.write_text(json.dumps(document))
    opened = count_openings(monkeypatch)
    api.read(record.parent)
    assert len([path for path in opened if path.endswith(document["files"][0]["path"])]) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("submitter", "NVIDIA"), ("system", "H100"), ("benchmark", "bert"), ("simulated", True)],
)
def test_runs_of_one_entry_that_disagree_fail(field: str, value: object, submission: Path) -> None:
    record = record_of(submission)
    document = json.loads(record.read_bytes())
    document["entry"][field] = value
    record.write_text(json.dumps(document))
    assert any(f"runs-disagree: {field}" in got for got in findings(record.parent.parent))


def test_the_time_limit_covers_verification(
    submission: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.auditing import submission as module

    entries = api.read(submission).entries
    monkeypatch.setattr(module, "differences", lambda *_: time.sleep(30))
    started = time.monotonic()
    judged = with_submission_defects(entries, timeout_s=0.5)
    assert time.monotonic() - started < 10
    assert all(
        any("not verified: it took longer than" in defect.got for defect in entry.defects)
        for entry in judged
    )
