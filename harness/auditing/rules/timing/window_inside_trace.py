"""The readings begin before the window and end after it."""

import math
from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place, worst
from harness.core.timestamps import NS
from harness.traces.trace import Trace, Window


def check(case: RuleContext) -> Iterator[Violation]:
    for run in case.runs:
        window = run.run.window
        if window is not None:
            found = [
                _beyond(window, r.trace, place(run.run, r.trace), case.limits["slack_s"])
                for r in run.readings
            ]
            yield from worst([item for item in found if item is not None], len(run.readings))


def _beyond(
    window: Window, trace: Trace, where: str, slack_s: float
) -> tuple[float, Violation] | None:
    if not len(trace):
        return math.inf, Violation(
            where, "no usable reading", "readings over the whole window", "Submit the trace."
        )
    late = (int(trace.t_ns[0]) - window.start_ns) / NS
    early = (window.stop_ns - int(trace.t_ns[-1])) / NS
    if max(late, early) <= slack_s:
        return None
    parts = [f"first reading {late:.3f} s after the start"] if late > slack_s else []
    parts += [f"last reading {early:.3f} s before the end"] if early > slack_s else []
    fix = "Start the meter before the run and stop it after; keep both clocks synchronised."
    return max(late, early), Violation(where, ", ".join(parts), f"at most {slack_s:g}", fix, "s")


RULE = Rule(
    id="window-inside-trace",
    title="The window lies inside the trace",
    why="What no reading covers must be guessed, and a cut log hides the most expensive seconds.",
    evidence="First and last reading of each channel against the window.",
    remedy="Begin to record before the timed part and end after it.",
    limits=("slack_s",),
    check=check,
)
