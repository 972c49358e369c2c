"""Only a small part of the power log lies outside the timed part."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.traces.trace import Trace, Window


def check(case: RuleContext) -> Iterator[Violation]:
    most = case.limits["outside_max"]
    found, total = [], 0
    for run, trace in case.summed:
        window = run.run.window
        if window is None or len(trace) < 2 or trace.channel.boundary != "node":
            continue
        total += 1
        share = _outside(trace, window)
        if most < share < 1:
            found.append((share, place(run.run, trace), trace, window))
    if found:
        share, where, trace, window = max(found, key=lambda item: item[:2])
        yield Violation(
            where,
            f"{share:.3f} of the log outside the run{_effect(trace, window)}, in {len(found)} of {total} logs",
            f"at most {most:g}",
            "Begin just before the timed part and stop just after.",
            "share of the log",
        )


def _outside(trace: Trace, window: Window) -> float:
    first, last = int(trace.t_ns[0]), int(trace.t_ns[-1])
    inside = min(last, window.stop_ns) - max(first, window.start_ns)
    return 1 - max(0, inside) / (last - first)


def _effect(trace: Trace, window: Window) -> str:
    """What the padding does to the mean power that MLPerf's formula takes."""
    inside = trace.window(window)
    if not len(inside):
        return ""
    change = float(np.mean(trace.value) / np.mean(inside.value)) - 1
    return f" (mean of the whole log {change:+.1%} against the run)"


RULE = Rule(
    id="padding",
    title="The power log is not padded",
    why="MLPerf multiplies the mean power of the whole log by the time to train: idle time on both sides lowers the "
    "figure, by 3 to 26 % in published packages. joulemark counts the window only, and is not moved by it.",
    evidence="Length of each node log against the part of it that lies in the run.",
    remedy="Cut nothing; start and stop the meter close to the run.",
    limits=("outside_max",),
    check=check,
)
