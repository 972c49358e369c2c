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

Residuals are largest at the edges of the pulses, and neighbours go together. So each estimate is
also made without each of some blocks of time (delete-a-group jackknife), and the wider interval of
both counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from harness.core.timestamps import NS
from harness.traces.trace import Floats, Trace

LEVEL = 0.95
MIN_READINGS = 12
"""Readings without which nothing is fitted."""
SHORTEST_S = 1e-3
"""Window that stands for an instant [s]."""
LONGEST_S = 120.0
"""Longest averaging window that is looked for [s]."""
GRID = 25
"""Points of a grid each way."""
STARTS = 4
"""Points of the first grid from which the optimum is looked for."""
FALL = 9.0
"""How far the logarithm of the weight falls from the optimum to the end of the last grid."""
MAX_DOUBLINGS = 24
BLOCKS = 12
"""Blocks of time of the jackknife."""
LAGS_BEFORE = 2.0
"""How much earlier than its stamp a reading may be, in refresh intervals."""
LATEST_S = 10.0
"""Longest lag that is looked for [s], besides three refresh intervals and half of a window."""
COARSE_S = 0.5
"""Step of the first grid of lags [s]: pulses are several times as long."""
IDLE_READINGS = 5
"""Readings at either end of the reference that show the idle power around it."""
BOUNDARY_WEIGHT = 0.1
"""Where the shortest window has this density against the best, it may as well be none."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its interval at the level of this module.

    Attributes:
        value: Mean of the posterior.
        low: Low end.
        high: High end.
    """

    value: float
    low: float
    high: float


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


@dataclass(frozen=True, slots=True)
class _Readings:
    """Readings of a meter as powers, with the window that their kind implies.

    Attributes:
        t_s: Times [s].
        power_w: Powers [W].
        cell_s: Windows [s]; of instant readings 0.
        fixed: Whether the window is known exactly, as between two counts.
    """

    t_s: Floats
    power_w: Floats
    cell_s: Floats
    fixed: bool


def fit(meter: Trace, reference: Trace, resolution_w: float = 0.0) -> Fit | None:
    """Fit a meter to a reference; None where too few readings can be compared.

    Args:
        meter: Readings of the meter.
        reference: Readings of the reference, which should be the faster one.
        resolution_w: Smallest step of the meter [W]: readings of a steady load share its error.
    """
    origin_ns = int(reference.t_ns[0]) if len(reference) else 0
    energy_t_s, energy_j = _energy(reference, origin_ns)
    readings = _powers(meter, origin_ns)
    if len(energy_t_s) < MIN_READINGS or len(readings.t_s) < MIN_READINGS:
        return None
    refresh_s = float(np.median(np.diff(readings.t_s)))
    longest_s = min(LONGEST_S, float(energy_t_s[-1] - energy_t_s[0]) / 2)
    search = _Search(readings, *_with_idle_around(energy_t_s, energy_j, 2 * LONGEST_S))
    latest_s = max(LATEST_S, 3 * refresh_s) + (0.0 if readings.fixed else longest_s / 2)
    earliest_s = -LAGS_BEFORE * refresh_s
    lags = np.linspace(earliest_s, latest_s, round((latest_s - earliest_s) / COARSE_S) + 2)
    windows = _first_windows(readings, refresh_s, longest_s)
    coarse = search.posterior(lags, windows)
    best = search.optimum(coarse)
    estimates = search.summary(search.posterior(*search.grid_around(*best)), resolution_w)
    reference_s = float(np.median(np.diff(energy_t_s)))
    return _resolved(_widened(estimates, search.jackknife(*best)), reference_s)


def _with_idle_around(t_s: Floats, energy_j: Floats, around_s: float) -> tuple[Floats, Floats]:
    """Extend an energy at both ends by the power there: the machine idles around the pulses."""
    count = IDLE_READINGS
    first_w = (energy_j[count] - energy_j[0]) / (t_s[count] - t_s[0])
    last_w = (energy_j[-1] - energy_j[-1 - count]) / (t_s[-1] - t_s[-1 - count])
    times = np.concatenate([[t_s[0] - around_s], t_s, [t_s[-1] + around_s]])
    ends_j = (energy_j[0] - first_w * around_s, energy_j[-1] + last_w * around_s)
    return times, np.concatenate([[ends_j[0]], energy_j, [ends_j[1]]])


