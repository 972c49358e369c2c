"""Ranks that freeze, die, come late, or whose network fails: a bounded end, with the reason.

Each rank is a real process with a wall clock and a machine of its own; the network is a pair of
namespaces with a link that loses, delays and cuts.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness import api
from harness.formats.base import Entry
from harness.live.merge_ranks import merge
from tests.live.distributed.links import ADDRESSES, Link, require_namespaces
from tests.live.distributed.machines import HERE, REPOSITORY, as_torchrun, environment
from tests.live.distributed.meter_file import header

PORT = 29511
WORK = (
    "import json, os, sys, time\n"
    "def line(key, **m):\n"
    "    print(':::MLLOG ' + json.dumps({'key': key, 'time_ms': time.time() * 1000, "
    "'metadata': m}), flush=True)\n"
    "line('run_start')\n"
    "time.sleep(float(os.environ['LENGTH']))\n"
    "line('run_stop', status='success')\n"
)
LIMITS = {"SILENCE_S": "4", "BEAT_S": "0.3", "JOIN_S": "40"}


class Ranks:
    """Two ranks of one run.

    Attributes:
        folder: Where everything of the test lies.
        link: The network between them; None for the loopback interface and a shared folder.
    """

    def __init__(self, folder: Path, link: Link | None = None) -> None:
        self.folder, self.link = folder, link
        self.processes: list[subprocess.Popen[str]] = []

    def out(self, rank: int) -> Path:
        return self.folder / ("runs" if self.link is None else f"runs-{rank}")

    def part(self, rank: int) -> Path:
        return self.out(rank) / "work" / "run-1" / "ranks" / str(rank)

    def start(self, rank: int, *, length: float = 1.0, idle: float = 0.3, **more: str) -> None:
        env = environment(self.folder, rank, skew_s=1.5 * rank) | as_torchrun(rank, 2)
        env |= LIMITS | {"LENGTH": str(length)} | more
        arguments = ["run", "--meter", f"estimator:idle_w=10,busy_w={65 + rank}"]
        arguments += ["--interval", "0.05", "--idle", str(idle), "--out", str(self.out(rank))]
        if self.link is not None:
            arguments += ["--meet", f"{ADDRESSES[0]}:{PORT}"]
        program = ["--name", "work", "--command", "--", sys.executable, "-c", WORK]
        command: Sequence[str] = [sys.executable, str(HERE / "as_machine.py"), *arguments, *program]
        if self.link is not None:
            command = self.link.command(rank, command)
        process = subprocess.Popen(
            command,
            env=env,
            cwd=REPOSITORY,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.processes.append(process)

    def ended(self, rank: int, seconds: float = 60) -> tuple[int, str]:
        """Status of a rank and what it printed to stderr."""
        text = self.processes[rank].communicate(timeout=seconds)[1]
        return self.processes[rank].returncode, text

    def log_has(self, rank: int, word: str) -> bool:
        path = self.part(rank) / "log" / "output.txt"
        return path.is_file() and word in path.read_text()


@pytest.fixture
def ranks(tmp_path: Path) -> Iterator[Ranks]:
    """Two ranks that share a folder; whatever is left of them is ended."""
    made = Ranks(tmp_path)
    yield made
    clean_up(made)


def clean_up(ranks: Ranks) -> None:
    for process in ranks.processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def until(true: object, seconds: float = 40.0) -> None:
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.05)


def left_running(folder: Path) -> list[str]:
    """Command lines of the processes that still work for a test."""
    marker = f"={folder}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker in environ.read_bytes():
                found.append((environ.parent / "cmdline").read_bytes().decode("utf-8", "replace"))
        except OSError:
            continue
    return [line for line in found if line]


def assert_incomplete(ranks: Ranks, *words: str, out: int = 0) -> None:
    (entry,) = api.read(ranks.out(out)).entries
    assert isinstance(entry, Entry)
    (defect,) = [item for item in entry.defects if item.code == "run-incomplete"]
    for word in words:
        assert word in defect.got
    (report,) = api.audit(api.read(ranks.out(out))).entries
    assert report.verdict == "invalid"


@pytest.mark.parametrize("frozen", [pytest.param(0, marks=pytest.mark.long), 1])
def test_a_frozen_rank_is_given_up_the_other_ends_and_the_run_is_incomplete(
    frozen: int, ranks: Ranks
) -> None:
    for rank in (0, 1):
        ranks.start(rank, length=120)
    until(lambda: all(ranks.log_has(rank, "run_start") for rank in (0, 1)))
    os.kill(ranks.processes[frozen].pid, signal.SIGSTOP)
    begin = time.monotonic()
    status, text = ranks.ended(1 - frozen)
    assert time.monotonic() - begin < 20
    assert status == 2
    assert f"rank {frozen} is gone; got it has been silent for" in text
    os.kill(ranks.processes[frozen].pid, signal.SIGCONT)
    thawed, text = ranks.ended(frozen)
    assert thawed == 2
    assert "is gone" in text or "has been silent" in text
    assert_incomplete(ranks, f"rank {frozen} is gone", "silent")
    assert left_running(ranks.folder) == []


@pytest.mark.parametrize("when", [pytest.param("before", marks=pytest.mark.long), "after"])
def test_a_rank_that_is_killed_outside_the_window_leaves_no_valid_run(
    when: str, ranks: Ranks
) -> None:
    for rank in (0, 1):
        ranks.start(rank, length=0.5, idle=4.0)
    if when == "before":
        journal = ranks.part(1) / "samples" / "estimator.csv"
        until(lambda: journal.is_file() and journal.stat().st_size > 3000)
    else:
        until(lambda: all(ranks.log_has(rank, "run_stop") for rank in (0, 1)))
        time.sleep(1.0)
    os.kill(ranks.processes[1].pid, signal.SIGKILL)
    begin = time.monotonic()
    status, text = ranks.ended(0)
    assert time.monotonic() - begin < 15
    assert status == 2
    assert "rank 1 is gone" in text
    assert_incomplete(ranks, "rank 1 is gone")
    until(lambda: left_running(ranks.folder) == [], 15)


def test_a_rank_that_comes_late_is_waited_for(ranks: Ranks) -> None:
    ranks.start(0)
    time.sleep(2.0)
    ranks.start(1)
    assert ranks.ended(0)[0] == 1  # its second of work is shorter than the rules demand
    assert ranks.ended(1)[0] == 0
    (entry,) = api.read(ranks.out(0)).entries
    assert not [item for item in entry.defects if item.code == "run-incomplete"]
    assert [item["window_from"] for item in entry.runs[0].evidence.recording.ranks] == ["marks"] * 2


def test_one_meter_for_two_machines_is_refused_before_the_start(ranks: Ranks) -> None:
    path = ranks.folder / "pdu.csv"
    path.write_text(header("pdu", calibration_id="pdu/4711"))
    for rank in (0, 1):
        env = environment(ranks.folder, rank) | as_torchrun(rank, 2) | LIMITS
        arguments = ["run", "--meter", f"file:path={path}", "--out", str(ranks.out(0))]
        program = ["--name", "work", "--command", "--", "sleep", "60"]
        command = [sys.executable, str(HERE / "as_machine.py"), *arguments, *program]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, env=env, cwd=REPOSITORY, text=True, stderr=pipe)
        ranks.processes.append(process)
    for rank in (0, 1):
        status, text = ranks.ended(rank)
        assert status == 2
        assert "one meter is to be read for two machines" in text
        assert "pdu/4711" in text
    assert_incomplete(ranks, "one meter is to be read for two machines")


@pytest.fixture
def wire(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ranks]:
    """Two ranks in namespaces, with a link that the parameters of the test describe."""
    require_namespaces()
    with Link(**getattr(request, "param", {})) as link:
        made = Ranks(tmp_path, link)
        yield made
        clean_up(made)


def test_a_cut_with_messages_under_way_ends_both_ranks_within_the_limit(wire: Ranks) -> None:
    for rank in (0, 1):
        wire.start(rank, length=300)
    until(lambda: all(wire.log_has(rank, "run_start") for rank in (0, 1)))
    assert wire.link is not None
    wire.link.cut()
    begin = time.monotonic()
    results = [wire.ended(rank) for rank in (0, 1)]
    assert time.monotonic() - begin < 20
    for rank, (status, text) in enumerate(results):
        assert status == 2
        assert f"rank {1 - rank} is gone" in text
        assert_incomplete(wire, f"rank {1 - rank} is gone", out=rank) if rank == 0 else None
    assert left_running(wire.folder) == []


BAD_LINKS = [
    pytest.param({"delay_s": 0.2, "jitter_s": 0.06, "loss": 0.05}, id="loss-and-delay"),
    pytest.param({"delay_s": 0.005, "loss": 0.05}, id="loss-5-percent", marks=pytest.mark.long),
    pytest.param({"delay_s": 0.2, "jitter_s": 0.06}, id="delay-200-60-ms", marks=pytest.mark.long),
]


@pytest.mark.parametrize("wire", BAD_LINKS, indirect=True)
def test_a_bad_link_delays_the_run_and_its_clock_bound_says_so(wire: Ranks) -> None:
    for rank in (0, 1):
        wire.start(rank, length=1.0, idle=0.5, TRIPS="4", SILENCE_S="15")
    (status, text), (other_status, other_text) = wire.ended(0, 100), wire.ended(1, 100)
    assert (status, other_status) == (0, 0), text + other_text
    run = wire.out(0) / "work" / "run-1"
    wire.part(1).rename(run / "ranks" / "1")
    merge(run)
    (entry,) = api.read(wire.out(0)).entries
    first, second = entry.runs[0].evidence.recording.ranks
    assert wire.link is not None
    clock = second["clock"]
    for when in ("before", "after"):
        assert abs(clock[when]["ahead_s"] + 1.5) <= clock[when]["round_trip_s"] / 2
        assert clock[when]["round_trip_s"] >= 2 * (wire.link.delay_s - wire.link.jitter_s)
    starts = [rank["window"]["start_ns"] / 1e9 for rank in (first, second)]
    assert abs(starts[1] - starts[0]) < 2.0  # the second hears of the start later, on one timeline
    assert entry.runs[0].window is not None
    assert entry.runs[0].window.start_ns == min(
        rank["window"]["start_ns"] for rank in (first, second)
    )
