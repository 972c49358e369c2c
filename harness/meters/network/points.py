"""Numbers as a device gives them: where they are read, when they were made, and if they can be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.meters.network.device_map import MapChannel
from harness.meters.readings import counter_fault, power_fault

CLOCK_STEPS = (1.0, 2.0, 5.0, 10.0)
"""A clock's error is rounded up to one of these times a power of ten."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A number as the device gave it.

    Attributes:
        value: The number, before scaling.
        stamp_ns: The device's own time of it [ns UTC]; None where it states none.
    """

    value: float
    stamp_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One number to read: a channel of the map, or one row or member of it.

    Attributes:
        id: Id of the channel.
        item: What the map says of it.
        read: Where the number is.
    """

    id: str
    item: MapChannel
    read: Mapping[str, Any]


Fetched = Mapping[str, Sequence[Sample] | str]
"""For each point the numbers since the last fetch, oldest first, or why there is none."""


def reading_fault(item: MapChannel, value: float) -> str:
    """Return why a number is no reading, or ""."""
    if not math.isfinite(value):
        return "not a number"
    if value in item.error_values:
        return f"{value:g} is the device's mark for no value"
    if item.quantity == "energy":
        return counter_fault(int(value * item.scale), "J")
    return power_fault(value * item.scale, item.boundary, int(value))


def rounded_up(seconds: float) -> float:
    """Return the next larger of 1, 2 and 5 times a power of ten; at least 0.01 s."""
    power = 10.0 ** math.floor(math.log10(max(seconds, 0.01)))
    return next((step * power for step in CLOCK_STEPS if step * power >= seconds), 10 * power)
