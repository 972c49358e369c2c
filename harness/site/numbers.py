"""Numbers in columns: one unit for a table, digits that the interval supports, points aligned."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.render.numbers import decimals, prefix
from harness.uncertainty.estimate import Estimate

FIGURE_SPACE = "\N{FIGURE SPACE}"
"""As wide as a digit: stands in for decimals that a number does not have."""
PUNCTUATION_SPACE = "\N{PUNCTUATION SPACE}"
"""As wide as the point: stands in for one."""
MAX_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Column:
    """How a column of estimates is written.

    Attributes:
        factor: Value of the unit.
        unit: The unit, with its prefix.
        places: Most decimals of its cells.
    """

    factor: float
    unit: str
    places: int

    @staticmethod
    def for_estimates(estimates: Sequence[Estimate]) -> Column:
        """Return the column that suits most of its estimates."""
        values = [abs(item.value) for item in estimates if item.value]
        if not values:
            return Column(1.0, estimates[0].unit if estimates else "", 0)
        factor, unit = prefix(statistics.median(values), estimates[0].unit)
        places = [_places(item, factor) for item in estimates if item.value is not None]
        return Column(factor, unit, max(places))

    def value(self, estimate: Estimate) -> str:
        """Return the value of an estimate, aligned; a dash where there is none."""
        if estimate.value is None:
            return "–"
        places = _places(estimate, self.factor)
        return self._aligned(f"{estimate.value / self.factor:,.{places}f}", places)

    def interval(self, estimate: Estimate) -> str:
        """Return the interval of an estimate; "" where there is none."""
        if estimate.low is None or estimate.high is None:
            return ""
        places = _places(estimate, self.factor)
        low, high = estimate.low / self.factor, estimate.high / self.factor
        return f"{low:,.{places}f}–{high:,.{places}f}"

    def _aligned(self, text: str, places: int) -> str:
        if places == self.places:
            return text
        point = PUNCTUATION_SPACE if places == 0 else ""
        return text + point + FIGURE_SPACE * (self.places - places)


def _places(estimate: Estimate, factor: float) -> int:
    """Return the decimals that show two digits of half the interval."""
    assert estimate.value is not None
    span = 0.0
    if estimate.low is not None and estimate.high is not None:
        span = (estimate.high - estimate.low) / 2 / factor
    return min(MAX_DECIMALS, decimals(estimate.value / factor, span))


def significant(value: float, digits: int = 4) -> str:
    """Write a number with a few digits, thousands set apart."""
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(share: float | None) -> str:
    """Write a share in percent, whole where that is enough."""
    if share is None:
        return "–"
    value = 100 * share
    if 0 < value < 1:
        return "<1 %"
    if 99 < value < 100:
        return ">99 %"
    return f"{value:.0f} %"


def seconds_text(seconds: float) -> str:
    """Write a duration in the unit that people use for it."""
    if seconds < 120:
        return f"{significant(seconds, 3)} s"
    if seconds < 7200:
        return f"{significant(seconds / 60, 3)} min"
    return f"{significant(seconds / 3600, 3)} h"


@dataclass(frozen=True, slots=True)
class Scale:
    """Map numbers to a length: linear, or logarithmic where they span more than a decade.

    Attributes:
        low: Number at 0.
        high: Number at `length`.
        length: Length of the axis.
        is_log: Whether equal ratios have equal lengths.
    """

    low: float
    high: float
    length: float
    is_log: bool = False

    @staticmethod
    def around(values: Iterable[float], length: float, *, margin: float = 0.04) -> Scale:
        """Return a scale that holds all values, with a margin at both ends."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return Scale(0.0, 1.0, length)
        low, high = min(finite), max(finite)
        if low > 0 and high / low > 10:
            ratio = (high / low) ** margin
            return Scale(low / ratio, high * ratio, length, is_log=True)
        span = (high - low) or abs(high) or 1.0
        return Scale(low - margin * span, high + margin * span, length)

    def at(self, value: float) -> float:
        """Return the place of a number, inside the axis."""
        if self.is_log:
            share = math.log(max(value, 1e-300) / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.length * min(1.0, max(0.0, share))

    def ticks(self, count: int = 5) -> list[float]:
        """Return round numbers inside the scale."""
        return _decades(self.low, self.high) if self.is_log else _steps(self.low, self.high, count)


def _steps(low: float, high: float, count: int) -> list[float]:
    rough = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)]


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    multiples = (1, 2, 5) if last - first <= 3 else (1,)
    ticks = [m * 10.0**power for power in range(first, last + 1) for m in multiples]
    return [tick for tick in ticks if low <= tick <= high]
