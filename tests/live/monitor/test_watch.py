"""Watching meters on fake machines whose time passes with each read."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.monitor.watch import Snapshot, Watch
from harness.meters import parse
from harness.meters.base import Unavailable
from harness.meters.sampler_process import MeterRequest
from tests.cases.machine import EPOCH_NS, Machine

STEP_S = 0.25
DEADLINE_S = 10.0


class Clock:
    """A clock that a machine follows: each look is a quarter of a second later."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.t_s = machine, 0.0
        machine.put(0.0, 0.0)

    def wall_ns(self) -> int:
        self.t_s += STEP_S
        self.machine.put(self.t_s, STEP_S)
        return EPOCH_NS + round(self.t_s * 1e9)

    def monotonic(self) -> float:
        return self.t_s


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def watched(machine: Machine, seconds: float, *names: str) -> Snapshot:
    """Watch some meters of a machine for some of its own seconds."""
    clock = Clock(machine)
    requests = [MeterRequest(parse(f"{name}:root={machine.root}"), 0.001) for name in names]
    with Watch(requests, monotonic=clock.monotonic, wall_ns=clock.wall_ns) as watch:
        end = time.monotonic() + DEADLINE_S
        while (snapshot := watch.snapshot()).seconds < seconds and time.monotonic() < end:
            time.sleep(0.001)
    return snapshot


def test_a_tree_adds_up_its_outermost_channels(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 100)
    machine.zone("intel-rapl:0:0", "core", 60, start_uj=4_000_000_000)
    machine.zone("intel-rapl:1", "package-1", 40, start_uj=7_000_000_000)
    snapshot = watched(machine, 5, "rapl")
    assert [state.channel.id for state in snapshot.summed] == ["package-0", "package-1"]
    assert snapshot.power_w == pytest.approx(140, rel=0.01)
    energies = {state.channel.id: state.energy_j for state in snapshot.channels}
    core_j, package_j = energies["package-0-core"], energies["package-0"]
    assert core_j is not None
    assert package_j is not None
    assert core_j == pytest.approx(0.6 * package_j, rel=0.01)
    total_j = snapshot.energy_j
    assert total_j is not None
    assert total_j == pytest.approx(1.4 * package_j, rel=0.01)
    inner = next(s for s in snapshot.channels if s.channel.id == "package-0-core")
    assert inner.channel.part_of == "package-0"
    assert not snapshot.is_modelled


def test_a_counter_that_stands_still_is_no_0_w(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 0)
    snapshot = watched(machine, 5, "rapl")
    (state,) = snapshot.channels
    assert (state.power_w, state.energy_j) == (None, None)
    assert "did not move" in state.fault
    assert (snapshot.power_w, snapshot.energy_j) == (None, None)


def test_a_platform_that_is_not_wired_does_not_count(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 45)
    machine.zone("intel-rapl:1", "psys", 9.6, start_uj=700_000_000)
    snapshot = watched(machine, 5, "rapl")
    assert snapshot.power_w == pytest.approx(45, rel=0.01)
    assert any("psys is left out" in text for text in snapshot.notes)
    left_out = next(s for s in snapshot.channels if s.channel.id == "psys")
    assert not left_out.counts
    assert "left out" in left_out.fault


def test_a_sensor_that_fails_takes_the_sum_with_it(machine: Machine) -> None:
    machine.sensor("hwmon1", "amdgpu", 80, label="PPT", file="power1_average")
    machine.sensor("hwmon2", "amdgpu", 70, label="PPT", file="power1_average")
    machine.texts["hwmon2/power1_average"] = lambda t: "70000000" if t < 5 else "asleep"
    snapshot = watched(machine, 8, "hwmon")
    first, second = snapshot.channels
    assert first.power_w == pytest.approx(80)
    assert second.power_w is None
    assert second.failures > 0
    assert "not a number" in second.fault
    assert snapshot.power_w is None
    assert second.energy_j == pytest.approx(70 * 5, abs=70)


def test_channels_of_two_meters_with_one_name_are_told_apart(machine: Machine) -> None:
    for folder, watts in (("a", 10), ("b", 20)):
        machine.files(folder, {"hwmon1/name": "amdgpu"})
        machine.sensor(f"{folder}/hwmon1", "amdgpu", watts, file="power1_average")
    clock = Clock(machine)
    requests = [
        MeterRequest(parse(f"hwmon:root={machine.root / folder}"), 0.001) for folder in "ab"
    ]
    with Watch(requests, monotonic=clock.monotonic, wall_ns=clock.wall_ns) as watch:
        names = [state.channel.id for state in watch.snapshot().channels]
    assert names == ["hwmon-hwmon1-amdgpu-power1", "hwmon-2-hwmon1-amdgpu-power1"]


def test_fail_an_interval_in_which_a_counter_may_pass_its_range(machine: Machine) -> None:
    machine.zone("intel-rapl:0", "package-0", 100, range_uj=65_532_610_987)
    request = MeterRequest(parse(f"rapl:root={machine.root}"), 300.0)
    machine.put(0.0, 0.0)
    with pytest.raises(UsageError, match="may pass its range"), Watch([request]):
        pass


def test_fail_a_meter_that_cannot_be_used(machine: Machine) -> None:
    request = MeterRequest(parse(f"rapl:root={machine.root}"), 1.0)
    with pytest.raises(Unavailable, match="no RAPL zone"), Watch([request]):
        pass


def test_where_nothing_is_measured_nothing_is_known() -> None:
    empty = Snapshot((), 0.0)
    assert (empty.power_w, empty.energy_j) == (None, None)
