"""Tell readings from what firmware gives instead of one: error values and impossible powers."""

from __future__ import annotations

from harness.meters.topology import MAX_POWER_W

COUNTER_LIMIT = 1 << 63
"""No counter gets this far; firmware gives 2^64 less a few for "not available"."""
ERROR_VALUES = frozenset(
    {0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, (1 << 64) - 1, (1 << 63) - 1, 0xFFFF * 10**6}
)
"""Numbers that firmware and drivers give for "not available"; the last is 65535 W."""
MAX_UNKNOWN_W = 1e6
"""Power above this is an error value whatever is measured [W]."""


def counter_fault(count: int, unit: str) -> str:
    """Return why a counter's number is no reading, or "".

    Args:
        count: The number as it was read.
        unit: The unit it counts in, for the message.
    """
    if count < 0 or count >= COUNTER_LIMIT:
        return f"{count} {unit} is an error value"
    return ""


def power_fault(power_w: float, part: str, raw: int | None = None) -> str:
    """Return why a power is no reading, or "".

    Args:
        power_w: The power [W].
        part: What is measured, a part of `harness.meters.topology`.
        raw: The number as it was read, in the driver's own unit.
    """
    if power_w < 0:
        return f"{power_w:g} W is negative"
    limit_w = MAX_POWER_W.get(part, MAX_UNKNOWN_W)
    if raw in ERROR_VALUES or power_w > limit_w:
        return f"{power_w:g} W is an error value: no {part} draws more than {limit_w:g} W"
    return ""
