"""Timestamps increase."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, location, worst_channel
from harness.traces.clean import SAME_TIME
from harness.traces.columns import spans
from harness.traces.trace import Trace

FIX = "Stamp each reading with a monotonic clock that is tied to UTC, one writer for each log."


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the channel of each run with the most timestamps out of order."""
    for run in context.runs:
        disordered_channels = []
        for reading in run.readings:
            steps_back, equal_stamps = _disorder(reading.trace)
            if not steps_back and not equal_stamps:
                continue
            violation = Violation(
                location(run.run, reading.trace),
                f"{steps_back} steps back, {equal_stamps} equal stamps",
                "each stamp after the one before",
                FIX,
            )
            disordered_channels.append((float(steps_back + equal_stamps), violation))
        yield from worst_channel(disordered_channels, len(run.readings))


def _disorder(trace: Trace) -> tuple[int, int]:
    """Return how many stamps lie before the previous one, and how many are equal to another."""
    equal_stamps = sum(dropped.reason == SAME_TIME for dropped in trace.dropped)
    if trace.position is None:
        return 0, equal_stamps
    steps_back = 0
    for rows in spans(1, len(trace)):
        before = trace.position[rows.start - 1 : rows.stop - 1]
        steps_back += int(np.count_nonzero(trace.position[rows] < before))
    return steps_back, equal_stamps


RULE = Rule(
    id="time-order",
    title="Timestamps increase",
    why="A reading covers the time since the previous one, so it is miscounted where timestamps "
    "repeat or run back.",
    evidence="Readings whose timestamp is equal to another one, or earlier than the one before.",
    remedy="Write each channel from one process, with a clock that cannot step.",
    check=check,
)
