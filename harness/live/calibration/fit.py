"""Fit one meter to a reference that saw the same load.

A reading stamped at t is taken for a linear function of the mean of the reference over a window:

    y(t) = offset + gain * mean of the reference over [c - averaging / 2, c + averaging / 2]
    c    = t - lag - cell / 2

The cell is what the kind of the reading implies: the time since the reading before for means and
counters, nothing for instants. So the lag is how much later the middle of the window lies than a
user of the readings takes it to be, whatever the averaging.

1. Lag and window of the least sum of squares are searched (`search`).
2. Their weights around it, with the errors that readings at an edge have, give the intervals of
   both (`posterior`).
3. Gain and offset are those of the steady parts of the pulses, with the scatter between pulses
   (`line`); where there are too few, as of a meter that averages for long, those of all
   readings.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.live.calibration.interval import Interval
from harness.live.calibration.line import all_readings_line, steady_line
from harness.live.calibration.posterior import Posterior, Weights
from harness.live.calibration.powers import cumulative_energy, powers
from harness.live.calibration.reference import Reference
from harness.live.calibration.search import LONGEST_S, Search
from harness.traces.trace import Trace

MIN_READINGS = 12
"""Readings without which nothing is fitted."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A meter against its reference.

    Attributes:
        gain: Readings per unit of the reference.
        offset_w: Reading where the reference is zero [W].
        lag_s: How late the stamps are against those of the reference [s].
        averaging_s: Length of the window that a reading is the mean of [s].
        explained: Share of the variance of the readings that the reference explains.
        readings: Number of readings that were compared.
    """

    gain: Interval
    offset_w: Interval
    lag_s: Interval
    averaging_s: Interval
    explained: float
    readings: int


def fit(meter: Trace, reference: Trace, resolution_w: float = 0.0) -> Fit | None:
    """Fit a meter to a reference; None where too few readings can be compared.

    Args:
        meter: Readings of the meter.
        reference: Readings of the reference, which should be the faster one.
        resolution_w: Smallest step of the meter [W]: readings of a steady load share its error.
    """
    origin_ns = int(reference.t_ns[0]) if len(reference) else 0
    energy_t_s, energy_j = cumulative_energy(reference, origin_ns)
    readings = powers(meter, origin_ns)
    if len(energy_t_s) < MIN_READINGS or len(readings.t_s) < MIN_READINGS:
        return None
    search = Search(readings, Reference(energy_t_s, energy_j, 2 * LONGEST_S))
    optimum = search.optimum()
    line = steady_line(search, *optimum, resolution_w)
    first = line or all_readings_line(search, *optimum, search.count)
    posterior = Posterior(search, *optimum, first.gain.value, first.offset_w.value)
    place = (posterior.lag_s, posterior.window_s)
    line = steady_line(search, *place, resolution_w)
    line = line or all_readings_line(search, *place, posterior.effective)
    weights = posterior.weights()
    return Fit(
        gain=line.gain,
        offset_w=line.offset_w,
        lag_s=posterior.lag_interval(weights),
        averaging_s=_averaging(search, weights),
        explained=posterior.explained,
        readings=search.count,
    )


def _averaging(search: Search, weights: Weights) -> Interval:
    """Return the window, known at best to the interval of the reference; of counts exactly."""
    if search.readings.fixed:
        cell_s = float(np.median(search.readings.cell_s))
        return Interval(cell_s, cell_s, cell_s)
    window = weights.window_s().widened(search.reference.interval_s)
    return replace(window, low=max(window.low, 0.0))
