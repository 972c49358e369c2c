"""Stamps increase."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, place, worst
from harness.traces.clean import SAME_TIME
from harness.traces.trace import Trace

FIX = "Stamp each reading with a monotonic clock that is tied to UTC, one writer for each log."


def check(case: RuleContext) -> Iterator[Violation]:
    for run in case.runs:
        found = []
        for reading in run.readings:
            back, equal = _disorder(reading.trace)
            if back or equal:
                got = f"{back} steps back, {equal} equal stamps"
                hit = Violation(
                    place(run.run, reading.trace), got, "each stamp after the one before", FIX
                )
                found.append((float(back + equal), hit))
        yield from worst(found, len(run.readings))


def _disorder(trace: Trace) -> tuple[int, int]:
    equal = sum(d.reason == SAME_TIME for d in trace.dropped)
    back = 0 if trace.position is None else int(np.sum(np.diff(trace.position) < 0))
    return back, equal


RULE = Rule(
    id="time-order",
    title="Stamps increase",
    why="A reading that covers the time since the previous one counts wrongly where stamps repeat or run back.",
    evidence="Readings whose stamp equals another's or lies before the one in front.",
    remedy="Write each channel from one process, with a clock that cannot step.",
    check=check,
)
