"""The window is where the work was done."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    POWER_SESSION,
    TINY_WINDOWS,
    Rule,
    RuleContext,
    Violation,
    for_session,
    location,
)
from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.formats.ptdaemon.power_session import Session
from harness.traces.trace import Floats, Trace, Window

DETAIL = Location(file="performance/run_1/mlperf_log_detail.txt")
IDLE_BELOW, WORK_ABOVE = 0.1, 0.75
"""Shares of the step from idle to load: idle is below the first, work above the second."""
IDLE_QUANTILE, LOAD_QUANTILE = 0.1, 0.7
"""Quantiles that stand for idle, of the readings outside the window, and for load, of all."""
MIN_READINGS_OUTSIDE = 3


class PowerLevels(NamedTuple):
    """What the machine draws at rest and at work [W]."""

    idle_w: float
    load_w: float

    def at(self, share: float) -> float:
        """Return the power at a share of the step from idle to load [W]."""
        return self.idle_w + share * (self.load_w - self.idle_w)


def check(context: RuleContext) -> Iterator[Violation]:
    """Warn of rest inside the window and of work outside it."""
    if context.entry.family not in TINY_WINDOWS:
        yield from _check_session(context)
        return
    for run in context.entry.runs:
        yield from _compare(run, location(run), context.limits)


@for_session
def _check_session(context: RuleContext, session: Session) -> Iterator[Violation]:
    if session.values:
        yield from _compare(context.entry.runs[0], DETAIL, context.limits)


def _compare(run: Run, where: Location, limits: Mapping[str, float]) -> Iterator[Violation]:
    """Compare the readings inside and outside the window of a run."""
    trace = next(iter(run.outer), None)
    if trace is None or run.window is None:
        return
    levels = _levels(trace, run.window, limits)
    if levels is None:
        return
    yield from _rest_inside(trace, run.window, levels, where, limits["idle_share_max"])
    yield from _work_outside(trace, run.window, levels, where, limits)


def _levels(trace: Trace, window: Window, limits: Mapping[str, float]) -> PowerLevels | None:
    """Return the levels of rest and work; None where the trace shows no rest, or no difference."""
    margin_ns = round(limits["margin_s"] * NS)
    is_before = trace.t_ns < window.start_ns - margin_ns
    is_outside = is_before | (trace.t_ns > window.stop_ns + margin_ns)
    if int(is_outside.sum()) < MIN_READINGS_OUTSIDE:
        return None
    idle_w = _quantile(IDLE_QUANTILE, trace.value[is_outside])
    load_w = _quantile(LOAD_QUANTILE, trace.value)
    return PowerLevels(idle_w, load_w) if load_w > limits["contrast_min"] * idle_w else None


def _quantile(share: float, value: Floats) -> float:
    """Return what `np.quantile` returns, in a tenth of its time."""
    rank, fraction = divmod(share * (len(value) - 1), 1)
    lower = int(rank)
    upper = min(lower + 1, len(value) - 1)
    neighbours = np.partition(value, (lower, upper))[lower : upper + 1]
    return float(neighbours[0] + fraction * (neighbours[-1] - neighbours[0]))


def _rest_inside(
    trace: Trace, window: Window, levels: PowerLevels, where: Location, idle_share_max: float
) -> Iterator[Violation]:
    inside_w = trace.window(window).value
    if not len(inside_w):
        return
    idle_share = float(np.mean(inside_w < levels.at(IDLE_BELOW)))
    if idle_share > idle_share_max:
        yield Violation(
            where,
            f"{100 * idle_share:.1f} % of the window near the {_watts(levels.idle_w)} W of idle",
            f"at most {100 * idle_share_max:g}",
            "State the window of the work, and explain why the system rested in it.",
            "% of the window",
            "warn",
        )


def _watts(power_w: float) -> str:
    """Return whole watts; of a board that draws less, three digits."""
    return f"{power_w:.0f}" if power_w >= 10 else f"{power_w:.3g}"


def _work_outside(
    trace: Trace, window: Window, levels: PowerLevels, where: Location, limits: Mapping[str, float]
) -> Iterator[Violation]:
    margin_ns = 2 * round(limits["margin_s"] * NS)
    load_outside_max_s = limits["load_outside_max_s"]
    is_work = trace.value >= levels.at(WORK_ABOVE)
    sides = {
        "before": trace.t_ns < window.start_ns - margin_ns,
        "after": trace.t_ns > window.stop_ns + margin_ns,
    }
    for side, is_on_side in sides.items():
        work_s = float(np.sum(is_work & is_on_side)) * (trace.interval_s or 0.0)
        if work_s > load_outside_max_s:
            yield Violation(
                where,
                f"{work_s:.0f} s at the power of the work {side} the window",
                f"at most {load_outside_max_s:g}",
                "State the window of the whole work, and explain what ran outside it.",
                "s",
                "warn",
            )


RULE = Rule(
    id="window-matches-load",
    aliases=("window-and-load",),
    title="The window is where the work was done",
    why="A window that is moved into the rest before the work, or cut to leave out the most "
    "expensive part, is measured precisely and means nothing.",
    evidence="Power at rest is that of the lowest tenth outside the window; power at work that of "
    "the upper third of all readings. A share of the window near rest, or a long time at work "
    "outside it, is a warning: some benchmarks warm up, some begin slowly. The rule is silent "
    "where work and rest differ little. False alarms: none in 8 real results, by which the limits "
    "were chosen, and none in 200 simulated sessions, by which they were not "
    "(docs/reference/peers.md); none in the 35 windows of seven published results of MLPerf Tiny.",
    remedy="State the window of the whole work.",
    limits=("idle_share_max", "load_outside_max_s", "contrast_min", "margin_s"),
    applies_to=POWER_SESSION | TINY_WINDOWS,
    check=check,
)
