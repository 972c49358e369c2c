"""VALID means what an audit would say: a bad meter or a stepped clock shows when the run ends."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from tests.live.test_faults import REPOSITORY, ended, start

SKEW = REPOSITORY / "tests" / "live" / "distributed" / "skew"
WORK = (sys.executable, "-c", "import time; time.sleep(10.5)")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("meter", "reason"),
    [
        ("hanging:after=20", "coverage: got"),
        ("vanishing:after=20", "not a number (first: OSError: [Errno 19] No such device"),
        ("garbage:after=20", "not readings"),
    ],
)
def test_a_meter_that_fails_makes_the_run_invalid(meter: str, reason: str, tmp_path: Path) -> None:
    status, text = ended(start(tmp_path / "runs", *WORK, meter=meter, interval="0.1"))
    assert status == 1, text
    assert ", INVALID" in text
    assert ", VALID" not in text
    assert reason in text


@pytest.mark.slow
def test_a_clock_set_back_makes_the_run_invalid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tests.live.test_faults as faults

    monkeypatch.setattr(faults, "PLUGINS", f"{faults.PLUGINS}:{SKEW}")
    monkeypatch.setenv("STEP_S", "-7200")
    monkeypatch.setenv("STEP_AT_S", str(time.monotonic() + 6))
    status, text = ended(start(tmp_path / "runs", *WORK, interval="0.1"))
    assert status == 1, text
    assert ", VALID" not in text
    assert "the wall clock went -7200.000 s" in text


@pytest.mark.slow
def test_a_good_run_ends_with_energy_interval_and_verdict(tmp_path: Path) -> None:
    process = start(tmp_path / "runs", *WORK, interval="0.1")
    status, text = ended(process)
    assert status == 0, text
    assert " kJ [" in text
    assert ", VALID" in text
    assert "enough for" in text  # the disk it takes is stated before the start
    record = json.loads((tmp_path / "runs" / "work" / "run-1" / "run.json").read_text())
    assert record["success"] is True


def test_a_run_shorter_than_the_round_allows_is_invalid(tmp_path: Path) -> None:
    status, text = ended(start(tmp_path / "runs", sys.executable, "-c", "pass"))
    assert status == 1, text
    assert "minimum-duration: got" in text


def test_what_the_workload_left_running_is_named_in_run_score_and_audit(tmp_path: Path) -> None:
    out = str(tmp_path / "runs")
    script = f"setsid sleep 60 & echo $! > {tmp_path}/pid; sleep 0.1"
    words = ["--command", "--name", "work", "--meter", "estimator", "--idle", "0.1", "--out", out]
    done = CliRunner().invoke(cli, ["run", *words, "--", "sh", "-c", script])
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    left = "the workload left processes that go on and draw power: "
    assert left in done.stderr
    assert left in CliRunner().invoke(cli, ["score", out, "--json"]).stdout
    audit = json.loads(CliRunner().invoke(cli, ["audit", out, "--json"]).stdout)
    found = [finding["got"] for finding in audit["entries"][0]["findings"]]
    assert [text for text in found if text.startswith(f"processes-left: {left}")]
