"""Search lag and averaging window of a meter: the least sum of squares against the reference."""

from __future__ import annotations

import numpy as np
from scipy import optimize

from harness.live.calibration.powers import Readings
from harness.live.calibration.reference import Reference
from harness.traces.trace import Floats

SHORTEST_S = 1e-3
"""Window that stands for an instant [s]."""
FIRST_WINDOWS = 25
"""Windows of the first grid."""
STARTS = 4
"""Points of the first grid from which the optimum is looked for."""
COARSE_S = 0.5
"""Step of the first grid of lags [s]: pulses are several times as long."""
LATEST_S = 10.0
"""Longest lag that is looked for [s], besides three refresh intervals and half of a window."""
LAGS_BEFORE = 2.0
"""How much earlier than its stamp a reading may be, in refresh intervals."""
LONGEST_S = 120.0
"""Longest averaging window that is looked for [s]."""


class Search:
    """The sum of squares of a meter's readings over lags and windows.

    Attributes:
        readings: Readings of the meter.
        reference: What they are compared with.
        count: Number of readings.
        total: Sum of their squared deviations from their mean [W^2].
        refresh_s: Time between two readings [s].
    """

    def __init__(self, readings: Readings, reference: Reference) -> None:
        self.readings, self.reference = readings, reference
        self.count = len(readings.t_s)
        self.refresh_s = float(np.median(np.diff(readings.t_s)))
        self._deviation_w = readings.power_w - readings.power_w.mean()
        self.total = float(self._deviation_w @ self._deviation_w)

    def windows(self, lag_s: float, window_s: float) -> tuple[Floats, Floats]:
        """Return begin and end of the window of each reading, on the reference's clock [s]."""
        cell_s = self.readings.cell_s
        length_s = max(abs(window_s), SHORTEST_S)
        window = cell_s if self.readings.fixed else np.full(self.count, length_s)
        end_s = self.readings.t_s - lag_s + (window - cell_s) / 2
        return end_s - window, end_s

    def reference_w(self, lag_s: float, window_s: float) -> Floats:
        """Return the mean of the reference in the window of each reading [W]."""
        return self.reference.mean_w(*self.windows(lag_s, window_s))

    def squares(self, lag_s: float, window_s: float) -> float:
        """Return the sum of squares that a line with a gain of at least 0 leaves [W^2]."""
        reference_w = self.reference_w(lag_s, window_s)
        deviation = reference_w - reference_w.mean()
        spread = max(float(deviation @ deviation), 1e-12)
        gain = max(float(deviation @ self._deviation_w) / spread, 0.0)
        return max(self.total - gain**2 * spread, 1e-9)

    def optimum(self) -> tuple[float, float]:
        """Return the lag and the window of the least sum of squares [s].

        It is looked for from the best points of a coarse grid, each of another window.
        """
        lags, windows = self._first_lags(), self._first_windows()
        squares = np.array(
            [[self.squares(lag_s, window_s) for window_s in windows] for lag_s in lags]
        )
        by_window = squares.argmin(axis=0)
        least = squares[by_window, np.arange(len(windows))]
        descents = [
            self._descend(float(lags[by_window[column]]), float(windows[column]))
            for column in np.argsort(least)[:STARTS]
        ]
        _, lag_s, window_s = min(descents)
        return lag_s, window_s

    def _longest_s(self) -> float:
        return min(LONGEST_S, self.reference.duration_s / 2)

    def _first_lags(self) -> Floats:
        """Return the lags of the first grid [s]."""
        half_window_s = 0.0 if self.readings.fixed else self._longest_s() / 2
        latest_s = max(LATEST_S, 3 * self.refresh_s) + half_window_s
        earliest_s = -LAGS_BEFORE * self.refresh_s
        return np.linspace(earliest_s, latest_s, round((latest_s - earliest_s) / COARSE_S) + 2)

    def _first_windows(self) -> Floats:
        """Return the windows of the first grid [s], even in their logarithm."""
        if self.readings.fixed:
            return np.array([SHORTEST_S])
        longest_s = max(self._longest_s(), self.refresh_s)
        steps = np.geomspace(self.refresh_s / 10, longest_s, FIRST_WINDOWS)
        return np.concatenate([[SHORTEST_S], steps])

    def _descend(self, lag_s: float, window_s: float) -> tuple[float, float, float]:
        """Return the least sum of squares near a point, with its lag and window."""
        simplex = [[lag_s, window_s], [lag_s + COARSE_S, window_s], [lag_s, 1.5 * window_s + 0.1]]
        free = 1 if self.readings.fixed else 2  # the window of counts is known

        def squares(x: Floats) -> float:
            return self.squares(float(x[0]), float(x[1]) if free == 2 else window_s)

        result = optimize.minimize(
            squares,
            np.array(simplex[0][:free]),
            method="Nelder-Mead",
            options={
                "initial_simplex": [point[:free] for point in simplex[: free + 1]],
                "maxfev": 200,
                "xatol": 1e-4,
            },
        )
        found_s = window_s if free == 1 else max(abs(float(result.x[1])), SHORTEST_S)
        return float(result.fun), float(result.x[0]), found_s
