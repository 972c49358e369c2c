"""What a reader must know of the readings behind an energy, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from harness.energy.components import ChannelReadings, clock_error
from harness.energy.run import RunEnergy
from harness.formats.base import Entry


def reading_notes(entry: Entry, run: RunEnergy) -> Iterator[str]:
    """Yield the notes on the readings of one run."""
    for readings in run.readings:
        yield from _checked_notes(readings)
        yield from _sampling_notes(readings)
        if readings.trace.channel.clock_error_s is None and readings.energy is not None:
            yield clock_error(readings.trace.channel, entry).source.replace(
                "unknown clock", "clock error unknown"
            )


def _checked_notes(readings: ChannelReadings) -> Iterator[str]:
    """Yield what the check of the readings left out, or refused."""
    channel_id = readings.trace.channel.id
    if readings.fault is not None:
        yield f"{channel_id} yields no energy: {readings.fault}"
    reasons = Counter(reading.reason for reading in readings.checked.left_out)
    for reason, count in reasons.items():
        plural = "s" if count > 1 else ""
        yield f"{channel_id}: {count} reading{plural} left out: {reason}"


def _sampling_notes(readings: ChannelReadings) -> Iterator[str]:
    """Yield where sampling may miss a part of the load."""
    channel, channel_energy = readings.trace.channel, readings.energy
    if channel_energy is not None and channel_energy.may_alias:
        yield (
            f"{channel.id}: every second reading differs from those between: sampling may meet "
            "the period of the load (aliasing), and the interval does not hold that error"
        )
    if channel.sampled_share is not None and channel.sampled_share < 1:
        yield (
            f"{channel.id}: the meter samples {channel.sampled_share:.0%} of the time: load that "
            "repeats in step with it is missed, and the interval does not hold that error"
        )
