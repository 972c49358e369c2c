"""What sampling leaves uncertain.

Power that strays between two readings of an instant, and rounded readings.
"""

from __future__ import annotations

import math

from harness.energy.cells import chunks
from harness.traces.trace import Floats


def mean_square_steps(value: Floats) -> tuple[float, float]:
    """Return the mean squared difference of readings one step and two steps apart [W^2].

    Args:
        value: Readings in order of time [W], at least two.
    """
    means = []
    for lag in (1, 2):
        count = len(value) - lag
        total = 0.0
        for low, high in chunks(0, count):
            step = value[low + lag : high + lag] - value[low:high]
            total += float(step.dot(step))
        means.append(total / max(count, 1))
    return means[0], means[1]


def u_sampled_mean(value: Floats) -> float:
    """Return the standard uncertainty of the mean power between sampled instants [W].

    Of what wanders from reading to reading (a random walk, a step at an unknown moment) the
    trapezoid leaves d1 D^2 / 12, and of what is new in each reading d1 D^2 / 2, in square. The mean
    squared difference of the first grows with the lag, that of the second does not: so the
    differences over one and two steps tell them apart.

    Args:
        value: Readings inside the window in order of time [W].
    """
    readings = len(value)
    if readings < 2:
        return 0.0
    one_step, two_steps = mean_square_steps(value)
    fresh = one_step if readings == 2 else min(max(0.0, 2 * one_step - two_steps), one_step)
    return math.sqrt(((one_step - fresh) / 12 + fresh / 2) / readings)


def u_rounded_power(resolution_w: float, swing_w: float, cells: int, seconds: float) -> float:
    """Return the standard uncertainty of energy from rounded readings of power [J].

    q T / sqrt(12 n) where noise carries the readings over the steps of the display, otherwise q T /
    2.

    Args:
        resolution_w: Smallest step q of a reading [W].
        swing_w: Range of the readings near the edges of the window [W].
        cells: Cells inside the window.
        seconds: Length of the window [s].
    """
    dithered = swing_w > resolution_w / 2
    share = 1 / math.sqrt(12 * max(cells, 1)) if dithered else 1 / 2
    return resolution_w * seconds * share


def u_rounded_count(resolution_j: float) -> float:
    """Return the standard uncertainty of a difference of two rounded counts [J]."""
    return resolution_j / math.sqrt(6)
