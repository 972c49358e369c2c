"""Meters: how a true power curve becomes readings, and how readings go wrong.

Four kinds of reading: `mean` (the average over the cell that ends at the stamp), `instant` (the
power at the stamp), `counter` (energy so far, in steps, with a wrap) and `estimate` (as
`instant`, but from a model).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from .power import MS, NS, Floats, PowerCurve, Times, to_ns
from .truth import MeterError

Kind = Literal["mean", "instant", "counter", "estimate"]

FAILURE_TEXTS = ("-1", "-2", "nan", "9.91E+37")
"""What real meters print in the place of a reading they could not make."""


@dataclass(frozen=True)
class MeterModel:
    """What the meter's data sheet declares."""

    kind: Kind = "mean"
    interval_s: float = 1.0
    """Nominal time between readings [s], a whole number of milliseconds."""
    jitter_s: float = 0.0
    """Largest deviation of a reading's instant from the nominal grid [s]; below half the
    interval."""
    resolution: float = 0.1
    """Step of the readings [W], or [J] for a counter; 0 for none."""
    reading_limit_rel: float = 0.0
    """Limit of the gain, relative; for an estimate, the declared limit of the model's error."""
    range_limit_w: float = 0.0
    """Limit of the offset [W]."""
    clock_sigma_s: float = 0.0
    """Standard deviation of the meter's clock offset [s]."""
    update_s: float = 0.001
    """Counter only: the count stands still between multiples of this [s]."""
    wrap_j: float | None = None
    """Counter only: the count starts anywhere below this and wraps to 0 there [J]; None: from 0,
    no wrap."""

    def __post_init__(self) -> None:
        if not 0 <= self.jitter_s < self.interval_s / 2:
            raise ValueError(
                f"jitter_s: got {self.jitter_s}, expected from 0 to below half of "
                f"{self.interval_s} s"
            )


@dataclass(frozen=True)
class Faults:
    """Which readings go wrong, by their number in the faultless recording."""

    fail: Mapping[int, str] = field(default_factory=dict)
    """Failed readings and the text the meter prints for them, such as those in `FAILURE_TEXTS`."""
    drop: tuple[int, ...] = ()
    """Readings that never arrive: gaps."""
    repeat: tuple[int, ...] = ()
    """Readings that carry the stamp of the one before."""
    reverse: tuple[int, ...] = ()
    """Readings that change stamps with the one before, so that time runs backwards."""


NO_FAULTS = Faults()


@dataclass(frozen=True, eq=False)
class Recording:
    """The readings of one channel, as the meter stamped them."""

    kind: Kind
    t_ns: Times
    """Stamps by the meter's clock [ns, UTC], shape (n,)."""
    value: Floats
    """Readings: power [W], or energy [J] for a counter; nan where a reading failed; shape (n,)."""
    raw: tuple[str, ...] = ()
    """Text of each failed reading and "" for the others; empty where none failed."""


def draw_error(model: MeterModel, rng: np.random.Generator) -> MeterError:
    """One of the instruments the data sheet allows: gain and offset uniform within limits, clock
    normal."""
    gain, offset = rng.uniform(-1.0, 1.0, 2)
    clock_s = round(rng.normal(0.0, model.clock_sigma_s), 3)
    return MeterError(
        float(gain * model.reading_limit_rel), float(offset * model.range_limit_w), float(clock_s)
    )


def record(
    curve: PowerCurve,
    model: MeterModel,
    error: MeterError,
    *,
    start_ns: int,
    stop_ns: int,
    rng: np.random.Generator,
) -> Recording:
    """Watch the curve from `start_ns` to `stop_ns` (true time): one reading at the end of each
    interval.

    Each reading is made at the true instant; only its stamp is shifted by the meter's clock offset.
    """
    edges_ns = _edges_ns(model, start_ns, stop_ns, rng)
    if model.kind == "mean":
        power_w = np.diff(curve.cumulative_j(edges_ns)) / (np.diff(edges_ns) / NS)
        value = power_w * (1 + error.gain_rel) + error.offset_w
    elif model.kind == "counter":
        value = _count_j(curve, model, error, edges_ns, rng)
    else:
        value = curve.at_w(edges_ns[1:]) * (1 + error.gain_rel) + error.offset_w
    return Recording(
        model.kind, edges_ns[1:] + to_ns(error.clock_offset_s), _quantise(value, model)
    )


def with_faults(recording: Recording, faults: Faults) -> Recording:
    """The same recording with some readings failed, restamped or lost."""
    t_ns, value = recording.t_ns.copy(), recording.value.copy()
    raw = [""] * value.size
    for row, text in faults.fail.items():
        value[row], raw[row] = np.nan, text
    for row in faults.repeat:
        t_ns[row] = t_ns[row - 1]
    for row in faults.reverse:
        t_ns[row - 1], t_ns[row] = t_ns[row], t_ns[row - 1]
    keep = np.setdiff1d(np.arange(value.size), faults.drop)
    kept_raw = tuple(raw[row] for row in keep) if faults.fail else ()
    return Recording(recording.kind, t_ns[keep], value[keep], kept_raw)


def _edges_ns(model: MeterModel, start_ns: int, stop_ns: int, rng: np.random.Generator) -> Times:
    """The true instants between which the meter's cells lie: the nominal grid, each moved by the
    jitter."""
    interval_ns, jitter_ms = to_ns(model.interval_s), round(model.jitter_s * 1000)
    edges_ns = np.arange(start_ns, stop_ns + 1, interval_ns, dtype=np.int64)
    if jitter_ms:
        edges_ns[1:] += rng.integers(-jitter_ms, jitter_ms, edges_ns.size - 1, endpoint=True) * MS
    return edges_ns


def _count_j(
    curve: PowerCurve,
    model: MeterModel,
    error: MeterError,
    edges_ns: Times,
    rng: np.random.Generator,
) -> Floats:
    """Count [J] at each reading: the energy up to the last update, on top of a count already
    there."""
    update_ns = to_ns(model.update_s)
    start_ns, at_ns = edges_ns[0], edges_ns[1:] - (edges_ns[1:] - edges_ns[0]) % update_ns
    true_j = curve.cumulative_j(at_ns) - curve.cumulative_j(start_ns)
    count_j = true_j * (1 + error.gain_rel) + error.offset_w * ((at_ns - start_ns) / NS)
    if model.wrap_j is not None:
        count_j = (count_j + rng.uniform(0.0, model.wrap_j)) % model.wrap_j
    return np.asarray(count_j, dtype=np.float64)


def _quantise(value: Floats, model: MeterModel) -> Floats:
    """To whole steps of the resolution: counters count full steps, other meters round."""
    if model.resolution <= 0:
        return value
    steps = value / model.resolution
    return np.asarray(
        (np.floor(steps) if model.kind == "counter" else np.rint(steps)) * model.resolution
    )
