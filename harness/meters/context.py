"""Context of the readings: temperatures, clocks, power limits and throttling of the hardware.

Such values are no energy. They tell whether the hardware ran steadily. The sampler looks at them
once a second and writes them to its journal; a run keeps the series in `context.csv`, and their
extremes and means in its record. Names end in their unit; a share is a mean of 0 and 1.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPERATURE, CLOCK, POWER_LIMIT = "temperature_c", "clock_mhz", "power_limit_w"
POWER_CAPPED, SLOWED_BY_HEAT = "power_capped", "slowed_by_heat"
THROTTLE_COUNT = "throttle_count"
"""Names of the values: the last but one are 1 while they hold, the last counts events."""
Context = Mapping[str, Mapping[str, float]]
"""Present values by channel and name."""
Look = tuple[int, Context]
"""Time [ns UTC], and what the context was."""
MAX_SLOWED_SHARE = 0.01
"""Share of the time that hardware may be slowed by heat before the run is called unsteady."""


COLUMNS = ("t_ns", "channel", "quantity", "value")


def look(read: Callable[[], Context]) -> Context:
    """Return the present values; none where the meter cannot give them now.

    Args:
        read: The meter's function. Whatever it raises must not cost a reading.
    """
    try:
        present = read()
        return {
            channel: {name: float(value) for name, value in values.items() if math.isfinite(value)}
            for channel, values in present.items()
        }
    except Exception:  # noqa: BLE001 - context must never cost a reading
        return {}


def rows(looks: Sequence[Look]) -> Iterator[tuple[int, str, str, float]]:
    """Yield time [ns UTC], channel, name and value of all looks."""
    for t_ns, context in looks:
        for channel, values in context.items():
            for name, value in values.items():
                yield t_ns, channel, name, value


def summary(
    looks: Sequence[Look], start_ns: int, stop_ns: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Return first, last, smallest, largest and mean value by channel and name.

    Args:
        looks: The looks, in time order.
        start_ns: Begin of the window [ns UTC]; looks outside it count only if none is inside.
        stop_ns: End of the window [ns UTC].
    """
    inside = [item for item in looks if start_ns <= item[0] <= stop_ns]
    series: dict[str, dict[str, list[float]]] = {}
    for _, channel, name, value in rows(inside or looks):
        series.setdefault(channel, {}).setdefault(name, []).append(value)
    return {
        channel: {name: _extremes(values) for name, values in names.items()}
        for channel, names in series.items()
    }


def _extremes(values: Sequence[float]) -> dict[str, float]:
    figures = {
        "first": values[0],
        "last": values[-1],
        "min": min(values),
        "max": max(values),
        "mean": math.fsum(values) / len(values),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def write_series(path: Path, looks: Sequence[Look]) -> None:
    """Write all looks as CSV, a value a line.

    Raises:
        OSError: The file cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(rows(looks))


def unsteady(context: Any) -> Iterator[tuple[str, str]]:
    """Yield channel and reason where a context shows that hardware did not run steadily.

    Args:
        context: What `summary` returned; anything that is malformed is passed over.
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
