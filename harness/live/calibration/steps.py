"""Find the smallest step of a meter's readings and the time between their changes.

Both are read off the readings alone, each with an interval.

- The quantum is the largest step of which all readings are multiples. A true step of q / m shows as
  q only if each of k further readings happens to be a multiple of m, with probability m^-k; so the
  interval reaches down to the smallest step that is not ruled out.
- The refresh interval is the time between the first and the last change, by the number of refreshes
  between them. A change without a new value is counted by its length. A change is seen at the next
  read at the earliest, which shifts either end; scatter beyond that is seen by leaving out blocks.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from harness.core.timestamps import NS
from harness.live.calibration.interval import LEVEL, Interval
from harness.traces.trace import Floats, Trace

MAX_MULTIPLE = 20
"""Multiples of the quantum that the smallest difference of two readings may be."""
STEP_TOLERANCE = 0.01
"""How far from a multiple a reading may lie, in steps: numbers are rounded when they are scaled."""
MIN_DISTINCT = 3
"""Fewer different readings show no step."""
MIN_CHANGES = 5
"""Fewer changes show no refresh interval."""
BLOCKS = 12
SHORTEST_QUANTILE = 0.02
"""Share of the waits that may be shorter by chance."""
OFTEN = 1.5
"""Reads in the shortest wait from which on the meter is read more often than it refreshes."""
STAMP_S = 1e-4
"""Resolution of stamps that is taken [s]."""


def quantum(trace: Trace) -> Interval | None:
    """Return the smallest step of the readings [W or J]; None where they lie on no grid."""
    levels = np.unique(trace.value)
    if len(levels) < MIN_DISTINCT:
        return None
    offsets = levels - levels[0]
    smallest = float(np.diff(levels).min())
    for multiple in range(1, MAX_MULTIPLE + 1):
        step = smallest / multiple
        if _all_multiples(offsets, step):
            refined = _slope(offsets, step)
            return Interval(refined, refined / _largest_hidden(len(levels) - 1), refined)
    return None


def _all_multiples(offsets: Floats, step: float) -> bool:
    counts = offsets / step
    tolerance = np.maximum(STEP_TOLERANCE, 1e-6 * counts)
    return bool(np.all(np.abs(counts - np.round(counts)) <= tolerance))


def _slope(offsets: Floats, step: float) -> float:
    """Return a step by all readings, which lessens the rounding of their numbers."""
    counts = np.round(offsets / step)
    return float(counts @ offsets / (counts @ counts))


def _largest_hidden(further: int) -> int:
    """Return the largest m for which readings on multiples of m only are no surprise."""
    return max(1, int(np.floor((1 - LEVEL) ** (-1 / further))))


def refresh(trace: Trace) -> Interval | None:
    """Return the time between two refreshes of the readings [s]; None where they hardly change."""
    changed = np.flatnonzero(np.diff(trace.value) != 0) + 1
    if len(changed) <= MIN_CHANGES:
        return None
    waits_s = np.diff(trace.t_ns[changed]) / NS
    counts = np.maximum(np.round(waits_s / _single_s(waits_s, _read_s(trace))), 1.0)
    value = float(waits_s.sum() / counts.sum())
    error = float(_read_s(trace) + STAMP_S) / float(counts.sum())
    reach = float(stats.t.ppf((1 + LEVEL) / 2, BLOCKS - 1)) * _jackknife(waits_s, counts)
    half_width = error + reach
    return Interval(value, value - half_width, value + half_width)


def _single_s(waits_s: Floats, read_s: float) -> float:
    """Return about one refresh interval [s]: the mean of the waits that span only one.

    Such waits differ by up to two reads, where several reads fall into a refresh; longer ones span
    refreshes that brought no new value.
    """
    shortest_s = float(np.quantile(waits_s, SHORTEST_QUANTILE))
    is_read_often = shortest_s >= OFTEN * read_s
    longest_s = shortest_s + (2 * read_s if is_read_often else shortest_s / 2)
    singles_s = waits_s[(waits_s >= shortest_s * 0.999) & (waits_s < longest_s * 0.999)]
    return float(singles_s.mean()) if len(singles_s) else shortest_s


def _read_s(trace: Trace) -> float:
    """Return the time between two reads [s]: a change is seen at the next one."""
    return float(np.median(np.diff(trace.t_ns))) / NS


def _jackknife(waits_s: Floats, counts: Floats) -> float:
    """Return the standard error of the refresh interval, by leaving out blocks of time."""
    blocks = np.arange(len(waits_s)) * BLOCKS // len(waits_s)
    present = np.unique(blocks)
    if len(present) < 2:
        return 0.0
    values = np.array(
        [waits_s[blocks != block].sum() / counts[blocks != block].sum() for block in present]
    )
    share = (len(present) - 1) / len(present)
    return float(np.sqrt(share * ((values - values.mean()) ** 2).sum()))
