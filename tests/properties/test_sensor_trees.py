"""Random machines with a known true power: no joule is counted twice, none is dropped in silence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.live.sensor_checks import CheckedSensors, check_sensors
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


@st.composite
def machines(draw: st.DrawFn) -> tuple[list[Part], list[tuple[Subject, np.ndarray]]]:
    """A machine: its disjoint parts, and what each sensor that covers several of them shows."""
    watts = st.floats(1.0, 400.0)
    parts: list[Part] = []

    def part(*subjects: Subject) -> Part:
        idle_w = draw(watts)
        new = Part(idle_w, idle_w + draw(st.floats(0.0, 600.0)), subjects)
        parts.append(new)
        return new

    wholes: list[tuple[Subject, np.ndarray]] = []
    sockets = draw(st.integers(1, 2))
    amd = draw(st.booleans())
    inside_platform: list[Part] = []
    for socket in range(sockets):
        cores = part(classify("powercap", "core", device=str(socket)))
        rest = part()
        inside_platform += [cores, rest]
        seen = [classify("powercap", f"package-{socket}")]
        if amd:
            seen.append(classify("amd_energy", f"Esocket{socket}", device="hwmon3"))
        wholes += [(subject, cores.power_w + rest.power_w) for subject in seen]
        if not amd and draw(st.booleans()):
            inside_platform.append(part(classify("powercap", "dram", device=str(socket))))
    for number in range(draw(st.integers(0, 3))):
        pci = f"0000:{number + 1:02x}:00.0"
        drivers = draw(st.sampled_from([("nvml",), ("amdgpu",), ("amdgpu", "amdsmi"), ("xe",)]))
        part(*(classify(driver, "", device=f"d{number}", pci=pci) for driver in drivers))
    fans = part()
    platform = draw(st.sampled_from(["absent", "wired", "not wired"]))
    if platform != "absent" and not amd:
        power_w = sum((p.power_w for p in inside_platform), start=np.zeros(STEPS + 1))
        share = 1.1 if platform == "wired" else 0.3
        wholes.append((classify("powercap", "psys"), power_w * share))
        if platform == "wired":
            parts.append(Part(*(0.1 * power_w[[0, 20]]), ()))  # what the platform has of its own
    if draw(st.booleans()):
        total_w = sum((p.power_w for p in parts), start=np.zeros(STEPS + 1))
        kind = draw(st.sampled_from(["node", "supplies", "supply and rails"]))
        if kind == "node":
            wholes.append((classify("power_meter", "", device="hwmon1"), total_w))
        elif kind == "supplies":
            for number in range(2):
                label = classify("pmbus", "pin", device=f"hwmon{number + 5}")
                wholes.append((label, total_w / 2))
        else:
            total = classify("corsairpsu", "power total", device="hwmon7")
            rail = classify("corsairpsu", "power +12v", device="hwmon7")
            wholes += [(total, total_w), (rail, total_w * 0.9)]
    del fans
    return parts, wholes


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


@settings(deadline=None, max_examples=80)
@given(machine=machines(), data=st.data())
def test_no_joule_is_counted_twice_or_dropped_in_silence(
    machine: tuple[list[Part], list[tuple[Subject, np.ndarray]]], data: st.DataObject
) -> None:
    parts, wholes = machine
    sensors = [(subject, part.power_w) for part in parts for subject in part.subjects] + wholes
    order = data.draw(st.permutations(range(len(sensors))))
    traces = [
        trace(*sensors[index], number, data.draw(st.sampled_from(["counter", "power"])))
        for number, index in enumerate(order)
    ]
    checked = check_sensors(traces)
    truth_w = float(sum(part.power_w[1:].mean() for part in parts))
    total_w, kept = summed_w(checked)

    named = {finding.channel for finding in checked.findings}
    unsure = any(finding.code == "containment-unknown" for finding in checked.findings)
    slack_w = truth_w * LIMIT_PCT / 100 + 2.0
    assert total_w <= truth_w + slack_w or unsure

    assert {t.channel.id for t in traces} - kept <= named
    measured_w = sum(float(part.power_w[1:].mean()) for part in parts if part.subjects)
    assert total_w >= measured_w - slack_w or named
