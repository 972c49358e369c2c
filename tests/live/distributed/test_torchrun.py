"""A real training under a real torchrun: two machines whose gradients gloo adds up."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from harness import api
from harness.energy.integrate import energy
from tests.live.distributed.machines import HERE, REPOSITORY, ended, environment, free_port

TOO_SMALL = 1
"""Rank 0 states that a training of one small network is too short and too inexact to count."""
HAS_TORCH = (
    importlib.util.find_spec("torch") is not None
    and importlib.util.find_spec("sklearn") is not None
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is absent: pip install 'joulemark[torch]'"),
]


def launched(
    tmp_path: Path, machine: int, port: int, *options: str, skew_s: float = 0.0
) -> subprocess.Popen[str]:
    """torchrun on one of two machines, with one rank of joulemark there."""
    where = [
        "--nnodes",
        "2",
        "--node-rank",
        str(machine),
        "--master-addr",
        "127.0.0.1",
        "--master-port",
        str(port),
    ]
    given = environment(tmp_path, machine, skew_s=skew_s, GLOO_SOCKET_IFNAME="lo")
    work = [
        "run",
        "digits-training-torch",
        "--out",
        str(tmp_path / "runs"),
        "--meter",
        "estimator",
        "--idle",
        "1",
    ]
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            *where,
            "--nproc-per-node",
            "1",
            "--no-python",
            sys.executable,
            str(HERE / "as_machine.py"),
            *work,
            *options,
        ],
        env=given,
        cwd=REPOSITORY,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_a_training_on_two_machines_is_one_run_with_the_energy_of_both(tmp_path: Path) -> None:
    options = ("--repeat", "2", "--set", "members=1", "--set", "target=0.95")
    port = free_port()
    ranks = [
        launched(tmp_path, machine, port, *options, skew_s=machine * 3.0) for machine in (0, 1)
    ]
    (a, said), (b, other) = ended(*ranks, seconds=240)
    assert (a, b) == (TOO_SMALL, 0), said + other
    (report,) = api.audit(api.read(tmp_path / "runs")).entries
    failed = {finding.rule for finding in report.findings if finding.status == "fail"}
    assert failed <= {"minimum-duration", "result-valid"}
    (entry,) = api.read(tmp_path / "runs").entries
    assert entry.system_description["number_of_nodes"] == 2
    for number, run in enumerate(entry.runs, 1):
        folder = tmp_path / "runs" / "digits-training-torch" / "time-to-train" / f"run-{number}"
        log = folder / "ranks" / "0" / "log" / f"result_{number}.txt"
        assert '"key": "number_of_ranks", "value": 2' in log.read_text()
        assert not list((folder / "ranks" / "1" / "log").glob("result_*"))  # rank 0 logs for all
        assert [trace.channel.node for trace in run.traces] == ["node-0", "node-1"]
        clock = run.evidence.recording.ranks[1]["clock"]
        assert abs(clock["before"]["ahead_s"] + 3.0) <= clock["before"]["round_trip_s"] / 2
        assert run.success is True
    (result,) = api.score(api.read(tmp_path / "runs"))
    for scored, run in zip(result.runs, entry.runs, strict=True):
        assert scored.energy_j == pytest.approx(
            sum(energy(trace, run.window).energy_j for trace in run.traces), rel=1e-3
        )
        assert scored.coverage == 1.0
