"""Readings come often enough."""

from collections.abc import Iterator

from harness.auditing.rules.base import (
    Rule,
    RuleContext,
    Violation,
    place,
    second_readings_ns,
    whole_seconds,
)
from harness.core.timestamps import NS
from harness.traces.trace import Trace


def check(case: RuleContext) -> Iterator[Violation]:
    longest = case.limits["interval_max_s"]
    for run in case.runs:
        slow = [
            (interval, kind, reading.trace)
            for reading in run.readings
            if reading.trace.channel.kind != "counter"
            for interval, kind in [_interval_s(reading.trace)]
            if interval > longest
        ]
        if slow:
            interval, kind, trace = max(slow, key=lambda item: item[0])
            yield Violation(
                place(run.run, trace),
                f"{kind} interval {interval:.3f}, in {len(slow)} of {len(run.readings)} channels",
                f"at most {longest:g}",
                "Set the meter to one reading a second or more.",
                "s",
            )


def _interval_s(trace: Trace) -> tuple[float, str]:
    """Time between readings [s], and which average it is: stamps of whole seconds tell it by their mean only."""
    if not whole_seconds(trace):
        return trace.interval_s or 0.0, "median"
    readings = len(trace) + len(second_readings_ns(trace))
    return float(trace.t_ns[-1] - trace.t_ns[0]) / NS / (readings - 1), "mean"


RULE = Rule(
    id="sampling-rate",
    title="At least one reading a second",
    why="Power swings within a training step; slow samples of a meter that does not average see it by chance.",
    evidence="Median step between readings of each channel; the mean step where stamps are cut to whole seconds. "
    "A reading that repeats both stamp and value of another is that reading, polled twice. "
    "A counter misses nothing and is exempt.",
    remedy="Set the meter to one reading a second or more.",
    limits=("interval_max_s",),
    check=check,
)
