"""A stated lag of a meter is one that its calibration, its kind and its readings bear out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.core.numbers import stated_number
from harness.core.timestamps import NS
from harness.energy.cells import Cells
from harness.energy.clock import displacement
from harness.formats.base import Run
from harness.traces.channel import Channel
from harness.traces.trace import Trace, Window

FIX = "State the lag that joulemark calibrate measured, or none."
CALIBRATION = "calibration"
"""Field of a channel that cites a calibration document (harness.meters.calibration)."""
ROUNDING_S = 1e-6
REACH = 1.5
"""Lags within which a step of load is looked for around both ends of the window."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Hold the lag of each channel against what else is known of it."""
    for run in context.entry.runs:
        for trace in run.outer:
            lag_s = trace.channel.stamp_lag_s or 0.0
            if lag_s > 0:
                yield from _compare(run, trace, lag_s, context.limits["lag_max_s"])


def _compare(run: Run, trace: Trace, lag_s: float, lag_max_s: float) -> Iterator[Violation]:
    where = location(run, trace)
    measured_s = _measured_lag_s(trace.channel)
    if measured_s is not None:
        low_s, high_s = measured_s
        if not low_s - ROUNDING_S <= lag_s <= high_s + ROUNDING_S:
            got, expected = f"a lag of {lag_s:g} s", f"from {low_s:g} to {high_s:g}"
            yield Violation(where, got, f"{expected}, as the calibration has it", FIX, "s")
    else:
        limit_s = lag_max_s + _own_lag_s(trace)
        if lag_s > limit_s:
            got = f"a lag of {lag_s:g} s that no calibration shows"
            yield Violation(where, got, f"at most {limit_s:.3g}", FIX, "s")
    earlier_s = _load_before_lag_s(trace, run.window, lag_s)
    if earlier_s > max(lag_s / 2, trace.interval_s or 0.0):
        got = f"load that begins and ends {earlier_s:.3g} s before a lag of {lag_s:g} s has it"
        yield Violation(where, got, "load where the window lies, moved by the lag", FIX)


def _measured_lag_s(channel: Channel) -> tuple[float, float] | None:
    """Return the ends of the lag that a cited calibration states [s]; None where it has none."""
    cited = channel.extra.get(CALIBRATION)
    estimate: Any = cited.get("lag_s") if isinstance(cited, Mapping) else None
    if not isinstance(estimate, Mapping):
        return None
    low_s, high_s = stated_number(estimate.get("low")), stated_number(estimate.get("high"))
    return None if low_s is None or high_s is None else (low_s, high_s)


def _own_lag_s(trace: Trace) -> float:
    """Return how late a mean over a meter's window, read at its pace, may be [s]."""
    return (trace.channel.averaging_s or 0.0) + (trace.interval_s or 0.0)


def _load_before_lag_s(trace: Trace, window: Window | None, lag_s: float) -> float:
    """Return how much earlier the load lies than the window moved by a lag [s]; 0 if unknown."""
    if window is None or len(trace) < 2:
        return 0.0
    lag_ns = round(lag_s * NS)
    moved = Window(window.start_ns + lag_ns, window.stop_ns + lag_ns)
    return max(0.0, -displacement(Cells(trace), moved, reach_s=REACH * lag_s))


RULE = Rule(
    id="lag-plausible",
    title="The lag of a meter is borne out",
    why="Readings count where the window lies, later by the lag: a lag that is made up moves the "
    "window into rest, and no reading is touched.",
    evidence="The lag in a channel's header: against the interval of a calibration that the "
    "channel cites; without one, against the limit and the meter's own averaging and interval; "
    "and against the load, where the power rises and falls at both ends of the window, and the "
    "window is long enough to look for it.",
    remedy="Calibrate the meter (joulemark calibrate), and state what was measured.",
    limits=("lag_max_s",),
    applies_to=RECORDED_RUNS,
    check=check,
)
