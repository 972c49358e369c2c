"""Fit one meter to a reference that saw the same load.

A reading stamped at t is taken for a linear function of the mean of the reference over a window:

    y(t) = offset + gain * mean of the reference over [c - averaging / 2, c + averaging / 2]
    c    = t - lag - cell / 2

The cell is what the kind of the reading implies: the time since the reading before for means and
counters, nothing for instants. So the lag is how much later the middle of the window lies than a
user of the readings takes it to be, whatever the averaging.

Lag and averaging are searched on a grid. The sum of squares at each point gives its posterior
weight (uniform prior, unknown noise), which stays right where the sum is flat: a meter that is
sampled once a second shows its lag only to within the moments between which no edge falls. Gain and
offset are normal at each point, and their mixture over the grid is what is reported.

Gain and offset are those of the readings that no edge of a pulse is near, where there are enough.

Residuals are largest at the edges of the pulses, and neighbours go together. So each estimate is
also made without each of some blocks of time (delete-a-group jackknife), and the wider interval of
both counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from harness.live.calibration.interval import LEVEL, Interval
from harness.live.calibration.powers import Readings, cumulative_energy, powers, with_idle_around
from harness.live.calibration.search import (
    BLOCKS,
    COARSE_S,
    GRID,
    SHORTEST_S,
    Posterior,
    Search,
    cell_widths,
)
from harness.traces.trace import Floats, Trace

MIN_READINGS = 12
"""Readings without which nothing is fitted."""
LONGEST_S = 120.0
"""Longest averaging window that is looked for [s]."""
LAGS_BEFORE = 2.0
"""How much earlier than its stamp a reading may be, in refresh intervals."""
LATEST_S = 10.0
"""Longest lag that is looked for [s], besides three refresh intervals and half of a window."""
BOUNDARY_WEIGHT = 0.1
"""Where the shortest window has this density against the best, it may as well be none."""


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
    refresh_s = float(np.median(np.diff(readings.t_s)))
    longest_s = min(LONGEST_S, float(energy_t_s[-1] - energy_t_s[0]) / 2)
    search = Search(readings, *with_idle_around(energy_t_s, energy_j, 2 * LONGEST_S))
    latest_s = max(LATEST_S, 3 * refresh_s) + (0.0 if readings.fixed else longest_s / 2)
    earliest_s = -LAGS_BEFORE * refresh_s
    lags = np.linspace(earliest_s, latest_s, round((latest_s - earliest_s) / COARSE_S) + 2)
    windows = _first_windows(readings, refresh_s, longest_s)
    coarse = search.posterior(lags, windows)
    best = search.optimum(coarse)
    estimates = _summary(search, search.posterior(*search.grid_around(*best)), resolution_w)
    estimates = _widened(estimates, search.jackknife(*best))
    reference_s = float(np.median(np.diff(energy_t_s)))
    steady = search.steady(*best, reference_s)
    if steady is not None:
        estimates = _with_steady_gain(estimates, steady, best, resolution_w)
    return _resolved(estimates, reference_s)


def _with_steady_gain(
    estimates: Fit, steady: Search, best: tuple[float, float], resolution_w: float
) -> Fit:
    """Return estimates with gain and offset of the readings that no edge is near.

    A reading at an edge says when it was made, and little of the gain. The intervals also hold the
    estimates of all readings.
    """
    lag_s, window_s = best
    posterior = steady.posterior(np.array([lag_s]), np.array([window_s]))
    summary = _summary(steady, posterior, resolution_w)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, BLOCKS - 1))
    gain_error, offset_error_w = steady.steady_errors(lag_s, window_s)
    gain, offset_w = summary.gain, summary.offset_w
    return replace(
        estimates,
        gain=gain.widened(max(reach * gain_error, abs(estimates.gain.value - gain.value))),
        offset_w=offset_w.widened(
            max(reach * offset_error_w, abs(estimates.offset_w.value - offset_w.value))
        ),
    )


def _first_windows(readings: Readings, refresh_s: float, longest_s: float) -> Floats:
    """Return the windows of the first grid [s], even in their logarithm."""
    if readings.fixed:
        return np.array([SHORTEST_S])
    steps = np.geomspace(refresh_s / 10, max(longest_s, refresh_s), GRID)
    return np.concatenate([[SHORTEST_S], steps])


def _summary(search: Search, posterior: Posterior, resolution_w: float) -> Fit:
    """Return the estimates with their intervals."""
    weight = posterior.weight
    gain = float((weight * posterior.gain).sum())
    gain_variance = float((weight * (posterior.gain_sd**2 + (posterior.gain - gain) ** 2)).sum())
    mean_w = float((weight * posterior.mean_w).sum())
    height_w = 2 * float(np.std(search.deviation_w)) / max(abs(gain), 1e-12)
    rounding = resolution_w / np.sqrt(12)
    if height_w > 0:
        gain_variance += 2 * (rounding / height_w) ** 2
    freedom = max(search.effective - 4, 1.0)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    residual_variance = search.total * (1 - search.explained(posterior)) / freedom
    offset = search.mean_w - gain * mean_w
    offset_sd = np.sqrt(
        residual_variance / search.effective + mean_w**2 * gain_variance + rounding**2
    )
    return Fit(
        gain=_around(gain, reach * np.sqrt(gain_variance)),
        offset_w=_around(offset, reach * offset_sd),
        lag_s=_quantiles(posterior.lags, weight.sum(axis=1)),
        averaging_s=_averaging(search, posterior),
        explained=search.explained(posterior),
        readings=search.count,
    )


def _averaging(search: Search, posterior: Posterior) -> Interval:
    if search.readings.fixed:
        cell_s = float(np.median(search.readings.cell_s))
        return Interval(cell_s, cell_s, cell_s)
    weight = posterior.weight.sum(axis=0)
    interval = _quantiles(posterior.windows, weight)
    density = weight / cell_widths(posterior.windows)
    if posterior.windows[0] <= SHORTEST_S and density[0] >= BOUNDARY_WEIGHT * density.max():
        return Interval(interval.value, 0.0, interval.high)
    return interval


def _widened(estimates: Fit, errors: Floats) -> Fit:
    """Return estimates whose intervals hold those of the jackknife, too."""
    reach = float(stats.t.ppf((1 + LEVEL) / 2, BLOCKS - 1))
    gain, offset_w, lag_s, averaging_s = (reach * float(error) for error in errors)
    averaging = estimates.averaging_s.widened(averaging_s)
    return replace(
        estimates,
        gain=estimates.gain.widened(gain),
        offset_w=estimates.offset_w.widened(offset_w),
        lag_s=estimates.lag_s.widened(lag_s),
        averaging_s=replace(averaging, low=max(averaging.low, 0.0)),
    )


def _resolved(estimates: Fit, reference_s: float) -> Fit:
    """Return estimates that claim no more than the reference resolves: its interval [s]."""
    averaging = estimates.averaging_s.widened(reference_s)
    return replace(
        estimates,
        lag_s=estimates.lag_s.widened(reference_s / 4),
        averaging_s=replace(averaging, low=max(averaging.low, 0.0)),
    )


def _around(value: float, half_width: float) -> Interval:
    return Interval(value, float(value - half_width), float(value + half_width))


def _quantiles(points: Floats, weight: Floats) -> Interval:
    """Return mean and interval of a weighted grid; each point stands for its cell."""
    value = float((points * weight).sum())
    if len(points) < 2:
        return Interval(value, value, value)
    middles = (points[1:] + points[:-1]) / 2
    edges = np.concatenate([[points[0]], middles, [points[-1]]])
    cumulative = np.concatenate([[0.0], np.cumsum(weight)])
    low, high = np.interp([(1 - LEVEL) / 2, (1 + LEVEL) / 2], cumulative / cumulative[-1], edges)
    return Interval(value, float(low), float(high))
