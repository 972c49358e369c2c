"""Runs on several machines: two real processes, each with its own boot id and wall clock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness import api
from harness.energy.integrate import energy
from harness.formats.base import Entry
from harness.formats.run_directory import FORMAT
from harness.signing.anchors import check_anchors
from tests.live.distributed.machines import as_torchrun, ended, environment, free_port, start

WORK = (
    "import json, os, sys, time\n"
    "def line(key, **m):\n"
    "    print(':::MLLOG ' + json.dumps({'key': key, 'time_ms': time.time() * 1000, "
    "'metadata': m}), flush=True)\n"
    "if os.environ['RANK'] == os.environ.get('FAILING'): time.sleep(0.5); sys.exit('out of "
    "memory')\n"
    "line('run_start')\n"
    "end = time.monotonic() + float(os.environ['LENGTH'])\n"
    "while time.monotonic() < end: sum(range(100_000)); time.sleep(0.005)\n"
    "line('run_stop', status='success')\n"
)
METER = (
    "estimator:idle_w=10,"
    "busy_w={}"
)  # watts of each rank's own: all read one /proc/stat, and are no copies

TOO_SHORT = 1
"""Exit code of rank 0: its workload of a second is shorter than the rules of our round demand."""


def machine(
    tmp_path: Path,
    rank: int,
    *,
    of: int = 2,
    out: Path | None = None,
    meet: str = "",
    length: float = 1.0,
    options: tuple[str, ...] = (),
    **env: object,
) -> subprocess.Popen[str]:
    """One rank, on the machine of its number unless told otherwise."""
    on = int(str(env.pop("on", rank)))
    given = environment(
        tmp_path,
        on,
        skew_s=float(str(env.pop("skew_s", 0.0))),
        rate=float(str(env.pop("rate", 0.0))),
    )
    given |= (
        as_torchrun(rank, of)
        | {"LENGTH": str(length)}
        | {name: str(value) for name, value in env.items()}
    )
    where = ["--meet", meet] if meet else []
    meter = METER.format(65 + rank)
    arguments = [
        "run",
        "--meter",
        meter,
        "--interval",
        "0.02",
        "--idle",
        "0.3",
        "--out",
        out or tmp_path / "runs",
    ]
    return start(
        [
            *arguments,
            *where,
            *options,
            "--name",
            "work",
            "--command",
            "--",
            sys.executable,
            "-c",
            WORK,
        ],
        given,
    )


def read(folder: Path) -> Entry:
    (entry,) = api.read(folder).entries
    return entry


def test_two_machines_make_one_run_on_one_timeline(tmp_path: Path) -> None:
    skew_s = -2.5
    (a, said), (b, other) = ended(machine(tmp_path, 0), machine(tmp_path, 1, skew_s=skew_s))
    assert (a, b) == (TOO_SHORT, 0), said + other
    folder = tmp_path / "runs" / "work" / "run-1"
    assert not list(folder.rglob(".*"))  # the room kept for a reason of failure is given back
    entry = read(tmp_path / "runs")
    (run,) = entry.runs
    assert [trace.channel.node for trace in run.traces] == ["node-0", "node-1"]
    assert entry.system_description["number_of_nodes"] == 2

    clock = json.loads((folder / "run.json").read_text())["facts"]["ranks"][1]["clock"]
    for when in ("before", "after"):
        assert abs(clock[when]["ahead_s"] + skew_s) <= clock[when]["round_trip_s"] / 2
    assert clock["limit_s"] < 0.05

    own = [FORMAT.read(folder / "ranks" / str(rank), "rank").runs[0].traces[0] for rank in (0, 1)]
    assert np.array_equal(run.traces[0].t_ns, own[0].t_ns)
    assert np.allclose((run.traces[1].t_ns - own[1].t_ns) / 1e9, -skew_s, atol=clock["limit_s"])
    for bounds in zip(
        *(trace.channel.edge_bounds_s or (0, 0) for trace in run.traces), strict=True
    ):
        assert sorted(bounds) == pytest.approx([0, clock["limit_s"]])  # exact where it was set
    parts = [energy(trace, run.window).energy_j for trace in run.traces]
    assert min(parts) > 5  # each machine idles at 10 W for a second
    (result,) = api.score(api.read(tmp_path / "runs"))
    assert sum(r.energy.energy_j for r in result.runs[0].readings) == pytest.approx(sum(parts))
    assert result.runs[0].energy_j == pytest.approx(
        sum(parts), rel=1e-3
    )  # with what clock errors take on average
    assert result.runs[0].coverage == 1.0

    (report,) = api.audit(api.read(tmp_path / "runs")).entries
    found = {(finding.rule, finding.status) for finding in report.findings}
    assert {rule for rule, status in found if status == "fail"} == {"minimum-duration"}
    assert "traces-from-journals" not in {rule for rule, _ in found}


def test_ranks_of_one_machine_are_measured_once(tmp_path: Path) -> None:
    (a, said), (b, _) = ended(machine(tmp_path, 0), machine(tmp_path, 1, on=0))
    assert (a, b) == (TOO_SHORT, 0), said
    assert "minimum-duration: got" in said
    entry = read(tmp_path / "runs")
    assert [trace.channel.node for trace in entry.runs[0].traces] == ["node-0"]
    assert entry.system_description["number_of_nodes"] == 1
    assert [item["node"] for item in entry.runs[0].evidence.recording.ranks] == ["node-0", "node-0"]


def test_each_repeat_meets_anew(tmp_path: Path) -> None:
    again = {"length": 0.3, "options": ("--repeat", "2")}
    (a, said), (b, _) = ended(machine(tmp_path, 0, **again), machine(tmp_path, 1, **again))
    assert (a, b) == (TOO_SHORT, 0), said
    assert "minimum-duration: got" in said
    runs = read(tmp_path / "runs").runs
    assert len(runs) == 2
    assert (
        runs[0].evidence.recording.ranks[0]["meeting"]
        != runs[1].evidence.recording.ranks[0]["meeting"]
    )


def test_the_plan_is_anchored_once_and_the_anchors_of_all_ranks_hold(tmp_path: Path) -> None:
    file = tmp_path / "anchors.jsonl"
    anchored = {"options": ("--anchor", str(file))}
    (a, said), (b, other) = ended(
        machine(tmp_path, 0, **anchored), machine(tmp_path, 1, **anchored)
    )
    assert (a, b) == (TOO_SHORT, 0), said + other
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["journal"] for line in lines].count("plan.json") == 1
    anchors = check_anchors(tmp_path / "runs", file)
    assert anchors.missing == ()
    assert anchors.held.count == len(lines) >= 3


@pytest.mark.parametrize("victim", [pytest.param(0, marks=pytest.mark.long), 1])
def test_a_rank_that_is_killed_leaves_an_incomplete_run_with_the_reason(
    victim: int, tmp_path: Path
) -> None:
    ranks = [machine(tmp_path, rank, length=30) for rank in (0, 1)]
    journals = [
        tmp_path / "runs" / "work" / "run-1" / "ranks" / str(n) / "samples" / "estimator.csv"
        for n in (0, 1)
    ]
    until(lambda: all(path.exists() and path.stat().st_size > 4000 for path in journals))
    time.sleep(0.5)
    os.kill(ranks[victim].pid, signal.SIGKILL)
    status, said = ended(*ranks)[1 - victim]
    assert status == 2
    assert f"rank {victim} is gone" in said
    entry = read(tmp_path / "runs")
    (defect,) = [defect for defect in entry.defects if defect.code == "run-incomplete"]
    assert (f"rank {victim} is gone" in defect.got) == (victim == 1)  # who is killed says nothing
    assert all(path.stat().st_size > 4000 for path in journals)
    (report,) = api.audit(api.read(tmp_path / "runs")).entries
    assert report.verdict == "invalid"
    code, refused = ended(
        start(["merge", tmp_path / "runs" / "work" / "run-1"], environment(tmp_path, 0))
    )[0]
    assert code == 2
    assert "was not recorded to its end" in refused


def test_a_workload_that_fails_on_one_machine_ends_the_run_on_all(tmp_path: Path) -> None:
    (a, said), (b, other) = ended(
        *(machine(tmp_path, rank, length=30, FAILING=1) for rank in (0, 1))
    )
    assert (a, b) == (2, 2)
    for text in (said, other):
        assert "exited with status 1" in text
        assert "out of memory" in text
    assert "rank 1" in said


def test_a_rank_that_never_comes_is_named(tmp_path: Path) -> None:
    (status, said) = ended(machine(tmp_path, 0, of=3, JOIN_S=1.0))[0]
    assert status == 2
    assert "no rank 1, 2" in said
    assert "--meet HOST:PORT" in said
    (guest, told) = ended(machine(tmp_path, 1, out=tmp_path / "other", JOIN_S=1.0))[0]
    assert guest == 2
    assert "rank 0 did not answer" in told
    assert not (tmp_path / "other" / "work").exists()


def test_machines_without_a_common_folder_are_merged_afterwards(tmp_path: Path) -> None:
    outs = [tmp_path / "a", tmp_path / "b"]
    port = free_port()
    ranks = [
        machine(tmp_path, n, out=out, meet=f"127.0.0.1:{port}", skew_s=n * 40)
        for n, out in enumerate(outs)
    ]
    (a, said), (b, other) = ended(*ranks)
    assert (a, b) == (0, 0), said + other
    assert "Copy the folders ranks/N" in said
    assert "joulemark merge" in said
    run = outs[0] / "work" / "run-1"
    (defect,) = [defect for defect in read(outs[0]).defects if defect.code == "run-incomplete"]
    assert "rank 1 has no record here" in defect.got
    (outs[1] / "work" / "run-1" / "ranks" / "1").rename(run / "ranks" / "1")
    assert ended(start(["merge", run], environment(tmp_path, 0)))[0][0] == 0
    entry = read(outs[0])
    assert not entry.defects
    (result,) = api.score(api.read(outs[0]))
    assert result.runs[0].energy_j == pytest.approx(
        sum(energy(t, entry.runs[0].window).energy_j for t in entry.runs[0].traces), rel=1e-3
    )
    again, said = ended(start(["merge", run], environment(tmp_path, 0)))[0]
    assert again == 2
    assert "is a complete run already" in said


@pytest.mark.long
def test_the_rank_of_another_run_is_not_merged(tmp_path: Path) -> None:
    port = free_port()
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        ended(
            *(
                machine(
                    tmp_path, n, out=tmp_path / name / str(n), meet=f"127.0.0.1:{port}", length=0.3
                )
                for n in (0, 1)
            )
        )
    run = tmp_path / "x" / "0" / "work" / "run-1"
    (tmp_path / "y" / "1" / "work" / "run-1" / "ranks" / "1").rename(run / "ranks" / "1")
    status, said = ended(start(["merge", run], environment(tmp_path, 0)))[0]
    assert status == 2
    assert "is not rank 1 of this run" in said


def test_loadgen_is_refused_on_several_machines(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    given = environment(tmp_path, 0) | as_torchrun(0, 2)
    status, said = ended(start(["run", "image-classification", "--out", tmp_path / "runs"], given))[
        0
    ]
    assert status == 2
    assert "runs on one machine" in said or "needs packages" in said
    assert not (tmp_path / "runs").exists()


def until(true: object, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)