def _energy(trace: Trace, origin_ns: int) -> tuple[Floats, Floats]:
    """Return times [s] and cumulative energy [J] of a trace, linear between its readings."""
    t_s = (trace.t_ns - origin_ns) / NS
    if trace.channel.kind == "counter":
        return t_s, trace.value - (trace.value[0] if len(trace) else 0.0)
    steps = np.diff(t_s)
    is_mean = trace.channel.kind == "mean"
    power = trace.value[1:] if is_mean else (trace.value[1:] + trace.value[:-1]) / 2
    return t_s, np.concatenate([[0.0], np.cumsum(power * steps)])


def _powers(trace: Trace, origin_ns: int) -> _Readings:
    t_s = (trace.t_ns - origin_ns) / NS
    if len(t_s) < 2:
        return _Readings(t_s[:0], trace.value[:0], t_s[:0], fixed=False)
    cells = np.diff(t_s)
    if trace.channel.kind == "counter":
        return _Readings(t_s[1:], np.diff(trace.value) / cells, cells, fixed=True)
    if trace.channel.kind == "mean":
        return _Readings(t_s[1:], trace.value[1:], cells, fixed=False)
    return _Readings(t_s, trace.value, np.zeros(len(t_s)), fixed=False)


def _first_windows(readings: _Readings, refresh_s: float, longest_s: float) -> Floats:
    """Return the windows of the first grid [s], even in their logarithm."""
    if readings.fixed:
        return np.array([SHORTEST_S])
    steps = np.geomspace(refresh_s / 10, max(longest_s, refresh_s), GRID)
    return np.concatenate([[SHORTEST_S], steps])


@dataclass(frozen=True, slots=True)
class _Posterior:
    """Weights on a grid of lags and windows, with gain and offset at each point.

    Attributes:
        lags: Lags [s], shape (m,).
        windows: Windows [s], shape (n,).
        squares: Sums of squares that are left [W^2], shape (m, n).
        weight: Weights that sum to 1, shape (m, n).
        gain: Gains, shape (m, n).
        gain_sd: Their standard deviations, shape (m, n).
        mean_w: Mean of the reference in the windows [W], shape (m, n).
    """

    lags: Floats
    windows: Floats
    squares: Floats
    weight: Floats
    gain: Floats
    gain_sd: Floats
    mean_w: Floats


