"""Six network meters on one simulated machine: how often each one's interval holds the truth.

    python -m benchmarks.laboratory.network --sessions 400

The meters are those of `harness.meters.network.adapters` with their maps, their polling, their
dropping of repeats and their stamps. A simulated device takes the place of the connection, and a
clock that is set takes that of the machine, so that a session of minutes takes milliseconds. Each
device has a gain and an offset of its own within the limits that its channel states, and refreshes
at a phase of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np

from benchmarks.laboratory.loads import Curve, play, window
from benchmarks.laboratory.meters import EPOCH_S, NS, as_entry, as_run
from harness.meters.network import polled
from harness.meters.network.adapters import http, mqtt, prometheus, ptdaemon, scpi, snmp
from harness.meters.network.device_map import MapChannel
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter
from harness.scoring.score import score
from harness.traces.clean import build_trace
from harness.traces.trace import Trace

SEED = 20
SECONDS = 60.0
AROUND_S = 15.0
READ_S = 0.1
"""Time between two reads by the sampler [s]."""
LATE_S = 0.002
"""How late a read may be [s]."""
FIRST_SAMPLE_S = 0.05
"""How old the first reading of a PTDaemon is when it is seen [s]."""
LOW, HIGH = 0.93, 0.97
"""Bar of the coverage of intervals of 95 %."""
WALL_MAP = """
schema_version: "1.0"
name: wall
protocol: prometheus
title: a counter at the wall
source: the laboratory
channels:
  - {id: wall, kind: counter, boundary: wall, refresh_s: 1, source: the laboratory,
     accuracy: {reading_limit_pct: 2, range_limit_w: 0, source: the laboratory},
     read: {query: wall_joules_total}}
