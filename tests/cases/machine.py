"""A machine of fake sensors whose true power is known, measured by real meters on a clock of its
own.

    machine = Machine(tmp_path)
    machine.counter("intel-rapl:0", {"name": "package-0"}, watts=100)
    result = machine.measure(Rapl(str(tmp_path)))
    assert result.energy_j == pytest.approx(100 * result.seconds)

The machine is idle, busy, and idle again; only the middle is the window of the run.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.energy.run import run_energy
from harness.live.sensors.checks import SensorFinding, check_sensors
from harness.meters.base import Meter, ReadFailed
from harness.traces.clean import build_trace
from harness.traces.trace import Trace, Window
from tests.auditing.rules import builders

EPOCH_NS = 1_700_000_000 * 10**9
INTERVAL_S = 0.2
WIDTH = 24
"""All files have one length."""
IDLE_S, BUSY_S = 2.0, 6.0
Power = Callable[[float], float]
"""Power [W] at a time since the machine was switched on [s]."""


def busy(idle_w: float, busy_w: float) -> Power:
    """Power of a part that idles, works while the run lasts, and idles again."""
    return lambda t: busy_w if IDLE_S <= t < IDLE_S + BUSY_S else idle_w


@dataclass
class Measured:
    """What a run on the machine gives: traces as they are summed, findings, and the energy [J]."""

    traces: list[Trace]
    findings: list[SensorFinding]
    window: Window

    @property
    def seconds(self) -> float:
        return self.window.seconds

    @property
    def summed(self) -> list[str]:
        """Ids of the channels that add up."""
        return [t.channel.id for t in self.traces if t.channel.part_of is None]

    @property
    def energy_j(self) -> float | None:
        """Energy as a score computes it [J]; None where a channel that is summed yields none."""
        run = builders.run(*self.traces, window=self.window)
        return run_energy(builders.entry(run), run).energy_j

    @property
    def codes(self) -> list[str]:
        return [finding.code.value for finding in self.findings]


@dataclass
class Machine:
    """Files that change with time.

    root: where they lie; counters: power behind each counter, its first value [uJ] and its modulus
    """

    root: Path
    counters: dict[str, tuple[Power, int, int]] = field(default_factory=dict)
    powers: dict[str, Power] = field(default_factory=dict)
    texts: dict[str, Callable[[float], str]] = field(default_factory=dict)
    counted: dict[str, float] = field(default_factory=dict)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))
    jitter_uj: int = 0

    def files(self, folder: str, contents: Mapping[str, object]) -> None:
        """Write files that do not change."""
        for name, content in contents.items():
            path = self.root / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{content}\n")

    def zone(
        self,
        number: str,
        name: str,
        power: Power | float,
        *,
        start_uj: int = 5_000_000_000,
        range_uj: int = 262_143_328_850,
    ) -> None:
        """Add a powercap zone."""
        self.files(number, {"name": name, "max_energy_range_uj": range_uj})
        self.counters[f"{number}/energy_uj"] = (_function(power), start_uj, range_uj + 1)

    def sensor(
        self,
        folder: str,
        name: str,
        power: Power | float,
        *,
        label: str = "",
        file: str = "power1_input",
        start_uj: int = 10**9,
        **others: object,
    ) -> None:
        """Add a hwmon sensor: a power, or a counter where the file's name begins with `energy`."""
        base = file.partition("_")[0]
        labels = {f"{base}_label": label} if label else {}
        self.files(folder, {"name": name, **labels, **others})
        path = f"{folder}/{file}"
        if base.startswith("energy"):
            self.counters[path] = (_function(power), start_uj, 0)
        else:
            self.powers[path] = _function(power)

    def put(self, t: float, step_s: float) -> None:
        """Write all files as they are at a time [s], a step [s] after the last."""
        for path, (power, start_uj, modulus) in self.counters.items():
            counted = self.counted.get(path, 0.0) + power(t - step_s / 2) * step_s
            self.counted[path] = counted
            jitter = int(self.rng.integers(0, self.jitter_uj + 1))
            value = start_uj + round(counted * 1e6) + jitter
            self._write(path, str(value % modulus if modulus else value))
        for path, power in self.powers.items():
            self._write(path, str(round(power(t) * 1e6)))
        for path, text in self.texts.items():
            self._write(path, text(t))

    def _write(self, path: str, content: str) -> None:
        """Write in place and in one go, as the kernel answers: no read may find half a number."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(descriptor, f"{content:<{WIDTH}}\n".encode(), 0)
        os.close(descriptor)

    def measure(self, *meters: Meter) -> Measured:
        """Probe the meters, read them while the machine idles, works and idles, and sum up."""
        self.put(0.0, 0.0)
        channels = {c.id: c for meter in meters for c in meter.probe()}
        rows: dict[str, tuple[list[int], list[float], list[str]]] = {
            id_: ([], [], []) for id_ in channels
        }
        steps = round((2 * IDLE_S + BUSY_S) / INTERVAL_S)
        for step in range(1, steps + 1):
            t = step * INTERVAL_S
            self.put(t, INTERVAL_S)
            for meter in meters:
                self._read(meter, EPOCH_NS + round(t * 1e9), rows)
        traces = [
            build_trace(channels[id_], np.array(t_ns), np.array(values), raw)
            for id_, (t_ns, values, raw) in rows.items()
        ]
        checked = check_sensors(traces)
        start_ns = EPOCH_NS + round(IDLE_S * 1e9)
        window = Window(start_ns, start_ns + round(BUSY_S * 1e9))
        return Measured(checked.traces, checked.findings, window)

    def _read(
        self, meter: Meter, t_ns: int, rows: dict[str, tuple[list[int], list[float], list[str]]]
    ) -> None:
        try:
            readings = meter.read()
        except ReadFailed as error:
            for channel in meter.probe():
                _add(rows[channel.id], t_ns, math.nan, str(error))
            return
        for reading in readings:
            _add(rows[reading.channel], t_ns, reading.value, reading.fault or repr(reading.value))


def _add(row: tuple[list[int], list[float], list[str]], t_ns: int, value: float, raw: str) -> None:
    row[0].append(t_ns)
    row[1].append(value)
    row[2].append(raw)


def _function(power: Power | float) -> Power:
    return power if callable(power) else lambda _: float(power)
