"""The window is where the work was."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, for_session
from harness.core.timestamps import NS
from harness.formats.ptdaemon.power_session import Session
from harness.traces.trace import Floats, Trace, Window

DETAIL = "performance/run_1/mlperf_log_detail.txt"
LOW, HIGH = 0.1, 0.75
"""Shares of the step from idle to load: below the first a reading is idle, above the second it is load."""


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    run = case.entry.runs[0]
    trace = next(iter(run.outer), None)
    if trace is None or run.window is None or not session.values:
        return
    levels = _levels(trace, run.window, case.limits["contrast_min"])
    if levels is None:
        return
    idle_w, load_w = levels
    low_w, high_w = (idle_w + share * (load_w - idle_w) for share in (LOW, HIGH))
    inside = trace.window(run.window).value
    idle, most = (
        float(np.mean(inside < low_w)) if len(inside) else 0.0,
        case.limits["idle_share_max"],
    )
    if idle > most:
        yield Violation(
            DETAIL,
            f"{idle:.3f} of the window near the {idle_w:.0f} W of idle",
            f"at most {most:g}",
            "State the window of the work: say why the system rested in it.",
            "share of the window",
            "warn",
        )
    for side, spent_s in _outside(trace, run.window, high_w).items():
        if spent_s > case.limits["load_outside_max_s"]:
            yield Violation(
                DETAIL,
                f"{spent_s:.0f} s at the power of the work {side} the window",
                f"at most {case.limits['load_outside_max_s']:g}",
                "State the window of the whole work: say what ran outside it.",
                "s",
                "warn",
            )


def _levels(trace: Trace, window: Window, contrast: float) -> tuple[float, float] | None:
    """Power at rest and at work [W]; None where the trace shows no rest, or no difference."""
    outside = (trace.t_ns < window.start_ns - NS) | (trace.t_ns > window.stop_ns + NS)
    if int(outside.sum()) < 3:
        return None
    idle_w, load_w = _at(0.1, trace.value[outside]), _at(0.7, trace.value)
    return (idle_w, load_w) if load_w > contrast * idle_w else None


def _at(share: float, value: Floats) -> float:
    """The power below which a share of the readings lies, as `np.quantile` says it in ten times the time."""
    rank, part = divmod(share * (len(value) - 1), 1)
    two = np.partition(value, (int(rank), min(int(rank) + 1, len(value) - 1)))[
        int(rank) : int(rank) + 2
    ]
    return float(two[0] + part * (two[-1] - two[0]))


def _outside(trace: Trace, window: Window, high_w: float) -> dict[str, float]:
    """Time at work before and after the window [s]."""
    high = trace.value >= high_w
    before, after = trace.t_ns < window.start_ns - 2 * NS, trace.t_ns > window.stop_ns + 2 * NS
    sides = {"before": before, "after": after}
    return {
        side: float(np.sum(high & part)) * (trace.interval_s or 0.0) for side, part in sides.items()
    }


RULE = Rule(
    id="window-matches-load",
    aliases=("window-and-load",),
    title="The window is where the work was",
    why="A window moved to the rest before the work, or cut to leave the most expensive part out, is measured exactly "
    "and says nothing.",
    evidence="Power at rest is that of the lowest tenth outside the window, power at work that of the upper third of "
    "all. A share of the window near rest, or a long time at work outside it, is a warning: some benchmarks warm up, "
    "some begin slowly. Nothing is said where work and rest differ little. False alarms: "
    "none in 8 real results, by which the limits were chosen, and none in 200 simulated sessions, by which they were "
    "not (docs/reference/peers.md).",
    remedy="State the window of the whole work.",
    limits=("idle_share_max", "load_outside_max_s", "contrast_min"),
    check=check,
)
