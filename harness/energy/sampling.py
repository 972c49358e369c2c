"""What sampling leaves uncertain: power between two instants, and readings that are rounded."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.energy.cells import chunks
from harness.traces.trace import Floats

GRID_READINGS = 256
"""Readings that are searched for a common step where no resolution is stated."""
MAX_INFERRED_W = 10.0
"""Largest resolution that is inferred from readings of power [W]."""
MIN_HALF_READINGS = 20
"""Readings of each interleaved half that are needed to compare both halves."""
MAX_PAIRS = 2**20
"""Pairs of readings that are compared; those after them show nothing else."""
MIN_DISTINCT = 3
"""Different readings that are needed to infer a resolution above 1 W."""
ALIAS_DEVIATIONS = 4.0
"""Standard deviations between the means of interleaved halves that show aliasing."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """The error of rounded readings over a window.

    Attributes:
        u_j: Standard uncertainty where noise carries the readings over the steps, so that the
            error is new in each reading [J].
        half_width_j: Half-width of the rectangular error that is the same in every reading, and in
            every run of an entry [J].
    """

    u_j: float = 0.0
    half_width_j: float = 0.0


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


def halves_disagree(value: Floats) -> bool:
    """Whether the interleaved halves of regular readings have different means.

    Readings of a load that repeats in about two intervals fall on its peaks and valleys in turn.

    Args:
        value: Readings inside the window in order of time [W].
    """
    pairs = len(value) // 2
    if pairs < MIN_HALF_READINGS:
        return False
    some = value[: 2 * min(pairs, MAX_PAIRS)]
    pairs = len(some) // 2
    difference = some[1::2] - some[::2]
    standard_error = float(difference.std(ddof=1)) / math.sqrt(pairs)
    return abs(float(difference.mean())) > ALIAS_DEVIATIONS * standard_error


def rounded_power(
    value: Floats, everything: Floats, resolution_w: float | None, seconds: float
) -> Rounding:
    """Return the error of rounded readings of power.

    Noise dithers only if successive readings scatter by at least half a step; otherwise the error
    is the same in the whole run.

    Args:
        value: Readings inside the window in order of time [W].
        everything: All readings of the trace [W].
        resolution_w: Smallest step of a reading [W]; None where it is to be inferred.
        seconds: Length of the window [s].
    """
    if len(value) < 2:
        return Rounding()
    some = value[:GRID_READINGS]
    one_step = mean_square_steps(some)[0]
    deviation_w = math.sqrt(one_step / 2)
    if resolution_w is None:
        if deviation_w >= MAX_INFERRED_W / 2:
            return Rounding()  # no step that can be inferred would matter
        resolution_w = inferred_resolution(np.concatenate([some, everything[:GRID_READINGS]]))
    if deviation_w >= resolution_w / 2:
        return Rounding(u_j=resolution_w * seconds / math.sqrt(12 * len(value)))
    return Rounding(half_width_j=resolution_w * seconds / 2)


def rounded_count(value: Floats, resolution_j: float | None) -> Rounding:
    """Return the error of a difference of two rounded counts.

    Args:
        value: Counts around the window [J].
        resolution_j: Smallest step of a count [J]; None where it is to be inferred.
    """
    if resolution_j is None:
        steps = np.diff(value[:GRID_READINGS])
        resolution_j = _common_step(np.abs(steps[steps != 0]))
    return Rounding(u_j=resolution_j / math.sqrt(6))


def inferred_resolution(value: Floats) -> float:
    """Return the step of the grid that readings of power lie on [W]; 0 where there is none.

    It is the largest power of ten, up to 10 W, of which all readings are multiples. One or two
    different values may be multiples of ten by chance: of those it is at most 1 W.

    Args:
        value: Readings inside and outside the window [W].
    """
    distinct = len(np.unique(value))
    for step in (10.0, 1.0, 0.1, 0.01, 0.001):
        if step > 1 and distinct < MIN_DISTINCT:
            continue
        multiples = value / step
        if np.all(np.abs(multiples - np.round(multiples)) < 1e-6 * np.maximum(1.0, multiples)):
            return step
    return 0.0


def _common_step(steps: Floats) -> float:
    """Return the largest step of which all differences of counts are multiples [J]; 0 for none."""
    if len(np.unique(steps)) < MIN_DISTINCT:
        return 0.0  # one rate of counting is no grid
    millijoules = np.round(steps * 1000)
    if np.any(np.abs(steps * 1000 - millijoules) > 1e-3) or millijoules.max() > 2**53:
        return 0.0
    return float(np.gcd.reduce(millijoules.astype(np.int64))) / 1000
