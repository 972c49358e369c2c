"""The sampler keeps its schedule and its record, whatever the meter does."""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import lay_out

import harness.traces.journal.writer as journal_module
from harness.core.errors import UsageError
from harness.meters import parse
from harness.meters import sampler_process as sampling
from harness.meters.base import Reading, Unavailable
from harness.meters.sampler import Sampler, check_interval
from harness.meters.sampler_process import MeterRequest, SamplerGroup, SamplingLost
from harness.traces.channel import Channel
from harness.traces.journal.reader import Samples, read_samples
from harness.traces.journal.writer import Journal

REPOSITORY = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("plugins")


def sample(
    folder: Path, *meters: str, seconds: float, interval_s: float = 0.02
) -> dict[str, Samples]:
    """What some meters say in some time, by name."""
    with SamplerGroup(
        [MeterRequest(parse(name), interval_s) for name in meters], folder
    ) as samplers:
        samplers.wait(seconds)
    return {path.stem: read_samples(path) for path in folder.glob("*.csv")}


class Clock:
    """A clock that stands still unless somebody sleeps; the wall clock steps when told."""

    def __init__(self) -> None:
        self.now, self.offset, self.step_at, self.step = 10**12, 1_700_000_000 * 10**9, math.inf, 0

    def mono(self) -> int:
        return self.now

    def wall(self) -> int:
        return self.now + self.offset + (self.step if self.now >= self.step_at else 0)

    def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1e9)


class Laggard:
    """A meter whose reads take a while: a list of times [s]; it stops the sampler after the
    last."""

    simulated = False

    def __init__(self, clock: Clock, delays: Sequence[float]) -> None:
        self.clock, self.delays, self.begun = clock, list(delays), []
        self.sampler: Sampler | None = None

    def read(self) -> Sequence[Reading]:
        self.begun.append(self.clock.now)
        self.clock.sleep(self.delays.pop(0))
        if not self.delays and self.sampler:
            self.sampler.stopping = True
        return [Reading("total", 100.0)]


@pytest.fixture
def laggard(
    tmp_path: Path, channel: Callable[..., Channel], monkeypatch: pytest.MonkeyPatch
) -> Callable:
    """Run a sampler at 10 Hz on a clock of our own, over reads of given lengths."""

    def run(delays: Sequence[float], **settings: float) -> tuple[Laggard, Sampler, Samples]:
        clock = Clock()
        for name, value in settings.items():
            setattr(clock, name, value)
        monkeypatch.setattr("time.sleep", clock.sleep)
        monkeypatch.setattr(journal_module, "both_clocks", lambda: (clock.wall(), clock.mono()))
        meter, channels = Laggard(clock, delays), [channel("instant")]
        journal = Journal(tmp_path / "j.csv", channels, {"meter": "laggard", "interval_s": 0.1})
        meter.sampler = Sampler(
            meter, channels, journal, 0.1, wall_ns=clock.wall, mono_ns=clock.mono
        )  # type: ignore[arg-type]
        meter.sampler.run()
        meter.sampler.beat()
        meter.sampler.finish()
        return meter, meter.sampler, read_samples(tmp_path / "j.csv")

    return run


def test_schedule_does_not_drift(laggard: Callable) -> None:
    """Reads that take a while each begin at start + k * interval, exactly."""
    meter, sampler, samples = laggard([0.001, 0.09, 0.03, 0.0, 0.0999] * 200)
    begun = np.array(meter.begun)
    assert (begun - begun[0]).tolist() == [k * 100_000_000 for k in range(1000)]
    assert sampler.missed == 0
    assert samples.late_ns.max() == 0