"""


@dataclass(slots=True)
class Clock:
    """A clock that is set; it stands where `time` does in the modules of the meters.

    Attributes:
        t_s: Time since the window began [s].
    """

    t_s: float = -AROUND_S

    def time_ns(self) -> int:
        """Return the time [ns UTC]."""
        return round((EPOCH_S + self.t_s) * NS)

    def monotonic_ns(self) -> int:
        """Return a time that only grows [ns]."""
        return round((1000 + self.t_s) * NS)


@dataclass(slots=True)
class Device:
    """What measures behind a meter.

    Attributes:
        curve: The load.
        clock: The time.
        refresh_s: Time between two updates [s].
        phase_s: When it updates, after the window began [s].
        stamps: Whether it stamps its numbers, and gives each of them.
        late_s: How much later its stamps are than its updates [s].
        gain: Readings per unit of the truth.
        offset_w: What it shows without a load [W].
        seen: Number of the last update that was fetched.
    """

    curve: Curve
    clock: Clock
    refresh_s: float
    phase_s: float
    stamps: bool
    late_s: float = 0.0
    gain: float = 1.0
    offset_w: float = 0.0
    seen: int | None = None

    def samples(self, item: MapChannel) -> Sequence[Sample]:
        """Return the present number, or all since the last fetch where it stamps them."""
        last = int(np.floor((self.clock.t_s - self.phase_s) / self.refresh_s))
        first = last if not self.stamps or self.seen is None else self.seen + 1
        self.seen = last
        return [self._sample(item, number) for number in range(first, last + 1)]

    def _sample(self, item: MapChannel, number: int) -> Sample:
        t_s = self.phase_s + number * self.refresh_s
        value = self._value(item.kind, t_s) / item.scale
        if item.quantum:
            step = item.quantum / item.scale
            value = round(value / step) * step
        stamp_ns = round((EPOCH_S + t_s + self.late_s) * NS)
        return Sample(value, stamp_ns if self.stamps else None)

    def _value(self, kind: str, t_s: float) -> float:
        begin_s = float(self.curve.t[0])
        if kind == "counter":
            energy_j = float(self.curve.energy(begin_s, t_s))
            return self.gain * energy_j + self.offset_w * (t_s - begin_s)
        if kind == "mean":
            energy_j = float(self.curve.energy(t_s - self.refresh_s, t_s))
            return self.gain * energy_j / self.refresh_s + self.offset_w
        return self.gain * float(np.interp(t_s, self.curve.t, self.curve.power)) + self.offset_w


@dataclass(frozen=True)
class Meter:
    """One of the six.

    Attributes:
        name: Its protocol.
        adapter: The meter.
        options: Its options.
        refresh_s: Time between two updates of its device [s].
        stamps: Whether its numbers carry a time: the device's, or that of arrival.
        late_s: Bounds of how much later its stamps are than its updates [s].
        range_w: Voltage range times current range of an analyzer [W].
    """

    name: str
    adapter: type[NetworkMeter]
    options: Mapping[str, str]
    refresh_s: float
    stamps: bool = False
    late_s: tuple[float, float] = (0.0, 0.0)
    range_w: float | None = None

    def made(self, device: Device, map_file: Path) -> NetworkMeter:
        """Return the meter with a simulated device behind it."""
        options = dict(self.options, refresh=str(self.refresh_s), host="127.0.0.1")
        if self.adapter is prometheus.METER:
            options["map"] = str(map_file)
        made: Any = _with_device(self.adapter)(**options)
        made.device = device
        if self.adapter is scpi.METER:
            made._client = _Ranges()
        elif self.range_w is not None:
            made._range_w = self.range_w
        return cast(NetworkMeter, made)


RANGE_V, RANGE_A = 300.0, 2.0
RANGE_W = RANGE_V * RANGE_A


class _Ranges:
    """An analyzer that is asked for its ranges and nothing else."""

    link = "socket"

    def ask(self, query: str) -> str:
        """Return the range of voltage [V] or of current [A]."""
        return str(RANGE_V if "VOLTAGE" in query else RANGE_A)


METERS = (
    Meter("snmp", snmp.METER, {"device": "apc-rpdu2", "only": "outlet"}, 1.0),
    Meter("mqtt", mqtt.METER, {"device": "shelly-gen2", "name": "plug"}, 1.0, True, (0.0, 0.1)),
    Meter("http", http.METER, {"device": "shelly-gen2"}, 1.0),
    Meter("prometheus", prometheus.METER, {"scrape": "/metrics"}, 1.0),
    Meter("scpi", scpi.METER, {"device": "wt300e"}, 0.25),
    Meter("ptdaemon", ptdaemon.METER, {"device": "wt310e"}, 1.0, True, (-0.03, 0.03), RANGE_W),
)


def _with_device(adapter: type[NetworkMeter]) -> Any:
    """Return a meter whose connection is a simulated device."""

    class Simulated(adapter):  # type: ignore[valid-type,misc]
        """The meter, but for its connection."""

        device: Device

        def connect(self) -> None:
            """Connect to nothing."""
            self.identity = {"model": "simulated"}

        def disconnect(self) -> None:
            """Leave nothing."""

        def _setup(self) -> None:
            """Prepare nothing."""

        def expand(self, item: MapChannel) -> Iterator[tuple[str, Mapping[str, Any]]]:
            """Yield the one number of a channel."""
            yield "", item.read

        def device_time_ns(self) -> int | None:
            """Return None: the device tells no time but its stamps."""
            return None

        def fetch(self, points: Sequence[Point]) -> Fetched:
            """Return the numbers of the device."""
            return {point.id: self.device.samples(point.item) for point in points}

    return Simulated


@contextmanager
def clock_of_meters(clock: Clock) -> Iterator[None]:
    """Let the meters read a clock that is set."""
    modules: tuple[ModuleType, ...] = (polled, ptdaemon)
    real = [vars(module)["time"] for module in modules]
    for module in modules:
        vars(module)["time"] = clock
    try:
        yield
    finally:
        for module, time in zip(modules, real, strict=True):
            vars(module)["time"] = time


@dataclass(frozen=True)
class Outcome:
    """What sessions showed of one meter.

    Attributes:
        held: For each session, whether the interval held the truth.
        widths: Widths of the intervals, as shares of the truth.
        errors: Errors of the values, as shares of the truth.
    """

    held: list[bool] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)

    @property
    def coverage(self) -> float:
        """Share of the sessions whose interval held the truth."""
        return float(np.mean(self.held))


def session(rng: np.random.Generator, map_file: Path) -> Iterator[tuple[Meter, Trace, float]]:
    """Play one session; yield each meter, its readings, and the true energy [J]."""
    curve = play(window(0.02), SECONDS, rng, AROUND_S + 5)
    clock = Clock()
    with clock_of_meters(clock):
        made = []
        for meter in METERS:
            phase_s = rng.uniform(0, meter.refresh_s)
            if meter.adapter is ptdaemon.METER:  # it measures from the Go on, when it is probed
                phase_s = -AROUND_S - rng.uniform(0, FIRST_SAMPLE_S)
            device = Device(curve, clock, meter.refresh_s, phase_s, meter.stamps)
            device.late_s = rng.uniform(*meter.late_s)
            made.append(_probed(meter.made(device, map_file), device, rng))
        rows: list[list[tuple[int, float]]] = [[] for _ in made]
        for read_s in np.arange(-AROUND_S + READ_S, SECONDS + AROUND_S, READ_S):
            for (adapter, _), readings in zip(made, rows, strict=True):
                clock.t_s = float(read_s) + rng.uniform(0, LATE_S)
                readings += [
                    (clock.time_ns() if item.t_ns is None else item.t_ns, item.value)
                    for item in adapter.read()
                ]
    truth_j = float(curve.energy(0.0, SECONDS))
    for meter, (_, channel), readings in zip(METERS, made, rows, strict=True):
        t_ns, values = zip(*readings, strict=True)
        trace = build_trace(channel, np.array(t_ns, np.int64), np.array(values))
        yield meter, trace, truth_j


def _probed(adapter: NetworkMeter, device: Device, rng: np.random.Generator) -> tuple[Any, Any]:
    """Probe a meter, and draw the errors of its device within the limits of its channel."""
    (channel,) = adapter.probe()
    limits = channel.accuracy
    device.gain = 1 + rng.uniform(-1, 1) * limits.gain_mpe
    device.offset_w = rng.uniform(-1, 1) * limits.range_limit_w
    return adapter, channel


def outcomes(sessions: int, seed: int = SEED) -> dict[str, Outcome]:
    """Play sessions, and return what they showed of each meter."""
    result = {meter.name: Outcome() for meter in METERS}
    with tempfile.TemporaryDirectory() as folder:
        map_file = Path(folder) / "wall.yaml"
        map_file.write_text(WALL_MAP)
        for number in range(sessions):
            rng = np.random.default_rng((seed, number))
            for meter, trace, truth_j in session(rng, map_file):
                entry = as_entry("machine", [as_run([trace], SECONDS, 0.0, "run", 1.0)])
                energy = score(entry).energy
                assert energy.value is not None
                assert energy.low is not None
                assert energy.high is not None
                outcome = result[meter.name]
                outcome.held.append(energy.low <= truth_j <= energy.high)
                outcome.widths.append((energy.high - energy.low) / truth_j)
                outcome.errors.append((energy.value - truth_j) / truth_j)
    return result


def main() -> int:
    """Play sessions and print the table. Return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description="Six network meters on one simulated machine")
    parser.add_argument("--sessions", type=int, default=400)
    parser.add_argument("--seed", type=int, default=SEED)
    options = parser.parse_args()
    found = outcomes(options.sessions, options.seed)
    error = np.sqrt(0.05 * 0.95 / options.sessions)
    print(f"Seed {options.seed}, {options.sessions} sessions of {SECONDS:g} s.\n")
    print("| meter | coverage | half-width | bias | bar |")
    print("|---|---|---|---|---|")
    missed = 0
    for name, outcome in found.items():
        is_met = LOW - error <= outcome.coverage <= HIGH + error
        missed += not is_met
        print(
            f"| {name} | {outcome.coverage:.1%} | {np.mean(outcome.widths) / 2:.2%} "
            f"| {np.mean(outcome.errors):+.2%} | {'met' if is_met else '**missed**'} |"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
