"""Keep what else a meter says while it measures: temperatures, clocks, power limits, throttling.

Such values are no energy. They tell whether the hardware ran steadily, so only their extremes and
means are kept, by channel and name. Names end in their unit; a share is a mean of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

TEMPERATURE, CLOCK, POWER_LIMIT = "temperature_c", "clock_mhz", "power_limit_w"
POWER_CAPPED, SLOWED_BY_HEAT = "power_capped", "slowed_by_heat"
THROTTLE_COUNT = "throttle_count"
"""Names of the values: the last but one are 1 while they hold, the last counts events."""
Context = Mapping[str, Mapping[str, float]]
"""Present values by channel and name."""
MAX_SLOWED_SHARE = 0.01
"""Share of the time that hardware may be slowed by heat before the run is called unsteady."""


@dataclass(slots=True)
class Range:
    """Values of one name.

    Attributes:
        first: First value.
        last: Last value.
        low: Smallest value.
        high: Largest value.
        total: Sum of all values.
        count: Number of values.
    """

    first: float
    last: float
    low: float
    high: float
    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        """Take one more value."""
        self.last, self.total, self.count = value, self.total + value, self.count + 1
        self.low, self.high = min(self.low, value), max(self.high, value)

    def document(self) -> dict[str, float]:
        """Return its fields as the journal states them."""
        mean = self.total / self.count
        values = {"first": self.first, "last": self.last, "min": self.low, "max": self.high}
        return {name: round(value, 3) for name, value in (values | {"mean": mean}).items()}


@dataclass(slots=True)
class ContextStatistics:
    """Extremes and means of a meter's context over a run.

    Attributes:
        read: The meter's function that returns the present context.
        ranges: Values so far, by channel and name.
    """

    read: Callable[[], Context]
    ranges: dict[str, dict[str, Range]] = field(default_factory=dict)

    def sample(self) -> None:
        """Take the present values; a meter that cannot give them is asked again the next time."""
        try:
            present = self.read()
        except Exception:  # noqa: BLE001 - context must never cost a reading
            return
        for channel, values in present.items():
            ranges = self.ranges.setdefault(channel, {})
            for name, value in values.items():
                number = float(value)
                ranges.setdefault(name, Range(number, number, number, number)).add(number)

    def document(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return all statistics as the journal states them."""
        return {
            channel: {name: item.document() for name, item in ranges.items()}
            for channel, ranges in self.ranges.items()
        }


def unsteady(context: Any) -> Iterator[tuple[str, str]]:
    """Yield channel and reason where a journal's context shows that hardware did not run steadily.

    Args:
        context: What a journal states; anything that is malformed is passed over.
    """
    for channel, names in (context if isinstance(context, Mapping) else {}).items():
        if not isinstance(names, Mapping):
            continue
        slowed = _number(names, SLOWED_BY_HEAT, "mean")
        if slowed is not None and slowed > MAX_SLOWED_SHARE:
            yield channel, f"slowed by heat {slowed:.0%} of the time"
        first, last = (_number(names, THROTTLE_COUNT, key) for key in ("first", "last"))
        if first is not None and last is not None and last > first:
            yield channel, f"throttled {last - first:.0f} times"
        low, high = (_number(names, POWER_LIMIT, key) for key in ("min", "max"))
        if low is not None and high is not None and high > low:
            yield channel, f"its power limit was changed between {low:g} and {high:g} W"


def _number(names: Mapping[str, Any], name: str, key: str) -> float | None:
    values = names.get(name)
    value = values.get(key) if isinstance(values, Mapping) else None
    return float(value) if isinstance(value, int | float) else None
