"""Join by time: how the energy of a trace falls on the steps of a series, and what that emits.

Energy runs through a trace as `harness.energy.integrate` integrates it: cells of mean power, the trapezoid between instants, or
differences of a counter; a gap holds the mean of its neighbours; before the first and after the last reading the
nearest power is held. Energy of a step is exact in the cells it cuts, so steps and adjacent windows add up.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.carbon.series import Floats, Ints, Series
from harness.core.timestamps import NS
from harness.traces.trace import GAP_CELLS, Trace, Window

CELLS = 8_192
"""Cells taken at once: both columns of a chunk stay in the processor's cache."""
J_PER_KWH = 3.6e6


def edges(series: Series, window: Window) -> Ints:
    """Instants that cut a window into the steps of a series [ns UTC]: both ends, and each step between them."""
    first = (window.start_ns - series.start_ns) // series.step_ns + 1
    last = -((series.start_ns - window.stop_ns) // series.step_ns)
    inner = series.start_ns + np.arange(first, last, dtype=np.int64) * series.step_ns
    return np.concatenate([[window.start_ns], inner, [window.stop_ns]]).astype(np.int64)


def profile(trace: Trace, cuts: Ints) -> Floats:
    """Energy between neighbouring cuts [J], shape (len(cuts) - 1,)."""
    t_ns, value = trace.t_ns, trace.value
    if len(t_ns) < 2:
        held = float(value[0]) if len(t_ns) and trace.channel.quantity == "power" else 0.0
        return np.asarray(held * np.diff(cuts) / NS)
    power = _Power(trace)
    at = np.clip(
        np.searchsorted(t_ns, cuts, "right"), 1, len(t_ns) - 1
    )  # cell (t[at-1], t[at]] holds each cut
    cut = power(t_ns[at - 1], t_ns[at], value[at - 1], value[at])
    partial = cut * (
        cuts - t_ns[at - 1]
    )  # from the start of that cell to the cut [W ns]; beyond the ends power is held
    return np.asarray((_between(trace, power, at - 1) + np.diff(partial)) / NS)


def _between(trace: Trace, power: _Power, first: Ints) -> Floats:
    """Energy of the whole cells from each index to the next one [W ns], shape (len(first) - 1,)."""
    bounds, last = np.unique(first[:-1]), int(first[-1])
    bounds = bounds[bounds < last]
    energy = np.zeros(len(first) - 1)
    if len(bounds):
        held = np.diff(first) > 0
        energy[held] = _groups(trace, power, bounds, last)
    return energy


def _groups(trace: Trace, power: _Power, bounds: Ints, last: int) -> Floats:
    """Energy of the cells from each bound to the next one, and from the final bound to `last` [W ns]."""
    total = np.zeros(len(bounds))
    for low in range(int(bounds[0]), last, CELLS):
        high = min(low + CELLS, last)
        t_ns, value = trace.t_ns[low : high + 1], trace.value[low : high + 1]
        energy = power(t_ns[:-1], t_ns[1:], value[:-1], value[1:]) * (t_ns[1:] - t_ns[:-1])
        group, after = np.searchsorted(bounds, [low, high - 1], "right").tolist()
        starts = np.maximum(bounds[group - 1 : after] - low, 0)
        total[group - 1 : after] += np.add.reduceat(energy, starts)
    return total


class _Power:
    """Mean power of cells [W], by the kind of the readings at both of their ends."""

    def __init__(self, trace: Trace) -> None:
        self.kind = trace.channel.kind
        self.modulus = trace.channel.counter_modulus_j or 0.0
        self.expected_ns = trace.expected_interval_s * NS

    def __call__(self, t0: Ints, t1: Ints, v0: Floats, v1: Floats) -> Floats:
        if self.kind == "mean":
            return self.filled(t1 - t0, v0, v1)
        if self.kind == "counter":
            return self.counted(v1 - v0) / ((t1 - t0) / NS)
        return (v0 + v1) / 2

    def filled(self, step: Ints, v0: Floats, v1: Floats) -> Floats:
        """The reading holds for its cell; the unread part of a gap has the mean of both neighbours."""
        if not len(step) or step.max() <= GAP_CELLS * self.expected_ns:
            return v1
        missing = np.where(step > GAP_CELLS * self.expected_ns, 1 - self.expected_ns / step, 0.0)
        return v1 + missing * ((v0 - v1) / 2)

    def counted(self, rise: Floats) -> Floats:
        """What was counted [J]; a wrap adds the modulus, what a reset lost counts as nothing."""
        return np.maximum(np.where(rise < 0, rise + self.modulus, rise), 0.0)


@dataclass(frozen=True, slots=True)
class Joined:
    """What a join found of one window.

    mean: mean of the series, weighted by energy [unit of the series]
    u_missing: its standard uncertainty from steps without a value [same unit]
    missing_share: share of the energy that falls on such steps
    """

    mean: float
    u_missing: float
    missing_share: float


def weigh(energy_j: Floats, cuts: Ints, series: Series, other: Series | None = None) -> Joined:
    """The energy-weighted mean of a series over the steps between cuts; each lies in one step of the series.

    other: a second series that multiplies the first (PUE), with steps that contain those between cuts
    """
    total = float(energy_j.sum())
    weight = energy_j / total if total else np.full(len(energy_j), 1 / len(energy_j))
    both = [series] if other is None else [series, other]
    places = [np.clip((cuts[:-1] - one.start_ns) // one.step_ns, 0, len(one) - 1) for one in both]
    value = np.prod([one.filled[at] for one, at in zip(both, places, strict=True)], axis=0)
    lost = [one.missing[at] for one, at in zip(both, places, strict=True)]
    # missing steps in a row were filled from the same neighbours: their errors are taken to be one
    u = [
        float((weight * value)[gone].sum()) * one.u_step
        for one, gone in zip(both, lost, strict=True)
        if gone.any()
    ]
    return Joined(float(weight @ value), math.hypot(*u), float(weight[np.any(lost, axis=0)].sum()))


def common_cuts(window: Window, series: Sequence[Series]) -> Ints:
    """Cuts of a window into steps of all series at once [ns UTC]."""
    if not series:
        return np.array([window.start_ns, window.stop_ns], np.int64)
    return np.unique(np.concatenate([edges(one, window) for one in series]))


def emissions_g(trace: Trace, window: Window, series: Series) -> float:
    """CO2e of a trace in a window [g]: sum over steps of energy times intensity. UsageError beyond the series."""
    series.demand(window)
    cuts = edges(series, window)
    energy = profile(trace, cuts)
    return float(energy.sum()) / J_PER_KWH * weigh(energy, cuts, series).mean
