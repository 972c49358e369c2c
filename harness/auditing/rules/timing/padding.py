"""Only a small part of the power log lies outside the timed part."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import TRAINING_LOGS, Rule, RuleContext, Violation, location
from harness.traces.trace import Trace, Window


class PaddedLog(NamedTuple):
    """A node log of which too much lies outside the run."""

    outside_share: float
    where: Location
    trace: Trace
    window: Window


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the node log with the largest share outside its run."""
    outside_max = context.limits["outside_max"]
    padded_logs, log_count = [], 0
    for run, trace in context.summed_traces:
        window = run.run.window
        if window is None or len(trace) < 2 or trace.channel.boundary != "node":
            continue
        log_count += 1
        outside_share = _outside_share(trace, window)
        if outside_max < outside_share < 1:
            padded_logs.append(PaddedLog(outside_share, location(run.run, trace), trace, window))
    if not padded_logs:
        return
    log = max(padded_logs, key=lambda log: (log.outside_share, log.where))
    effect = _effect_on_mean(log.trace, log.window)
    yield Violation(
        log.where,
        f"{log.outside_share:.3f} of the log outside the run{effect}, "
        f"in {len(padded_logs)} of {log_count} logs",
        f"at most {outside_max:g} of the log",
        "Begin just before the timed part and stop just after.",
    )


def _outside_share(trace: Trace, window: Window) -> float:
    """Return the share of the log's duration that lies outside the window."""
    first_ns, last_ns = int(trace.t_ns[0]), int(trace.t_ns[-1])
    inside_ns = min(last_ns, window.stop_ns) - max(first_ns, window.start_ns)
    return 1 - max(0, inside_ns) / (last_ns - first_ns)


def _effect_on_mean(trace: Trace, window: Window) -> str:
    """Describe how the padding changes the mean power that MLPerf's formula takes."""
    inside = trace.window(window)
    if not len(inside):
        return ""
    change = float(np.mean(trace.value) / np.mean(inside.value)) - 1
    return f" (mean of the whole log {change:+.1%} against the run)"


RULE = Rule(
    id="padding",
    title="The power log is not padded",
    why="MLPerf multiplies the mean power of the whole log by the time to train: idle time on "
    "both sides lowers the figure, by 3 to 26 % in published packages. joulemark counts the "
    "window only, so its figure does not move.",
    evidence="Length of each node log against the part of it that lies in the run.",
    remedy="Do not cut the log; start and stop the meter close to the run.",
    limits=("outside_max",),
    applies_to=TRAINING_LOGS,
    check=check,
)
