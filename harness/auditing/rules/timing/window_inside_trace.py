"""The readings begin before the window and end after it."""

import math
from collections.abc import Iterator

from harness.auditing.report import Location
from harness.auditing.rules.base import Rule, RuleContext, Violation, location, worst_channel
from harness.core.timestamps import NS
from harness.traces.trace import Trace, Window

FIX = "Start the meter before the run and stop it after; keep both clocks synchronised."


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the channel of each run that leaves the longest end of the window without readings."""
    slack_s = context.limits["slack_s"]
    for run in context.runs:
        window = run.run.window
        if window is None:
            continue
        short_traces = []
        for reading in run.readings:
            uncovered = _uncovered(window, reading.trace, location(run.run, reading.trace), slack_s)
            if uncovered is not None:
                short_traces.append(uncovered)
        yield from worst_channel(short_traces, len(run.readings))


def _uncovered(
    window: Window, trace: Trace, where: Location, slack_s: float
) -> tuple[float, Violation] | None:
    """Return the time at an end of the window without readings [s], and the violation."""
    if not len(trace):
        expected = "readings over the whole window"
        return math.inf, Violation(where, "no usable reading", expected, "Submit the trace.")
    late_s = (int(trace.t_ns[0]) - window.start_ns) / NS
    early_s = (window.stop_ns - int(trace.t_ns[-1])) / NS
    faults = []
    if late_s > slack_s:
        faults.append(f"first reading {late_s:.3f} s after the start")
    if early_s > slack_s:
        faults.append(f"last reading {early_s:.3f} s before the end")
    if not faults:
        return None
    violation = Violation(where, ", ".join(faults), f"at most {slack_s:g}", FIX, "s")
    return max(late_s, early_s), violation


RULE = Rule(
    id="window-inside-trace",
    title="The window lies inside the trace",
    why="Whatever no reading covers must be guessed, and a cut log can hide the most expensive "
    "seconds.",
    evidence="First and last reading of each channel against the window.",
    remedy="Begin to record before the timed part and end after it.",
    limits=("slack_s",),
    check=check,
)