def test_a_late_read_skips_ticks_and_keeps_the_grid(laggard: Callable) -> None:
    meter, sampler, samples = laggard([0.01, 0.35, 0.01, 0.01])
    assert [(t - meter.begun[0]) // 100_000_000 for t in meter.begun] == [0, 1, 5, 6]
    assert sampler.missed == 3
    assert samples.statistics()["missed"] == 3


def test_readings_are_stamped_in_the_middle_of_the_read(laggard: Callable) -> None:
    meter, _, samples = laggard([0.01, 0.06, 0.02])
    middles = np.array(meter.begun) + np.array([5, 30, 10]) * 1_000_000
    assert (samples.traces[0].t_ns - 1_700_000_000 * 10**9 == middles).all()


@pytest.mark.parametrize("step_s", [2.0, -2.0, 0.05, -0.05, 3600.0])
def test_a_step_of_the_wall_clock_is_found(laggard: Callable, step_s: float) -> None:
    begin = 10**12
    _, _, samples = laggard([0.01] * 20, step_at=begin + 10**9, step=round(step_s * 1e9))
    (step,) = samples.steps()
    assert step.step_s == pytest.approx(step_s, abs=1e-6)


def test_a_clock_that_is_disciplined_does_not_step(laggard: Callable) -> None:
    _, _, samples = laggard([0.01] * 100, step_at=10**12 + 5 * 10**9, step=9_000_000)
    assert samples.steps() == []


def test_both_clocks_are_read_at_one_moment() -> None:
    for _ in range(50):
        before = time.time_ns() - time.monotonic_ns()
        wall, mono = journal_module.both_clocks()
        assert abs(wall - mono - before) < 5_000_000


def test_a_process_of_its_own_samples_and_counts_its_cost(tmp_path: Path) -> None:
    found = sample(tmp_path, "steady", seconds=1.2)["steady"]
    assert found.end is not None
    assert found.cut == 0
    assert len(found.traces[0]) + found.end["missed"] == pytest.approx(60, abs=15)
    statistics = found.statistics()
    assert 0 < statistics["cpu_s"] < 1
    assert (
        statistics["late_ms"]["p50"] <= statistics["late_ms"]["p99"] <= statistics["late_ms"]["max"]
    )
    assert statistics["failed"] == {}


def test_a_slow_meter_delays_no_other(tmp_path: Path) -> None:
    found = sample(tmp_path, "slow", "steady", seconds=2.0)
    assert 3 <= len(found["slow"].traces[0]) <= 8
    assert found["slow"].end["missed"] > 30
    assert len(found["steady"].traces[0]) > 50


@pytest.mark.parametrize("name", ["hanging", "locked"])
def test_a_meter_that_hangs_is_left_behind(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "STOP_S", 2.0)
    begun = time.monotonic()
    found = sample(tmp_path, name, "steady", seconds=2.5)
    assert time.monotonic() - begun < 12
    assert len(found[name].traces[0]) == 5
    assert len(found["steady"].traces[0]) > 50
    if (
        name == "hanging"
    ):  # the lock being held, nothing in that process can say so: the record just ends
        assert found[name].end == {"missed": 0, "hung": True} | {
            "missed": found[name].end["missed"]
        }
        hangs = [
            float(seconds[1])
            for item in found[name].traces[0].dropped
            if (seconds := re.search(r"has not answered for (\d+\.\d) s", item.raw))
        ]
        assert hangs
        assert max(hangs) <= 12
    else:
        assert found[name].end is None


def test_a_meter_that_vanishes_leaves_a_gap_and_comes_back(tmp_path: Path) -> None:
    trace = sample(tmp_path, "vanishing", seconds=1.5)["vanishing"].traces[0]
    assert len(trace.dropped) == 10
    assert {item.reason for item in trace.dropped} == {"not a number"}
    assert "No such device" in trace.dropped[0].raw
    assert len(trace) > 5
    assert trace.gaps()


def test_garbage_is_dropped_with_what_it_was(tmp_path: Path) -> None:
    found = sample(tmp_path, "garbage", seconds=1.5)["garbage"]
    trace = found.traces[0]
    assert len(trace.dropped) >= 13
    assert set(trace.value.tolist()) == {100.0}
    assert found.cut == 0
    assert {"negative", "not a number"} <= {item.reason for item in trace.dropped}


def test_a_meter_that_crashes_is_told_with_the_signal(tmp_path: Path) -> None:
    with pytest.raises(SamplingLost, match="SIGSEGV"):
        sample(tmp_path, "crashing", "steady", seconds=3.0)
    assert len(read_samples(tmp_path / "crashing.csv").traces[0]) == 5
    assert read_samples(tmp_path / "steady.csv").end is not None


def test_meters_that_cannot_be_had_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "READY_S", 2.0)
    with pytest.raises(Exception, match=r"broke when it was probed.*ZeroDivisionError: no range"):
        sample(tmp_path / "a", "steady", "unprobed", seconds=0.1)
    with pytest.raises(Unavailable, match=r"did not answer when it was probed.*silence"):
        sample(tmp_path / "b", "mute", seconds=0.1)
    with pytest.raises(Unavailable, match="modprobe"):
        sample(tmp_path / "c", f"rapl:root={tmp_path / 'none'}", seconds=0.1)


