"""registered-data: the log of a training states the hashes of the data that its workload has."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.runners.workload import find_workload
from tests.auditing.rules import builders as b
from tests.tampers import native

RULE = "registered-data"
REGISTERED = find_workload("digits-training").spec["data"]["sha256"]


def test_pass_as_recorded(recorded: Path) -> None:
    b.assert_pass(b.report(recorded), RULE)


def test_fail_other_data(recorded: Path) -> None:
    native.other_data(recorded)
    native.restate(recorded)
    found = b.report(recorded)
    got = f"data_sha256 {'0' * 64}"
    for run in ("run-1", "run-3"):
        where = f"{run}/log/result_{run[-1]}.txt"
        b.assert_found(found, RULE, "fail", where=where, got=got, expected=REGISTERED)


@pytest.mark.parametrize("kept", ["", REGISTERED])
def test_fail_log_without_one_hash(recorded: Path, kept: str) -> None:
    """A second line with another hash does not hide behind the first."""
    (path,) = (recorded / "run-2" / "log").glob("result_*.txt")
    lines = path.read_text("utf-8").splitlines(keepends=True)
    (line,) = [line for line in lines if "data_sha256" in line]
    others = [other for other in lines if other != line]
    added = [line, line.replace(REGISTERED, "1" * 64)] if kept else []
    path.write_text("".join(others + added), "utf-8")
    native.restate(recorded)
    got = f"{'1' * 64}, {REGISTERED}" if kept else "data_sha256 not stated"
    b.assert_found(b.report(recorded), RULE, "fail", where="run-2", got=got, expected=REGISTERED)


def test_skip_workload_that_is_not_bundled(recorded: Path) -> None:
    native.each(recorded, lambda content: content["entry"].update(benchmark="mine"))
    native.restate(recorded)
    b.assert_found(
        b.report(recorded),
        RULE,
        "skip",
        where="result",
        got="no recorded run of a bundled training",
        expected="one",
    )
