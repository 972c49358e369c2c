"""Coverage intervals of drawn values, with the stability of their ends (JCGM 101, 7.7 and 7.9).

The interval is probabilistically symmetric. Each block of draws gives its own ends; the interval is
their mean, and their spread tells whether there were enough draws.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.uncertainty.random_draws import BLOCK, Draws, Floats

LEVEL = 0.95
"""Default coverage probability of intervals."""


def interval(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the low and the high end of the coverage interval of drawn values."""
    ends = IntervalEnds(level)
    for start in range(0, len(values), BLOCK):
        ends.add_block(values[start : start + BLOCK])
    return ends.mean()


class IntervalEnds:
    """Collects the ends of the coverage interval of each block of draws.

    Only the draws beyond two fences, which lie well inside the ends, are sorted. The first block
    sets the fences.
    """

    def __init__(self, level: float) -> None:
        self.level = level
        self._lows: list[float] = []
        self._highs: list[float] = []
        self._fences: tuple[float, float] | None = None

    def add_block(self, values: Draws | Floats) -> None:
        """Add the ends of one block; a short block counts only where it is the only one."""
        if len(values) < BLOCK and self._lows:
            return
        position = int((1 - self.level) / 2 * len(values))
        if self._fences is None:
            self._fences = _fences_of_a_sample(values, position)
        if not self._add_from_tails(values, position, *self._fences):
            self._add_from_all(values, position)

    def _add_from_tails(
        self, values: Draws | Floats, position: int, below: float, above: float
    ) -> bool:
        """Add the ends from the draws beyond the fences; return False where those are too few."""
        # by index: faster than by mask
        tails = values[((values < below) | (values > above)).nonzero()]
        if len(tails) <= 2 * position:
            return False
        tails.sort()  # all of so few: faster than to partition them
        low, high = float(tails[position]), float(tails[-1 - position])
        inside_tails = low < below and high > above
        if inside_tails:
            self._append(low, high)
        return inside_tails

    def _add_from_all(self, values: Draws | Floats, position: int) -> None:
        last = len(values) - 1
        fence = min(position + 5 * math.isqrt(position) + 4, last)
        wanted = sorted({position, fence, last - fence, last - position})
        ordered = np.partition(values, wanted)
        self._append(float(ordered[position]), float(ordered[last - position]))
        self._fences = float(ordered[fence]), float(ordered[last - fence])

    def _append(self, low: float, high: float) -> None:
        self._lows.append(low)
        self._highs.append(high)

    def mean(self) -> tuple[float, float]:
        """Return the low and the high end."""
        return _mean(self._lows), _mean(self._highs)

    def standard_error(self) -> float:
        """Return the standard error of the less certain end."""
        return max(_standard_error(self._lows), _standard_error(self._highs))


def _fences_of_a_sample(values: Draws | Floats, position: int) -> tuple[float, float]:
    """Return two values well inside the ends, from every eighth draw."""
    sample = np.sort(values[::8])
    fence = min(position // 8 + 4 * math.isqrt(position // 8) + 4, len(sample) - 1)
    return float(sample[fence]), float(sample[-1 - fence])


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _standard_error(values: Sequence[float]) -> float:
    if len(values) < 2:
        return math.inf
    mean = _mean(values)
    variance = math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return math.sqrt(variance / len(values))
