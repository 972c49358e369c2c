"""How well lag and averaging window of a meter are known: their weights on a grid.

The residual of a reading has the noise of both meters, and at an edge what the reference cannot
know where the load steps (`Reference.error_w`). The noise is taken from all readings. Whether the
load steps less sharply than the worst case is taken from the likelihood, if enough readings lie at
an edge and it speaks clearly. Residuals of neighbours that go together count as fewer readings.

The weight of a lag and a window is their likelihood (uniform prior). It stays right where that is
flat: a meter that is sampled once a second shows its lag only to within the moments between which
no edge falls.

Stamps may be late by chance, as of a device that refreshes by itself and is polled. The likelihood
does not know of it, but the lag then differs between edges: so the lag is also found without each
of some blocks of time (delete-a-group jackknife), and the wider interval of both counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from harness.live.calibration.interval import LEVEL, Interval
from harness.live.calibration.search import SHORTEST_S, Search
from harness.traces.trace import Floats

GRID = 21
"""Points of a grid each way."""
FALL = 9.0
"""How far the logarithm of the weight falls from the optimum to the end of the grid."""
MAX_DOUBLINGS = 24
BOUNDARY_WEIGHT = 0.1
"""Where the shortest window has this density against the best, it may as well be none."""
SHARP, SOFT = 1.0, 0.35
"""How far the reference is off at an edge, in what it is where the load steps."""
MIN_AT_EDGES = 30
"""Readings at edges without which a sharp one is taken."""
CLEARLY = 2.0
"""Logarithm of the likelihood by which a value other than the first must win."""
BLOCKS = 12
"""Blocks of time of the jackknife."""
MIN_FREEDOM = 3
MIN_EFFECTIVE = 8.0
MAX_CORRELATION = 0.95
ROBUST = 1.4826
"""Standard deviation by the median of the absolute values, for normal ones."""
LEAST_NOISE = 1e-6
"""Noise that is taken at least, as a share of the deviation of the readings."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights on a grid of lags and windows.

    Attributes:
        lags: Lags [s], shape (m,).
        windows: Windows [s], shape (n,).
        weight: Weights that sum to 1, shape (m, n).
    """

    lags: Floats
    windows: Floats
    weight: Floats

    def lag_s(self) -> Interval:
        """Return the lag [s]."""
        return _quantiles(self.lags, self.weight.sum(axis=1))

    def window_s(self) -> Interval:
        """Return the window [s]; from 0 where it may as well be none."""
        weight = self.weight.sum(axis=0)
        interval = _quantiles(self.windows, weight)
        density = weight / _widths(self.windows)
        if self.windows[0] <= SHORTEST_S and density[0] >= BOUNDARY_WEIGHT * density.max():
            return Interval(interval.value, 0.0, interval.high)
        return interval


class Posterior:
    """The weight of lags and windows near an optimum.

    Args:
        search: The readings and the reference.
        lag_s: Lag of the least sum of squares [s].
        window_s: Its window [s].
        gain: Gain of the meter.
        offset_w: Its offset [W].

    Attributes:
        lag_s: Lag of the largest weight [s].
        window_s: Its window [s].
        explained: Share of the variance of the readings that the reference explains there.
        effective: Number of readings that tell something new.
    """

    def __init__(
        self, search: Search, lag_s: float, window_s: float, gain: float, offset_w: float
    ) -> None:
        self._search, self._gain = search, gain
        self._signal_w = search.readings.power_w - offset_w
        self._sharpness = SHARP
        self.effective = float(search.count)
        self.lag_s, self.window_s = lag_s, window_s
        residual_w = np.abs(self._residual_w(lag_s, window_s))
        least_w = max(LEAST_NOISE * float(np.std(search.readings.power_w)), 1e-12)
        self._noise_w = max(ROBUST * float(np.median(residual_w)), least_w)
        self._sharpness = self._likely_sharpness()
        self.lag_s, self.window_s = self._maximum()
        self.effective = self._counted()
        self.explained = self._explained()

    def lag_interval(self, weights: Weights) -> Interval:
        """Return the lag by its weights and by the jackknife, whichever is wider [s].

        Of instants only those that fall on an edge tell the lag, by the reference's error there.
        How large that is, is known from these few: Student's t takes the place of the normal
        distribution, with as many degrees of freedom, less those of lag and window.
        """
        level = (1 + LEVEL) / 2
        lag_s = weights.lag_s()
        if not self._search.readings.cell_s.any():
            freedom = max(self._at_edges() - 2, MIN_FREEDOM)
            lag_s = lag_s.scaled(float(stats.t.ppf(level, freedom) / stats.norm.ppf(level)))
        return lag_s.widened(float(stats.t.ppf(level, BLOCKS - 1)) * self._jackknifed_s())

    def weights(self) -> Weights:
        """Return the weights on a grid that holds all points with weight."""
        lags = self._axis(lambda x: self._loss(x, self.window_s), self.lag_s, -np.inf)
        windows = np.array([self.window_s])
        if not self._search.readings.fixed:
            windows = self._axis(lambda x: self._loss(self.lag_s, x), self.window_s, SHORTEST_S)
        loss = np.array(
            [[self._loss(float(lag_s), float(window_s)) for window_s in windows] for lag_s in lags]
        )
        weight = np.exp(loss.min() - loss) * _widths(windows) * _widths(lags)[:, np.newaxis]
        return Weights(lags, windows, weight / weight.sum())

    # --- the likelihood

    def _loss(self, lag_s: float, window_s: float) -> float:
        """Return the negative logarithm of the likelihood of a lag and a window."""
        losses = self._losses(lag_s, window_s)
        return float(losses.sum()) * self.effective / self._search.count

    def _losses(self, lag_s: float, window_s: float) -> Floats:
        """Return the negative logarithm of the likelihood of each reading."""
        begin_s, end_s = self._search.windows(lag_s, window_s)
        reference = self._search.reference
        residual_w = self._signal_w - self._gain * reference.mean_w(begin_s, end_s)
        error_w = self._gain * self._sharpness * reference.error_w(begin_s, end_s)
        variance = 1 + (error_w / self._noise_w) ** 2
        return np.asarray(0.5 * ((residual_w / self._noise_w) ** 2 / variance + np.log(variance)))

    def _residual_w(self, lag_s: float, window_s: float) -> Floats:
        reference_w = self._search.reference_w(lag_s, window_s)
        return np.asarray(self._signal_w - self._gain * reference_w)

    def _likely_sharpness(self) -> float:
        """Return how sharp the edges are, as far as the readings tell."""
        if self._at_edges() < MIN_AT_EDGES:
            return SHARP
        losses = []
        for self._sharpness in (SHARP, SOFT):
            losses.append(self._loss(self.lag_s, self.window_s))
        return SOFT if losses[1] + CLEARLY < losses[0] else SHARP

    def _at_edges(self) -> int:
        """Return how many readings have an error of the reference above their noise."""
        error_w = self._search.reference.error_w(*self._search.windows(self.lag_s, self.window_s))
        return int((self._gain * error_w > self._noise_w).sum())

    # --- the optimum

    def _maximum(self) -> tuple[float, float]:
        """Return the lag and the window of the largest weight [s]."""
        start = [self.lag_s, self.window_s]
        free = 1 if self._search.readings.fixed else 2

        def loss(x: Floats) -> float:
            return self._loss(float(x[0]), float(x[1]) if free == 2 else self.window_s)

        result = optimize.minimize(
            loss,
            np.array(start[:free]),
            method="Nelder-Mead",
            options={"maxfev": 120, "xatol": 1e-4},
        )
        window_s = self.window_s if free == 1 else max(abs(float(result.x[1])), SHORTEST_S)
        return float(result.x[0]), window_s

    def _jackknifed_s(self) -> float:
        """Return the standard error of the lag, by leaving out blocks of time [s]."""
        count, window_s = self._search.count, self.window_s
        blocks = np.arange(count) * BLOCKS // count
        step_s = self._search.reference.interval_s / 4
        lags = []
        for block in range(BLOCKS):
            kept = blocks != block

            def loss(lag_s: float, kept: NDArray[np.bool_] = kept) -> float:
                return float(self._losses(lag_s, window_s)[kept].sum())

            bracket = (self.lag_s - step_s, self.lag_s + step_s)
            lags.append(optimize.minimize_scalar(loss, bracket, options={"xtol": 1e-4}).x)
        share = (BLOCKS - 1) / BLOCKS
        return float(np.sqrt(share * ((np.array(lags) - np.mean(lags)) ** 2).sum()))

    def _counted(self) -> float:
        """Count the readings that tell something new: residuals of neighbours may be correlated."""
        error_w = self._search.reference.error_w(*self._search.windows(self.lag_s, self.window_s))
        scale_w = np.hypot(self._noise_w, self._gain * error_w)
        residual = np.clip(self._residual_w(self.lag_s, self.window_s) / scale_w, -3, 3)
        power = float(residual @ residual)
        correlation = float(residual[1:] @ residual[:-1]) / power if power > 0 else 0.0
        correlation = min(max(correlation, 0.0), MAX_CORRELATION)
        return max(self._search.count * (1 - correlation) / (1 + correlation), MIN_EFFECTIVE)

    def _explained(self) -> float:
        reference_w = self._search.reference_w(self.lag_s, self.window_s)
        power_w = self._search.readings.power_w
        if float(np.std(power_w)) <= 0 or float(np.std(reference_w)) <= 0:
            return 0.0
        return float(np.corrcoef(reference_w, power_w)[0, 1] ** 2)

    def _axis(self, loss: Callable[[float], float], best: float, lowest: float) -> Floats:
        """Return points from where the weight has fallen on one side to where on the other."""
        least = loss(best)
        ends = []
        for sign in (-1.0, 1.0):
            step = 1e-3
            for _ in range(MAX_DOUBLINGS):
                point = best + sign * step
                if point <= lowest or loss(point) - least > FALL:
                    break
                step *= 1.5
            ends.append(max(best + sign * step, lowest))
        return np.linspace(ends[0], ends[1], GRID)


def _widths(points: Floats) -> Floats:
    """Return how much of the line each point of a grid stands for."""
    if len(points) < 2:
        return np.ones(len(points))
    middles = (points[1:] + points[:-1]) / 2
    edges = np.concatenate([[points[0]], middles, [points[-1]]])
    return np.asarray(np.diff(edges))


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
