"""The reference of a calibration: its mean power over any window, and how well it knows it.

Its readings give the cumulative energy at their stamps only. Between two stamps the energy is taken
from a cubic that keeps its slope positive (PCHIP). A straight line would not do: after a busy edge
it lies above the true energy, and after an idle edge below it, so that the reference would seem to
swing less than it does, and every gain would come out too large by some 0.03 %.

What the cubic cannot know is where in a cell the load stepped. For a step at a random place in a
cell, the standard deviation of its error is 0.3 of the step in power, and 0.07 of the step times
the length of the cell in energy.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from harness.traces.trace import Floats

IDLE_READINGS = 5
"""Readings at either end that show the idle power around."""
POWER_ERROR, ENERGY_ERROR = 0.3, 0.07
"""Standard deviation of the cubic where the load steps, by the step; see the module."""
EDGE_CELLS = 3
"""Cells on each side of a time whose means are compared to see whether an edge is near."""
MIN_EDGE = 0.1
"""Share of the height of the pulses from which a change is an edge."""
HEIGHT_PCT = (5.0, 95.0)
"""Percentiles of the power whose difference is the height of the pulses."""


class Reference:
    """Readings of the reference as an energy that grows with time.

    Args:
        t_s: Times of its readings [s].
        energy_j: Cumulative energy at them [J].
        around_s: How long before and after its readings it is taken to idle [s].

    Attributes:
        interval_s: Time between two readings [s].
        duration_s: Time from the first to the last [s].
        height_w: Height of the pulses [W].
    """

    def __init__(self, t_s: Floats, energy_j: Floats, around_s: float) -> None:
        cells_w = np.diff(energy_j) / np.diff(t_s)
        low_w, high_w = np.percentile(cells_w, HEIGHT_PCT)
        self.interval_s = float(np.median(np.diff(t_s)))
        self.duration_s = float(t_s[-1] - t_s[0])
        self.height_w = float(high_w - low_w)
        self._inner_t_s = t_s
        self._t_s, self._energy_j = _with_idle_around(t_s, energy_j, around_s)
        self._curve = PchipInterpolator(self._t_s, self._energy_j)
        steps_w = np.abs(np.diff(np.diff(self._energy_j) / np.diff(self._t_s)))
        self._step_w = np.maximum(np.append(steps_w, 0.0), np.insert(steps_w, 0, 0.0))

    def mean_w(self, begin_s: Floats, end_s: Floats) -> Floats:
        """Return the mean power in some windows [W]."""
        begin_j, end_j = self._curve(np.stack([begin_s, end_s]))
        return np.asarray((end_j - begin_j) / (end_s - begin_s))

    def error_w(self, begin_s: Floats, end_s: Floats) -> Floats:
        """Return the standard deviation of these means [W]: both ends may lie beside a step."""
        step_w = np.hypot(self._step_at(begin_s), self._step_at(end_s))
        share = ENERGY_ERROR * self.interval_s / (end_s - begin_s)
        return np.asarray(np.minimum(POWER_ERROR, share) * step_w)

    def edges_s(self) -> Floats:
        """Return the times at which the load is not steady [s]."""
        t_s = self._inner_t_s[1:-1]
        reach_s = EDGE_CELLS * self.interval_s
        before_j, at_j, after_j = (
            np.interp(t_s + shift_s, self._t_s, self._energy_j)
            for shift_s in (-reach_s, 0, reach_s)
        )
        change_w = np.abs(after_j - 2 * at_j + before_j) / reach_s
        return np.asarray(t_s[change_w > MIN_EDGE * self.height_w])

    def _step_at(self, t_s: Floats) -> Floats:
        """Return the larger of the steps at both ends of the cell that a time lies in [W]."""
        cell = np.searchsorted(self._t_s, t_s) - 1
        return np.asarray(self._step_w[np.clip(cell, 0, len(self._step_w) - 1)])


def _with_idle_around(t_s: Floats, energy_j: Floats, around_s: float) -> tuple[Floats, Floats]:
    """Extend an energy at both ends by the power there: the machine idles around the pulses."""
    count = IDLE_READINGS
    first_w = (energy_j[count] - energy_j[0]) / (t_s[count] - t_s[0])
    last_w = (energy_j[-1] - energy_j[-1 - count]) / (t_s[-1] - t_s[-1 - count])
    times = np.concatenate([[t_s[0] - around_s], t_s, [t_s[-1] + around_s]])
    ends_j = (energy_j[0] - first_w * around_s, energy_j[-1] + last_w * around_s)
    return times, np.concatenate([[ends_j[0]], energy_j, [ends_j[1]]])
