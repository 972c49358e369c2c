"""Say before a run what it will sum, and what that sum lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.meters.arrangement import arrange
from harness.meters.missing_parts import missing_parts
from harness.traces.channel import Channel

MAX_NAMED = 8
"""Channels that are named; of more only the count is said."""


def announcement(channels: Sequence[Channel]) -> Iterator[str]:
    """Yield lines for the user: the channels that add up, and the parts that none measures."""
    arrangement = arrange(channels)
    names = arrangement.top[:MAX_NAMED]
    more = len(arrangement.top) - len(names)
    if names:
        yield "sum: " + " + ".join(names) + (f" + {more} more" if more else "")
    for first, second in arrangement.unknown[:1]:
        yield f"nobody knows whether {first} and {second} contain one another: both are added"
    for source in dict.fromkeys(channel.declared_source for channel in channels):
        if source:
            yield f"{source} is read instead of this machine's own sensors: the class is declared"
    missing = missing_parts(channels)
    if missing:
        yield "; ".join(missing)
