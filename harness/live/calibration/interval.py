"""A number with its interval."""

from __future__ import annotations

from dataclasses import dataclass

LEVEL = 0.95
"""Coverage probability of all intervals of a calibration."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with its interval at this level.

    Attributes:
        value: The number.
        low: Low end.
        high: High end.
    """

    value: float
    low: float
    high: float

    @staticmethod
    def around(value: float, half_width: float) -> Interval:
        """Return an interval that reaches as far on both sides."""
        return Interval(value, value - half_width, value + half_width)

    def scaled(self, factor: float) -> Interval:
        """Return an interval whose ends are so many times as far from the value."""
        low = self.value - factor * (self.value - self.low)
        return Interval(self.value, low, self.value + factor * (self.high - self.value))

    def widened(self, half_width: float) -> Interval:
        """Return an interval that also holds `half_width` on both sides of the value."""
        low, high = self.value - half_width, self.value + half_width
        return Interval(self.value, min(self.low, low), max(self.high, high))
