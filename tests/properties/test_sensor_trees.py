"""Random machines of known true power: no joule counts twice, and none is dropped silently."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.live.sensors.checks import CheckedSensors, check_sensors
from harness.meters.topology import Subject, classify
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import build_trace
from harness.traces.trace import Trace

STEPS = 60
T_NS = 1_700_000_000 * 10**9 + np.arange(STEPS + 1, dtype=np.int64) * 200_000_000
LIMIT_PCT = 1.0
BUSY = (np.arange(STEPS + 1) >= 15) & (np.arange(STEPS + 1) < 45)


@dataclass(frozen=True)
class Part:
    """A part of a machine: its power while idle and busy [W], and the sensors that measure it."""

    idle_w: float
    busy_w: float
    subjects: tuple[Subject, ...]

    @property
    def power_w(self) -> np.ndarray:
        return np.where(BUSY, self.busy_w, self.idle_w)


def trace(subject: Subject, power_w: np.ndarray, number: int, kind: str) -> Trace:
    """The trace of one sensor, a counter or a power; each counter has a start of its own."""
    channel = Channel(
        id=f"{number}-{subject.driver}-{subject.label}",
        kind="counter" if kind == "counter" else "mean",
        quantity="energy" if kind == "counter" else "power",
        unit="J" if kind == "counter" else "W",
        boundary=subject.boundary,
        calibration_id=str(number),
        accuracy=Accuracy(reading_limit_pct=LIMIT_PCT, source="test"),
        nominal_interval_s=0.2,
        extra=subject.header(),
    )
    cells_j = power_w[1:] * 0.2
    counted_j = 1000.0 * (number + 1) + np.concatenate([[0.0], np.cumsum(cells_j)])
    return build_trace(channel, T_NS, counted_j if kind == "counter" else power_w)


@dataclass
class Drawn:
    """A machine: its disjoint parts, and what each sensor that covers several of them shows.

    whole_machine: whether a sensor or two measure all of it
    """

    parts: list[Part] = field(default_factory=list)
    wholes: list[tuple[Subject, np.ndarray]] = field(default_factory=list)
    whole_machine: bool = False

    def add(self, draw: st.DrawFn, *subjects: Subject) -> Part:
        """Add a part that some sensors measure, each all of it."""
        idle_w = draw(st.floats(1.0, 400.0))
        part = Part(idle_w, idle_w + draw(st.floats(0.0, 600.0)), subjects)
        self.parts.append(part)
        return part

    def total_w(self) -> np.ndarray:
        return sum_w(self.parts)


def sum_w(parts: list[Part]) -> np.ndarray:
    return sum((part.power_w for part in parts), start=np.zeros(STEPS + 1))


@st.composite
def machines(draw: st.DrawFn) -> Drawn:
    """A machine with one or two sockets, boards, fans, a platform counter, node meter or
    supplies."""
    drawn = Drawn()
    amd = draw(st.booleans())
    platform = [
        part
        for socket in range(draw(st.integers(1, 2)))
        for part in _socket(draw, drawn, socket, amd)
    ]
    for number in range(draw(st.integers(0, 3))):
        pci = f"0000:{number + 1:02x}:00.0"
        drivers = draw(st.sampled_from([("nvml",), ("amdgpu",), ("amdgpu", "amdsmi"), ("xe",)]))
        drawn.add(draw, *(classify(name, "", device=f"d{number}", pci=pci) for name in drivers))
    if draw(st.booleans()):
        unknown = classify("ina226", "", device="hwmon9")
        drawn.wholes.append((unknown, draw(st.sampled_from(drawn.parts)).power_w))
    drawn.add(draw)  # fans, which nothing measures alone
    if not amd:
        _platform(draw, drawn, sum_w(platform))
    _supplies(draw, drawn)
    return drawn


def _socket(draw: st.DrawFn, drawn: Drawn, socket: int, amd: bool) -> list[Part]:
    """A socket: cores with a counter, the rest without, both in the package; perhaps memory."""
    cores = drawn.add(draw, classify("powercap", "core", device=str(socket)))
    inside = [cores, drawn.add(draw)]
    package_w = sum_w(inside)
    drawn.wholes.append((classify("powercap", f"package-{socket}"), package_w))
    if amd:
        label = classify("amd_energy", f"Esocket{socket}", device="hwmon3")
        drawn.wholes.append((label, package_w))
    elif draw(st.booleans()):
        inside.append(drawn.add(draw, classify("powercap", "dram", device=str(socket))))
    return inside


def _platform(draw: st.DrawFn, drawn: Drawn, power_w: np.ndarray) -> None:
    """A platform counter: absent, wired (with a tenth of its own), or showing less than its
    parts."""
    state = draw(st.sampled_from(["absent", "wired", "not wired"]))
    if state == "wired":
        own = Part(0.1 * power_w[0], 0.1 * power_w[20], ())
        drawn.parts.append(own)
        drawn.wholes.append((classify("powercap", "psys"), power_w + own.power_w))
    elif state == "not wired":
        drawn.wholes.append((classify("powercap", "psys"), 0.3 * power_w))


def _supplies(draw: st.DrawFn, drawn: Drawn) -> None:
    """What feeds all of it: nothing that measures, a node meter, two supplies, or one with
    rails."""
    total_w = drawn.total_w()
    kind = draw(st.sampled_from(["none", "node", "supplies", "rails"]))
    drawn.whole_machine = kind != "none"
    if kind == "node":
        drawn.wholes.append((classify("power_meter", "", device="hwmon1"), total_w))
    elif kind == "supplies":
        for number in (5, 6):
            drawn.wholes.append((classify("pmbus", "pin", device=f"hwmon{number}"), total_w / 2))
    elif kind == "rails":
        for label, share in (("power total", 1.0), ("power +12v", 0.9)):
            drawn.wholes.append((classify("corsairpsu", label, device="hwmon7"), share * total_w))


def summed_w(checked: CheckedSensors) -> tuple[float, set[str]]:
    """Mean power of what is summed, and the ids of the channels that it covers [W]."""
    total = 0.0
    for item in checked.traces:
        if item.channel.part_of is None and len(item):
            value = item.value
            if item.channel.kind == "counter":
                total += float(value[-1] - value[0]) / (0.2 * STEPS)
            else:
                total += float(value[1:].mean())
    return total, {item.channel.id for item in checked.traces}


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.too_slow])
@given(machine=machines(), data=st.data())
def test_no_joule_is_counted_twice_or_dropped_in_silence(
    machine: Drawn, data: st.DataObject
) -> None:
    sensors = all_sensors(machine)
    order = data.draw(st.permutations(range(len(sensors))))
    kinds = [data.draw(st.sampled_from(["counter", "power"])) for _ in order]
    check(machine, [sensors[index] for index in order], kinds)


def test_an_unknown_sensor_may_measure_what_lies_inside_a_platform() -> None:
    """Of 6 W in a platform of 7.7 W, 7 W of them in the package, nobody knows whose they are."""
    cores = Part(1.0, 6.0, (classify("powercap", "core", device="0"),))
    package_w = cores.power_w + 1.0
    machine = Drawn(
        parts=[cores, Part(1.0, 1.0, ()), Part(1.0, 1.0, ()), Part(0.2, 0.7, ())],
        wholes=[
            (classify("powercap", "package-0"), package_w),
            (classify("ina226", "", device="hwmon9"), cores.power_w),
            (classify("powercap", "psys"), 1.1 * package_w),
        ],
    )
    check(machine, all_sensors(machine), ["counter"] * 4)


Sensor = tuple[Subject, np.ndarray]


def all_sensors(machine: Drawn) -> list[Sensor]:
    """What each sensor of a machine measures, and its power [W]."""
    of_parts = [(subject, part.power_w) for part in machine.parts for subject in part.subjects]
    return of_parts + machine.wholes


def check(machine: Drawn, sensors: list[Sensor], kinds: list[str]) -> None:
    """Assert the law for a machine whose sensors come in some order and of some kinds."""
    parts = machine.parts
    traces = [
        trace(*sensor, number, kind)
        for number, (sensor, kind) in enumerate(zip(sensors, kinds, strict=True))
    ]
    checked = check_sensors(traces)
    truth_w = float(sum(part.power_w[1:].mean() for part in parts))
    total_w, kept = summed_w(checked)

    named = {finding.channel for finding in checked.findings}
    unsure = any(finding.code == "containment-unknown" for finding in checked.findings)
    slack_w = truth_w * LIMIT_PCT / 100 + 2.0
    assert total_w <= truth_w + slack_w or unsure

    if machine.whole_machine:
        assert abs(total_w - truth_w) <= slack_w
        assert not unsure

    assert {t.channel.id for t in traces} - kept <= named
    measured_w = sum(float(part.power_w[1:].mean()) for part in parts if part.subjects)
    assert total_w >= measured_w - slack_w or named