class _Search:
    """The sum of squares of a meter's readings over lags and windows."""

    def __init__(self, readings: _Readings, energy_t_s: Floats, energy_j: Floats) -> None:
        self.readings, self.energy_t_s, self.energy_j = readings, energy_t_s, energy_j
        self.count = len(readings.t_s)
        self.mean_w = float(readings.power_w.mean())
        self.deviation_w = readings.power_w - self.mean_w
        self.total = float(self.deviation_w @ self.deviation_w)
        self.effective = float(self.count)

    def reference_w(self, lag_s: float, window_s: float) -> Floats:
        """Return the mean of the reference in the window of each reading [W]."""
        cell_s = self.readings.cell_s
        window = cell_s if self.readings.fixed else np.full(self.count, window_s)
        end_s = self.readings.t_s - lag_s + (window - cell_s) / 2
        ends_j = np.interp(end_s, self.energy_t_s, self.energy_j)
        begins_j = np.interp(end_s - window, self.energy_t_s, self.energy_j)
        mean_w: Floats = (ends_j - begins_j) / window
        return mean_w

    def optimum(self, coarse: _Posterior) -> tuple[float, float]:
        """Return the lag and the window of the least sum of squares [s].

        It is looked for from the best points of a coarse grid, each of another window.
        """
        by_window = coarse.squares.argmin(axis=0)
        least = coarse.squares[by_window, np.arange(len(coarse.windows))]
        best: tuple[float, float, float] | None = None
        for column in np.argsort(least)[:STARTS]:
            lag_s, window_s = float(coarse.lags[by_window[column]]), float(coarse.windows[column])
            descent = self._descend(lag_s, window_s)
            if best is None or descent[0] < best[0]:
                best = descent
        assert best is not None
        return best[1], best[2]

    def _descend(self, lag_s: float, window_s: float) -> tuple[float, float, float]:
        """Return the least sum of squares near a point, with its lag and window."""
        if self.readings.fixed:

            def by_lag(x: Floats) -> float:
                return self.squares(float(x[0]), window_s)

            result = optimize.minimize(by_lag, np.array([lag_s]), method="Nelder-Mead")
            return float(result.fun), float(result.x[0]), window_s

        def by_both(x: Floats) -> float:
            return self.squares(float(x[0]), float(x[1]))

        simplex = [[lag_s, window_s], [lag_s + COARSE_S, window_s], [lag_s, 1.5 * window_s + 0.1]]
        result = optimize.minimize(
            by_both,
            np.array(simplex[0]),
            method="Nelder-Mead",
            options={"initial_simplex": simplex, "maxfev": 200, "xatol": 1e-4},
        )
        return float(result.fun), float(result.x[0]), max(abs(float(result.x[1])), SHORTEST_S)

    def jackknife(self, lag_s: float, window_s: float) -> Floats:
        """Return standard errors of gain, offset, lag and window, by leaving out blocks of time."""
        blocks = np.arange(self.count) * BLOCKS // self.count
        values = []
        for block in range(BLOCKS):
            part = self._without(blocks == block)
            _, part_lag_s, part_window_s = part._descend(lag_s, window_s)
            _, gain, _, mean_w = part._line(part_lag_s, part_window_s)
            values.append((gain, part.mean_w - gain * mean_w, part_lag_s, part_window_s))
        deviations = np.array(values) - np.mean(values, axis=0)
        return np.asarray(np.sqrt((BLOCKS - 1) / BLOCKS * (deviations**2).sum(axis=0)))

    def _without(self, left_out: NDArray[np.bool_]) -> _Search:
        kept = ~left_out
        readings = self.readings
        part = _Readings(
            readings.t_s[kept], readings.power_w[kept], readings.cell_s[kept], readings.fixed
        )
        return _Search(part, self.energy_t_s, self.energy_j)

    def grid_around(self, lag_s: float, window_s: float) -> tuple[Floats, Floats]:
        """Return a grid that holds all points with weight around an optimum."""
        least = self.squares(lag_s, window_s)
        self._count_effective(lag_s, window_s)
        lags = self._axis(lambda x: self.squares(x, window_s), lag_s, least, -np.inf)
        if self.readings.fixed:
            return lags, np.array([window_s])
        windows = self._axis(lambda x: self.squares(lag_s, x), window_s, least, SHORTEST_S)
        return lags, windows

    def _axis(
        self, squares: Callable[[float], float], best: float, least: float, lowest: float
    ) -> Floats:
        """Return points from where the weight has fallen on one side to where on the other."""
        freedom = max(self.effective - 4, 1.0)
        ends = []
        for sign in (-1.0, 1.0):
            step = 1e-3
            for _ in range(MAX_DOUBLINGS):
                point = best + sign * step
                if point <= lowest:
                    break
                if 0.5 * freedom * np.log(squares(point) / least) > FALL:
                    break
                step *= 1.5
            ends.append(max(best + sign * step, lowest))
        return np.linspace(ends[0], ends[1], GRID)

    def squares(self, lag_s: float, window_s: float) -> float:
        """Return the sum of squares that is left at a lag and a window [W^2]."""
        return self._line(lag_s, max(abs(window_s), SHORTEST_S))[0]

    def _line(self, lag_s: float, window_s: float) -> tuple[float, float, float, float]:
        """Return squares, gain, spread and mean of the reference at a lag and a window."""
        reference_w = self.reference_w(lag_s, window_s)
        mean_w = float(reference_w.mean())
        deviation = reference_w - mean_w
        spread = max(float(deviation @ deviation), 1e-12)
        gain = max(float(deviation @ self.deviation_w) / spread, 0.0)
        return max(self.total - gain**2 * spread, 1e-9), gain, spread, mean_w

    def posterior(self, lags: Floats, windows: Floats) -> _Posterior:
        """Return the weights on a grid."""
        shape = (len(lags), len(windows))
        squares, gain, spread, mean = (np.zeros(shape) for _ in range(4))
        for row, lag_s in enumerate(lags):
            for column, window_s in enumerate(windows):
                line = self._line(float(lag_s), float(window_s))
                squares[row, column], gain[row, column] = line[:2]
                spread[row, column], mean[row, column] = line[2:]
        best = np.unravel_index(int(squares.argmin()), shape)
        self._count_effective(float(lags[best[0]]), float(windows[best[1]]))
        freedom = max(self.effective - 4, 1.0)
        density = np.exp(-0.5 * freedom * np.log(squares / squares.min()))
        weight = density * _cell_widths(windows)[np.newaxis, :] * _cell_widths(lags)[:, np.newaxis]
        sd = np.sqrt(squares / freedom / spread * self.count / self.effective)
        return _Posterior(lags, windows, squares, weight / weight.sum(), gain, sd, mean)

    def _count_effective(self, lag_s: float, window_s: float) -> None:
        """Count the readings that tell something new: residuals of neighbours may be correlated."""
        reference_w = self.reference_w(lag_s, window_s)
        gain = self._line(lag_s, window_s)[1]
        residual = self.deviation_w - gain * (reference_w - reference_w.mean())
        power = float(residual @ residual)
        correlation = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
        correlation = min(max(correlation, 0.0), 0.95)
        self.effective = max(self.count * (1 - correlation) / (1 + correlation), 8.0)

    def summary(self, posterior: _Posterior, resolution_w: float) -> Fit:
        """Return the estimates with their intervals."""
        weight = posterior.weight
        gain = float((weight * posterior.gain).sum())
        gain_variance = float(
            (weight * (posterior.gain_sd**2 + (posterior.gain - gain) ** 2)).sum()
        )
        mean_w = float((weight * posterior.mean_w).sum())
        height_w = 2 * float(np.std(self.deviation_w)) / max(abs(gain), 1e-12)
        rounding = resolution_w / np.sqrt(12)
        if height_w > 0:
            gain_variance += 2 * (rounding / height_w) ** 2
        freedom = max(self.effective - 4, 1.0)
        reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
        residual_variance = self.total * (1 - self.explained(posterior)) / freedom
        offset = self.mean_w - gain * mean_w
        offset_sd = np.sqrt(
            residual_variance / self.effective + mean_w**2 * gain_variance + rounding**2
        )
        return Fit(
            gain=_around(gain, reach * np.sqrt(gain_variance)),
            offset_w=_around(offset, reach * offset_sd),
            lag_s=_quantiles(posterior.lags, weight.sum(axis=1)),
            averaging_s=self._averaging(posterior),
            explained=self.explained(posterior),
            readings=self.count,
        )

    def _averaging(self, posterior: _Posterior) -> Interval:
        if self.readings.fixed:
            cell_s = float(np.median(self.readings.cell_s))
            return Interval(cell_s, cell_s, cell_s)
        weight = posterior.weight.sum(axis=0)
        interval = _quantiles(posterior.windows, weight)
        density = weight / _cell_widths(posterior.windows)
        if posterior.windows[0] <= SHORTEST_S and density[0] >= BOUNDARY_WEIGHT * density.max():
            return Interval(interval.value, 0.0, interval.high)
        return interval

    def explained(self, posterior: _Posterior) -> float:
        """Return the share of the readings' variance that the best point explains."""
        row, column = np.unravel_index(int(posterior.weight.argmax()), posterior.weight.shape)
        lag_s, window_s = float(posterior.lags[row]), float(posterior.windows[column])
        reference_w = self.reference_w(lag_s, window_s)
        if self.total <= 0 or float(np.std(reference_w)) <= 0:
            return 0.0
        return float(np.corrcoef(reference_w, self.deviation_w)[0, 1] ** 2)


