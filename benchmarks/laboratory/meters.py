"""Meters with known errors: they read a load, and their readings become an entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.laboratory.loads import Curve
from harness.formats.base import Entry, Run, Work
from harness.traces.channel import Accuracy, Channel, Kind
from harness.traces.clean import build_trace
from harness.traces.trace import Trace, Window

Floats = NDArray[np.float64]
EPOCH_S = 1_700_000_000
NS = 1_000_000_000


@dataclass(frozen=True, kw_only=True)
class Meter:
    """How a load is read.

    Attributes:
        kind: What a reading is: mean over its interval, instant, or counter.
        interval_s: Time between readings [s].
        gain: Limit of the relative error, uniform.
        offset_w: Limit of the offset [W], uniform.
        clock_s: Standard deviation of the clock's error [s].
        declared_clock_s: What the channel states of it; ``None`` where it states nothing.
        step: Resolution of a reading [W or J]; 0 for none.
        update_s: A counter moves only at multiples of this time [s].
        late_s: How much later the stamps are than the moments they belong to [s].
        stated_late_s: What the channel states of it; ``None`` where it states nothing.
        gap: Time after the start of the window at which three readings are missing [s].
        declared_kind: What the channel says of the kind, where it is wrong.
        begin_stamps: Whether a mean is stamped at the start of its interval.
        analyzer: Whether it is an analyzer with a calibration of its own.
    """

    kind: Kind = "mean"
    interval_s: float = 1.0
    gain: float = 0.001
    offset_w: float = 0.1
    clock_s: float = 0.005
    declared_clock_s: float | None = 0.005
    step: float = 0.0
    update_s: float = 0.0
    late_s: float = 0.0
    stated_late_s: float | None = None
    gap: float | None = None
    declared_kind: Kind | None = None
    begin_stamps: bool = False
    analyzer: bool = True


@dataclass(frozen=True)
class Errors:
    """Errors that one meter has throughout: of gain, offset [W] and, if it is shared, clock [s]."""

    gain: float
    offset_w: float


def draw_errors(meter: Meter, rng: np.random.Generator) -> Errors:
    """Draw the errors of a meter within its limits."""
    return Errors(rng.uniform(-1, 1) * meter.gain, rng.uniform(-1, 1) * meter.offset_w)


def read(
    meter: Meter,
    curve: Curve,
    errors: Errors,
    rng: np.random.Generator,
    phase: float | None = None,
) -> tuple[Floats, Floats]:
    """Return stamps [s] and readings of a load.

    Args:
        meter: How it is read.
        curve: The load.
        errors: Errors of the meter.
        rng: Random numbers of the session.
        phase: Where between two readings the window begins, in intervals; drawn if ``None``.
    """
    interval = meter.interval_s
    first = curve.t[0] + max(1.0, interval) + interval * (rng.uniform() if phase is None else phase)
    t = np.arange(first, curve.t[-1] - 1, interval)
    if meter.kind == "mean":
        values = curve.energy(t - interval, t) / interval
    elif meter.kind == "counter":
        moments = t
        if meter.update_s:
            phase = rng.uniform(0, meter.update_s)
            moments = np.floor((t - phase) / meter.update_s) * meter.update_s + phase
        values = curve.energy(curve.t[0], moments)
    else:
        values = np.interp(t, curve.t, curve.power)
    if meter.kind == "counter":
        values = values * (1 + errors.gain) + errors.offset_w * (t - t[0])
    else:
        values = values * (1 + errors.gain) + errors.offset_w
    if meter.step:
        values = np.round(values / meter.step) * meter.step
    stamps = t + meter.late_s + rng.normal(0, meter.clock_s)
    if meter.begin_stamps:
        stamps = stamps - interval
    if meter.gap is not None:
        missing = (t > meter.gap) & (t <= meter.gap + 3 * interval)
        stamps, values = stamps[~missing], values[~missing]
    return stamps, values


def channel(meter: Meter, calibration: str) -> Channel:
    """Return what the meter says of itself."""
    return Channel(
        id="total",
        kind=meter.declared_kind or meter.kind,
        quantity="energy" if (meter.declared_kind or meter.kind) == "counter" else "power",
        unit="J" if (meter.declared_kind or meter.kind) == "counter" else "W",
        boundary="wall",
        meter="yokogawa-wt310e" if meter.analyzer else "nvidia-nvml",
        calibration_id=calibration,
        accuracy=Accuracy(
            reading_limit_pct=100 * meter.gain, range_limit_w=meter.offset_w, source="laboratory"
        ),
        nominal_interval_s=meter.interval_s,
        clock="laboratory",
        clock_error_s=meter.declared_clock_s,
        resolution=meter.step or None,
        **_stated(update_interval_s=meter.update_s or None, stamp_lag_s=meter.stated_late_s),
    )


def _stated(**values: float | None) -> dict[str, Any]:
    """Return the fields that this release's channels have."""
    known = {field.name for field in fields(Channel)}
    return {name: value for name, value in values.items() if name in known and value is not None}


def as_trace(
    meter: Meter, stamps: Floats, values: Floats, start_s: float, calibration: str, name: str = ""
) -> Trace:
    """Return readings as a trace."""
    described = channel(meter, calibration)
    if name:
        described = replace(described, id=name, node=name, boundary="node")
    t_ns = np.round((stamps + EPOCH_S + start_s) * NS).astype(np.int64)
    return build_trace(described, t_ns, values)


def as_run(traces: Sequence[Trace], seconds: float, start_s: float, name: str, work: float) -> Run:
    """Return a run with its window and its traces."""
    start_ns = round((EPOCH_S + start_s) * NS)
    return Run(
        id=name,
        window=Window(start_ns, start_ns + round(seconds * NS)),
        traces=tuple(traces),
        work=Work(work, "query"),
        success=True,
    )


def as_entry(name: str, runs: Sequence[Run], ranging: Run | None = None) -> Entry:
    """Return an entry of runs."""
    return Entry(
        id=name,
        directory=Path(name),
        format="laboratory",
        round="",
        task="inference",
        submitter=name,
        system=name,
        benchmark="laboratory",
        scenario="Offline",
        runs=tuple(runs),
        ranging=ranging,
    )
