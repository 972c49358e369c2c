"""Meters of known errors that see one simulated load; it shares no code with the fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from harness.traces.channel import Accuracy, Channel
from harness.traces.trace import Trace

T0_NS = 1_700_000_000 * 10**9
GRID_S = 0.01
IDLE_W, BUSY_W, AROUND_S = 100.0, 260.0, 10.0


@dataclass(frozen=True)
class Load:
    """Cumulative energy of a load of irregular pulses, with noise and ramps.

    Attributes:
        t_s: Times [s].
        energy_j: Energy since the first [J].
    """

    t_s: np.ndarray
    energy_j: np.ndarray

    @staticmethod
    def draw(random: np.random.Generator, seconds: float) -> Load:
        t_s = np.arange(0, seconds, GRID_S)
        edges = AROUND_S + np.cumsum(random.uniform(3, 9, 200))
        inside = (t_s > AROUND_S) & (t_s < seconds - AROUND_S)
        busy = (np.searchsorted(edges, t_s) % 2 == 0) & inside
        ramp = float(np.exp(-GRID_S / 0.1))
        wander = lfilter([0.6], [1, -0.98], random.standard_normal(len(t_s)))
        power_w = IDLE_W + (BUSY_W - IDLE_W) * lfilter([1 - ramp], [1, -ramp], busy) + wander
        return Load(np.append(t_s, seconds), np.append(0.0, np.cumsum(power_w * GRID_S)))

    def energy(self, t_s: np.ndarray) -> np.ndarray:
        before_j = np.minimum(t_s, 0.0) * IDLE_W
        return np.interp(t_s, self.t_s, self.energy_j) + before_j


@dataclass(frozen=True)
class Errors:
    """What is wrong with a meter.

    Attributes:
        kind: Kind of its readings.
        interval_s: Time between two readings [s].
        lag_s: How late their stamps are [s].
        window_s: Window of a filter [s]; that of the kind where it is longer.
        gain: Readings per unit of the truth.
        offset_w: Reading at no power [W].
        noise_w: Standard deviation of their noise [W]; a counter has none.
        quantum: Smallest step [W or J]; 0 for none.
        stated_interval_s: Time between two readings that the channel states [s]; None for the true.
        sees: Whether the meter sees the load at all.
        late_s: How much later a stamp may be by chance [s], as of a device that is polled.
    """

    kind: str = "mean"
    interval_s: float = 1.0
    lag_s: float = 0.0
    window_s: float = 0.0
    gain: float = 1.0
    offset_w: float = 0.0
    noise_w: float = 0.5
    quantum: float = 0.1
    stated_interval_s: float | None = None
    sees: bool = True
    late_s: float = 0.0


def read(random: np.random.Generator, load: Load, errors: Errors) -> Trace:
    """Return the readings of a meter."""
    seconds = float(load.t_s[-1])
    t_s = np.arange(
        random.uniform(0, errors.interval_s) + errors.lag_s + 0.1, seconds, errors.interval_s
    )
    seen = load if errors.sees else Load(load.t_s, IDLE_W * load.t_s)
    end_s = t_s - errors.lag_s
    if errors.kind == "counter":
        value = errors.gain * seen.energy(end_s) + errors.offset_w * t_s
    else:
        shortest_s = errors.interval_s if errors.kind == "mean" else GRID_S
        window_s = max(errors.window_s, shortest_s)
        value = errors.gain * (seen.energy(end_s) - seen.energy(end_s - window_s)) / window_s
        value += errors.offset_w + errors.noise_w * random.standard_normal(len(t_s))
    if errors.quantum:
        value = np.round(value / errors.quantum) * errors.quantum
    is_counter = errors.kind == "counter"
    channel = Channel(
        id="meter",
        kind=errors.kind,  # type: ignore[arg-type]
        quantity="energy" if is_counter else "power",
        unit="J" if is_counter else "W",
        boundary="node",
        calibration_id="meter",
        accuracy=Accuracy(reading_limit_pct=5, source="a simulation"),
        nominal_interval_s=errors.stated_interval_s or errors.interval_s,
    )
    stamps_s = t_s + errors.late_s * random.uniform(size=len(t_s)) if errors.late_s else t_s
    t_ns = (T0_NS + stamps_s * 1e9).astype(np.int64)
    return Trace(channel, t_ns, np.maximum(value, 0.0))


REFERENCE = Errors(interval_s=0.1, quantum=0.0)
