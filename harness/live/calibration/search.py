"""Search lag and averaging window of a meter on a grid, with the weight of each point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from harness.live.calibration.powers import Readings
from harness.traces.trace import Floats

SHORTEST_S = 1e-3
"""Window that stands for an instant [s]."""
GRID = 25
"""Points of a grid each way."""
STARTS = 4
"""Points of the first grid from which the optimum is looked for."""
FALL = 9.0
"""How far the logarithm of the weight falls from the optimum to the end of the last grid."""
MAX_DOUBLINGS = 24
BLOCKS = 12
"""Blocks of time of the jackknife."""
MIN_STEADY = 36
"""Readings away from edges without which all readings are taken."""
MAX_CHANGE = 0.1
"""How much of the height of a pulse the reference may change about a steady reading."""
COARSE_S = 0.5
"""Step of the first grid of lags [s]: pulses are several times as long."""


@dataclass(frozen=True, slots=True)
class Posterior:
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


class Search:
    """The sum of squares of a meter's readings over lags and windows."""

    def __init__(self, readings: Readings, energy_t_s: Floats, energy_j: Floats) -> None:
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

    def optimum(self, coarse: Posterior) -> tuple[float, float]:
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

    def steady_errors(self, lag_s: float, window_s: float) -> tuple[float, float]:
        """Return standard errors of gain and offset at a lag and a window, by blocks of time."""
        blocks = np.arange(self.count) * BLOCKS // self.count
        values = []
        for block in range(BLOCKS):
            part = self._without(blocks == block)
            _, gain, _, mean_w = part._line(lag_s, window_s)
            values.append((gain, part.mean_w - gain * mean_w))
        deviations = np.array(values) - np.mean(values, axis=0)
        errors = np.sqrt((BLOCKS - 1) / BLOCKS * (deviations**2).sum(axis=0))
        return float(errors[0]), float(errors[1])

    def steady(self, lag_s: float, window_s: float, apart_s: float) -> Search | None:
        """Return a search over the readings that no edge of a pulse is near.

        Args:
            lag_s: Best lag [s].
            window_s: Best window [s].
            apart_s: How far an edge must be [s].

        Returns:
            None where too few are left, or only of one power.
        """
        sooner_w = self.reference_w(lag_s - apart_s, window_s)
        later_w = self.reference_w(lag_s + apart_s, window_s)
        height_w = float(np.ptp(sooner_w))
        is_steady = np.abs(sooner_w - later_w) <= MAX_CHANGE * height_w
        if int(is_steady.sum()) < MIN_STEADY:
            return None
        part = self._without(~is_steady)
        is_varied = float(np.ptp(part.reference_w(lag_s, window_s))) > height_w / 2
        return part if is_varied else None

    def _without(self, left_out: NDArray[np.bool_]) -> Search:
        kept = ~left_out
        readings = self.readings
        part = Readings(
            readings.t_s[kept], readings.power_w[kept], readings.cell_s[kept], readings.fixed
        )
        return Search(part, self.energy_t_s, self.energy_j)

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

    def posterior(self, lags: Floats, windows: Floats) -> Posterior:
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
        weight = density * cell_widths(windows)[np.newaxis, :] * cell_widths(lags)[:, np.newaxis]
        sd = np.sqrt(squares / freedom / spread * self.count / self.effective)
        return Posterior(lags, windows, squares, weight / weight.sum(), gain, sd, mean)

    def _count_effective(self, lag_s: float, window_s: float) -> None:
        """Count the readings that tell something new: residuals of neighbours may be correlated."""
        reference_w = self.reference_w(lag_s, window_s)
        gain = self._line(lag_s, window_s)[1]
        residual = self.deviation_w - gain * (reference_w - reference_w.mean())
        power = float(residual @ residual)
        correlation = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
        correlation = min(max(correlation, 0.0), 0.95)
        self.effective = max(self.count * (1 - correlation) / (1 + correlation), 8.0)

    def explained(self, posterior: Posterior) -> float:
        """Return the share of the readings' variance that the best point explains."""
        row, column = np.unravel_index(int(posterior.weight.argmax()), posterior.weight.shape)
        lag_s, window_s = float(posterior.lags[row]), float(posterior.windows[column])
        reference_w = self.reference_w(lag_s, window_s)
        if self.total <= 0 or float(np.std(reference_w)) <= 0:
            return 0.0
        return float(np.corrcoef(reference_w, self.deviation_w)[0, 1] ** 2)


def cell_widths(points: Floats) -> Floats:
    """Return how much of the line each point of a grid stands for."""
    if len(points) < 2:
        return np.ones(len(points))
    middles = (points[1:] + points[:-1]) / 2
    edges = np.concatenate([[points[0]], middles, [points[-1]]])
    return np.asarray(np.diff(edges))
