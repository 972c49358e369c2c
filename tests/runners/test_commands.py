"""The commands that measure, as a person types them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from tests.command_line import joulemark


def test_meters_names_what_is_there_and_the_remedy_for_what_is_not() -> None:
    done = joulemark("meters")
    assert done.returncode == 0, done.stderr
    listed, _, summed = done.stdout.partition("\n\n")
    paragraphs = re.sub(r"\n +", " ", listed).splitlines()
    found = {line.split()[0]: line for line in paragraphs}
    assert {"rapl", "hwmon", "nvml", "estimator", "file", "replay"} <= found.keys()
    assert "A run without --meter uses " in summed
    assert "ready: processors (estimate, package" in found["estimator"]
    for line in found.values():
        assert (
            "ready" in line
            or "--meter" in line
            or "pip install" in line
            or "Load the driver" in line
            or "driver" in line
            or "Use another meter" in line
            or "Install the" in line
        )


def test_workloads_and_doctor_say_what_can_be_run() -> None:
    done = joulemark("workloads")
    assert done.returncode == 0, done.stderr
    for name in ("digits-training", "image-classification", "file-type-detection", "lab-simulator"):
        assert name in done.stdout
    doctor = joulemark("doctor")
    assert doctor.returncode in (0, 1)
    assert "meter estimator: ready" in doctor.stdout
    assert "/submitter cannot be found out" in doctor.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("no-such",), ("no such workload", "digits-training", "--command")),
        (("lab-simulator",), ("is not run live", "README.md")),
        (("digits-training", "--scenario", "Offline"), ("no such scenario", "time-to-train")),
        (("digits-training", "--set", "speed=1"), ("no such setting", "members")),
        (("digits-training", "--set", "speed"), ("NAME=VALUE",)),
        (("digits-training", "--meter", "geiger"), ("no such meter", "rapl")),
        (
            ("digits-training", "--meter", "estimator:interval=0"),
            ("is not an interval", "0.001 to 3600"),
        ),
        (("--command", "--"), ("no program to run",)),
        ((), ("name one workload",)),
    ],
)
def test_wrong_requests_are_refused_before_anything_is_written(
    args: tuple[str, ...], words: tuple[str, ...], tmp_path: Path
) -> None:
    done = joulemark("run", "--out", tmp_path / "runs", *args)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_modelled_run_is_labelled_modelled_wherever_it_shows(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    options = (
        "--meter",
        "estimator:idle_w=10,busy_w=65",
        "--interval",
        "0.05",
        "--idle",
        "0.2",
        "--name",
        "work",
    )
    done = joulemark(
        "run", *options, "--out", out, "--command", "--", sys.executable, "-c", "sum(range(10**7))"
    )
    assert done.returncode == 1, done.stderr  # shorter than the round allows
    trace = (out / "work" / "run-1" / "traces" / "processors.csv").read_text().partition("\n")[0]
    assert '"kind": "estimate"' in trace
    assert '"busy_w": 65.0' in trace
    assert "modelled" in joulemark("score", out).stdout
    (entry,) = json.loads(joulemark("score", out, "--json").stdout)["entries"]
    assert entry["measurement_class"] == "modelled"
    assert "modelled" in joulemark("leaderboard", out).stdout
    assert json.loads((out / "work" / "system.json").read_text())["number_of_nodes"] == 1


def test_a_run_on_a_played_trace_is_marked_simulated(tmp_path: Path) -> None:
    first = tmp_path / "first"
    options = (
        "--interval",
        "0.05",
        "--idle",
        "0.2",
        "--name",
        "work",
        "--command",
        "--",
        "sleep",
        "0.3",
    )
    done = joulemark("run", "--meter", "estimator", "--out", first, *options)
    assert done.returncode == 1, done.stderr  # shorter than the round allows
    trace = first / "work" / "run-1" / "traces" / "processors.csv"
    again = joulemark(
        "run", "--meter", f"replay:path={trace}", "--out", tmp_path / "again", *options
    )
    assert again.returncode == 1, again.stderr
    record = json.loads((tmp_path / "again" / "work" / "run-1" / "run.json").read_text())
    assert record["entry"]["simulated"] is True
    assert (
        json.loads((first / "work" / "run-1" / "run.json").read_text())["entry"]["simulated"]
        is False
    )
