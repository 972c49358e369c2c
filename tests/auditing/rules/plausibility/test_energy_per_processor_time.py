"""energy-per-processor-time: too few joules for the time that the processors worked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.auditing.rules import builders as b
from tests.signing import live

RULE = "energy-per-processor-time"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return live.record(tmp_path / "live")


def with_processor_time(run: Path, seconds: object) -> Path:
    record = json.loads((run / "run.json").read_bytes())
    record["facts"]["cpu_s"] = seconds
    (run / "run.json").write_text(json.dumps(record))
    return run.parent


@pytest.mark.parametrize("seconds", [10.0, 30_000.0])
def test_pass_energy_of_the_machine_that_did_the_work(run: Path, seconds: float) -> None:
    """Some 2 kJ at the node: 0.05 J a second would be reached at about 40,000 s."""
    b.assert_pass(b.report(with_processor_time(run, seconds)), RULE)


def test_warn_too_few_joules(run: Path) -> None:
    report = b.report(with_processor_time(run, 70_000.0))
    b.assert_found(
        report,
        RULE,
        "warn",
        where="run-1",
        got="7e+04 s of processor time",
        expected="at least 0.05 J",
    )


@pytest.mark.parametrize("seconds", [None, "many", float("1e400")])
def test_skip_no_processor_time(run: Path, seconds: object) -> None:
    if seconds == float("inf"):
        seconds = [1]
    report = b.report(with_processor_time(run, seconds))
    b.assert_found(
        report, RULE, "skip", where="result", got="no processor time", expected="joulemark run"
    )
