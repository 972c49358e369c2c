"""No long gap between readings, and not many short ones."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    Rule,
    RuleContext,
    Violation,
    conflicting_readings_ns,
    has_whole_second_stamps,
    location,
    worst_channel,
)
from harness.core.timestamps import NS
from harness.energy.run import ChannelReadings
from harness.traces.trace import GAP_CELLS, Trace, Window

FIX = "Find out why the meter was silent and measure again."


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the channel of each run whose readings leave the largest gap."""
    for run in context.runs:
        window = run.run.window
        if window is None:
            continue
        channels_with_gaps = []
        for reading in run.readings:
            if reading.energy is None or reading.trace.channel.kind == "counter":
                continue
            violation = _gap(reading, window, location(run.run, reading.trace), context)
            if violation is not None:
                channels_with_gaps.append((reading.energy.largest_gap_s, violation))
        yield from worst_channel(channels_with_gaps, len(run.readings))


def _gap(
    reading: ChannelReadings, window: Window, where: Location, context: RuleContext
) -> Violation | None:
    """Return what is wrong with the gaps of a channel, None where they are within the limits."""
    gap_max_s, gap_share_max = context.limits["gap_max_s"], context.limits["gap_share_max"]
    energy = reading.energy
    if energy is None:
        return None
    if energy.largest_gap_s > gap_max_s:
        got = f"{energy.largest_gap_s:.3f} s without a reading"
        return Violation(where, got, f"at most {gap_max_s:g}", FIX, "s")
    gap_share = energy.gap_share - _excused_s(reading.trace, window) / window.seconds
    if gap_share > gap_share_max:
        got = f"{100 * gap_share:.2f} % of the window in gaps"
        return Violation(where, got, f"at most {100 * gap_share_max:g}", FIX, "% of the window")
    return None


def _excused_s(trace: Trace, window: Window) -> float:
    """Return the part of the gaps that only the timestamps make [s].

    A stamp that is used twice, or cut to whole seconds, moves a reading without a silence. One
    interval is excused of a step with a repeated stamp at either end, and one second where stamps
    are cut to seconds.
    """
    repeated_ns = conflicting_readings_ns(trace)
    truncation_ns = NS if has_whole_second_stamps(trace) else 0
    if not len(repeated_ns) and not truncation_ns:
        return 0.0
    t_ns = trace.window(window).t_ns
    interval_ns = round(trace.expected_interval_s * NS)
    longest_step_ns = GAP_CELLS * interval_ns
    is_repeated = np.isin(t_ns, repeated_ns)
    next_to_repeated = is_repeated[1:] | is_repeated[:-1]

    step_ns = np.diff(t_ns)
    moved_ns = truncation_ns + np.where(next_to_repeated, interval_ns, 0)
    is_gap = step_ns > longest_step_ns
    remains_gap = step_ns - moved_ns > longest_step_ns
    counted_ns = step_ns - interval_ns
    real_gap_ns = np.where(remains_gap, counted_ns - moved_ns, 0)
    return float(np.sum((counted_ns - real_gap_ns)[is_gap])) / NS


RULE = Rule(
    id="largest-gap",
    title="No long gap between readings",
    why="A gap is filled with the mean of its neighbours. A long one is a guess, and a convenient "
    "place to hide a peak.",
    evidence="Steps between readings inside the window that are longer than 1.5 intervals. A "
    "timestamp that is used twice with two values, or cut to whole seconds, moves a reading "
    "without a silence: one interval, or one second, of such a step is not counted in the share. "
    "A counter loses nothing when it is read late, and is exempt.",
    remedy="Poll the meter in a process of its own and measure again.",
    limits=("gap_max_s", "gap_share_max"),
    check=check,
)