@pytest.mark.parametrize(("interval_s", "is_refused"), [(32.0, False), (33.0, True), (300.0, True)])
def test_an_interval_in_which_a_counter_may_wrap_unseen_is_refused(
    interval_s: float, is_refused: bool, channel: Callable[..., Channel]
) -> None:
    """65.5 kJ: half of it is 32.8 s at 1 kW."""
    channels = [channel("counter", counter_modulus_j=65_532.611)]
    if is_refused:
        with pytest.raises(UsageError, match=r"65533 J between reads.*at most 33 s"):
            check_interval(channels, interval_s, parse("rapl"))
    else:
        check_interval(channels, interval_s, parse("rapl"))


def test_a_counter_without_a_range_takes_any_interval(channel: Callable[..., Channel]) -> None:
    check_interval([channel("counter"), channel("mean")], 3600.0, parse("rapl"))


def test_the_notes_of_a_meter_are_in_its_journal(tmp_path: Path) -> None:
    root = lay_out("hwmon/mi250", tmp_path / "hwmon")
    found = sample(tmp_path / "j", f"hwmon:root={root}", seconds=0.3)["hwmon"]
    (noted,) = found.about["notes"]
    assert noted["channel"] == "hwmon6-amdgpu-PPT"
    assert noted["kind"] == "remark"


def test_ctrl_c_does_not_reach_the_sampler(tmp_path: Path) -> None:
    with SamplerGroup([MeterRequest(parse("steady"), 0.02)], tmp_path) as samplers:
        samplers.wait(0.2)
        samplers.processes[0].process.send_signal(signal.SIGINT)
        samplers.wait(0.4)
    assert read_samples(tmp_path / "steady.csv").end is not None


PARENT = """
import sys, time
from pathlib import Path
from harness.meters import parse
from harness.meters.sampler_process import MeterRequest, SamplerGroup
with SamplerGroup([MeterRequest(parse("steady"), 0.02)], Path(sys.argv[1])) as samplers:
    print(samplers.processes[0].process.pid, flush=True)
    samplers.wait(60)
"""


def test_a_sampler_whose_parent_is_killed_ends_its_record(tmp_path: Path, plugins: Path) -> None:
    paths = os.pathsep.join([str(REPOSITORY), str(plugins)])
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    with parent:
        assert parent.stdout is not None
        sampler = int(parent.stdout.readline())
        time.sleep(0.5)
        parent.kill()
        parent.wait()
    killed_ns = time.time_ns()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{sampler}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    found = read_samples(tmp_path / "steady.csv")
    assert found.end is not None
    assert abs(found.last_ns - killed_ns) < 5e9


def test_a_killed_sampler_loses_the_present_reading_only(tmp_path: Path) -> None:
    with SamplerGroup([MeterRequest(parse("steady"), 0.02)], tmp_path) as samplers:
        samplers.wait(1.0)
        samplers.processes[0].process.kill()
        killed_ns = time.time_ns()
        samplers.processes[0].process.wait()
        with pytest.raises(SamplingLost, match="SIGKILL"):
            samplers.check()
    found = read_samples(tmp_path / "steady.csv")
    assert found.end is None
    assert killed_ns - int(found.traces[0].t_ns[-1]) < 1e9


def test_a_journal_cut_anywhere_can_be_read(laggard: Callable, tmp_path: Path) -> None:
    laggard([0.01] * 8)
    whole = (tmp_path / "j.csv").read_bytes()
    header = whole.index(b"\n", whole.index(b"\n") + 1) + 1
    before = 0
    for end in range(header, len(whole)):
        path = tmp_path / "cut.csv"
        path.write_bytes(whole[:end])
        found = read_samples(path)
        assert found.cut == (0 if whole[end - 1 : end] == b"\n" else 1)
        assert len(found.traces[0]) >= before
        before = len(found.traces[0])
    assert before == 8


class Closing:
    """A meter that notes whether it was closed, and may fail at it."""

    simulated = False

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault, self.closed = fault, False

    def close(self) -> None:
        self.closed = True
        if self.fault is not None:
            raise self.fault


@pytest.mark.parametrize("fault", [None, OSError("gone"), ValueError("nonsense")])
def test_a_meter_is_closed_after_its_last_read(
    fault: Exception | None, tmp_path: Path, channel: Callable[..., Channel]
) -> None:
    meter = Closing(fault)
    sampler = Sampler(meter, [], Journal(tmp_path / "x.csv", [channel("mean")], {}), 0.1)  # type: ignore[arg-type]
    sampler.release()
    assert not meter.closed  # a read may still be going on
    sampler.stopped.set()
    sampler.release()
    assert meter.closed
