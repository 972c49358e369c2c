"""Sums of real ranks, each with a meter's file that another program writes in real time.

The truth is worked out from those files and from what the workloads print, on the one true clock
of this machine; the ranks have clocks of their own, which are wrong.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness import api
from tests.live.distributed.machines import HERE, as_torchrun, ended, environment, start

SKEW_S = 3.0
LENGTHS = (1.5, 2.5)
WORK = (
    "import os, time\n"
    "begin = time.time()\n"
    "time.sleep(float(os.environ['LENGTH']))\n"
    "print(begin, time.time(), flush=True)\n"
)
WRITER_S = 240.0


def skew_s(rank: int) -> float:
    return SKEW_S * (rank % 3)


def rows(path: Path, rank: int) -> list[tuple[float, float]]:
    """Readings of a file: true time and power."""
    lines = [line.split(",") for line in path.read_text().splitlines()[2:]]
    return [(int(t_ns) / 1e9 - skew_s(rank), float(power)) for t_ns, power in lines]


def energy_between(readings: list[tuple[float, float]], begin_s: float, end_s: float) -> float:
    """Energy of mean powers, each over the time since the reading before [J]."""
    energy_j = 0.0
    for (before_s, _), (at_s, power_w) in itertools.pairwise(readings):
        energy_j += power_w * max(0.0, min(at_s, end_s) - max(before_s, begin_s))
    return energy_j


def writer(path: Path, env: dict[str, str], boundary: str, power_w: float) -> subprocess.Popen:
    """A meter's program that begins to write."""
    words = [path, f"pdu/{path.stem}", boundary, power_w, power_w / 20, WRITER_S]
    command = [sys.executable, str(HERE / "meter_file.py"), *map(str, words)]
    return subprocess.Popen(command, env=env)


@pytest.mark.parametrize(
    "count", [2, *(pytest.param(n, marks=pytest.mark.long) for n in (4, 8, 16))]
)
def test_the_sum_of_real_ranks_and_a_switch_is_the_energy_of_their_files(
    count: int, tmp_path: Path
) -> None:
    switch = tmp_path / "switch.csv"
    writers, processes = [], []
    environments = [
        environment(tmp_path, rank, skew_s=skew_s(rank), JOIN_S="90", READY_S="90")
        for rank in range(count)
    ]
    try:
        writers.append(writer(switch, environments[0], "interconnect", 45.0))
        for rank, env in enumerate(environments):
            writers.append(writer(tmp_path / f"{rank}.csv", env, "wall", 100.0 + 30 * rank))
        until_written(switch)
        for rank, env in enumerate(environments):
            until_written(tmp_path / f"{rank}.csv")
            env |= as_torchrun(rank, count) | {"LENGTH": str(LENGTHS[rank % 2])}
            options = ["--meter", f"file:path={tmp_path / f'{rank}.csv'}", "--interval", "0.05"]
            options += ["--idle", "0.5", "--out", str(tmp_path / "runs"), "--name", "work"]
            options += ["--shared-meter", f"file:path={switch}"]
            command = ["run", *options, "--command", "--", sys.executable, "-c", WORK]
            processes.append(start(command, env))
        results = ended(*processes, seconds=200)
    finally:
        for process in writers:
            process.kill()
            process.wait()
    assert [status for status, _ in results] == [1] + [0] * (count - 1), results[0][1]
    run = tmp_path / "runs" / "work" / "run-1"
    spans = []
    for rank in range(count):
        text = (run / "ranks" / str(rank) / "log" / "output.txt").read_text()
        spans.append([float(word) - skew_s(rank) for word in text.split()])
    (result,) = api.score(api.read(tmp_path / "runs"))
    (entry,) = api.read(tmp_path / "runs").entries
    window = entry.runs[0].window
    assert window is not None
    # a program lives a little longer than it works; rank 0, whose clock is true, states both
    begin_s, end_s = window.start_ns / 1e9, window.stop_ns / 1e9
    assert 0 <= min(span[0] for span in spans) - begin_s < 3
    assert 0 <= end_s - max(span[1] for span in spans) < 3
    files = [(switch, 0), *((tmp_path / f"{rank}.csv", rank) for rank in range(count))]
    truth = sum(energy_between(rows(path, rank), begin_s, end_s) for path, rank in files)
    assert result.energy.value == pytest.approx(truth, rel=0.003)
    assert result.energy.low <= truth <= result.energy.high
    assert {trace.channel.node for trace in entry.runs[0].traces} == {
        None,
        *(f"node-{rank}" for rank in range(count)),
    }
    (report,) = api.audit(api.read(tmp_path / "runs")).entries
    failed = {item.rule for item in report.findings if item.status == "fail"}
    assert failed <= {"minimum-duration", "largest-gap"}  # short, on a busy machine


def until_written(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.is_file() or path.read_text().count("\n") < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