def _widened(estimates: Fit, errors: Floats) -> Fit:
    """Return estimates whose intervals hold those of the jackknife, too."""
    reach = float(stats.t.ppf((1 + LEVEL) / 2, BLOCKS - 1))
    gain, offset_w, lag_s, averaging_s = (reach * float(error) for error in errors)
    averaging = _union(estimates.averaging_s, averaging_s)
    return replace(
        estimates,
        gain=_union(estimates.gain, gain),
        offset_w=_union(estimates.offset_w, offset_w),
        lag_s=_union(estimates.lag_s, lag_s),
        averaging_s=replace(averaging, low=max(averaging.low, 0.0)),
    )


def _resolved(estimates: Fit, reference_s: float) -> Fit:
    """Return estimates that claim no more than the reference resolves: its interval [s]."""
    averaging = _union(estimates.averaging_s, reference_s)
    return replace(
        estimates,
        lag_s=_union(estimates.lag_s, reference_s / 4),
        averaging_s=replace(averaging, low=max(averaging.low, 0.0)),
    )


def _union(interval: Interval, half_width: float) -> Interval:
    low, high = interval.value - half_width, interval.value + half_width
    return Interval(interval.value, min(interval.low, low), max(interval.high, high))


def _cell_widths(points: Floats) -> Floats:
    """Return how much of the line each point of a grid stands for."""
    if len(points) < 2:
        return np.ones(len(points))
    middles = (points[1:] + points[:-1]) / 2
    edges = np.concatenate([[points[0]], middles, [points[-1]]])
    return np.asarray(np.diff(edges))


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
