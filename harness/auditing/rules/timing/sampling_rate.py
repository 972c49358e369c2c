"""Readings come at least once a second."""

from collections.abc import Iterator

from harness.auditing.rules.base import (
    Rule,
    RuleContext,
    Violation,
    conflicting_readings_ns,
    has_whole_second_stamps,
    location,
)
from harness.core.timestamps import NS
from harness.traces.trace import Trace


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the channel of each run with the longest interval between readings."""
    interval_max_s = context.limits["interval_max_s"]
    for run in context.runs:
        slow_channels = []
        for reading in run.readings:
            if reading.trace.channel.kind == "counter":
                continue
            interval_s, average = _interval_s(reading.trace)
            if interval_s > interval_max_s:
                slow_channels.append((interval_s, average, reading.trace))
        if not slow_channels:
            continue
        interval_s, average, trace = max(slow_channels, key=lambda channel: channel[0])
        yield Violation(
            location(run.run, trace),
            f"{average} interval {interval_s:.3f} s, "
            f"in {len(slow_channels)} of {len(run.readings)} channels",
            f"at most {interval_max_s:g}",
            "Set the meter to one reading a second or more.",
            "s",
        )


def _interval_s(trace: Trace) -> tuple[float, str]:
    """Return the time between readings [s] and the name of the average that it is.

    It is the median, or the mean where stamps are cut to whole seconds: only that shows it.
    """
    if not has_whole_second_stamps(trace):
        return trace.interval_s or 0.0, "median"
    reading_count = len(trace) + len(conflicting_readings_ns(trace))
    duration_s = float(trace.t_ns[-1] - trace.t_ns[0]) / NS
    return duration_s / (reading_count - 1), "mean"


RULE = Rule(
    id="sampling-rate",
    title="At least one reading a second",
    why="Power swings within a training step. Slow samples of a meter that does not average catch "
    "the swings by chance.",
    evidence="Median step between readings of each channel; the mean step where timestamps are "
    "cut to whole seconds. A reading that repeats both timestamp and value of another is the same "
    "reading, polled twice. A counter misses nothing between two reads and is exempt.",
    remedy="Set the meter to one reading a second or more.",
    limits=("interval_max_s",),
    check=check,
)
