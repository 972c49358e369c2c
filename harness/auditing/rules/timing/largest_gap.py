"""No long silence, and not many short ones."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import (
    Rule,
    RuleContext,
    Violation,
    place,
    second_readings_ns,
    whole_seconds,
    worst,
)
from harness.core.timestamps import NS
from harness.energy.run import Reading
from harness.traces.trace import GAP_CELLS, Trace, Window

FIX = "Find out why the meter was silent and measure again."


def check(case: RuleContext) -> Iterator[Violation]:
    for run in case.runs:
        window = run.run.window
        if window is None:
            continue
        found = [
            (reading.energy.largest_gap_s, hit)
            for reading in run.readings
            if reading.energy is not None and reading.trace.channel.kind != "counter"
            for hit in _silent(reading, window, place(run.run, reading.trace), case)
        ]
        yield from worst(found, len(run.readings))


def _silent(reading: Reading, window: Window, where: str, case: RuleContext) -> Iterator[Violation]:
    longest, most = case.limits["gap_max_s"], case.limits["gap_share_max"]
    found = reading.energy
    if found is None:
        return
    share = found.gap_share - _excused_s(reading.trace, window) / window.seconds
    if found.largest_gap_s > longest:
        yield Violation(
            where, f"{found.largest_gap_s:.3f} without a reading", f"at most {longest:g}", FIX, "s"
        )
    elif share > most:
        yield Violation(
            where,
            f"{share:.4f} of the window in gaps",
            f"at most {most:g}",
            FIX,
            "share of the window",
        )


def _excused_s(trace: Trace, window: Window) -> float:
    """Silence that is one of stamps only [s]: a stamp given twice, or cut to the second, moves a reading.

    One interval for a step with a repeated stamp at its ends, one second where stamps are cut to seconds.
    """
    repeated = second_readings_ns(trace)
    coarse = NS if whole_seconds(trace) else 0
    if not len(repeated) and not coarse:
        return 0.0
    t_ns, interval_ns = trace.window(window).t_ns, round(trace.expected_interval_s * NS)
    twice = np.isin(t_ns, repeated)
    step = np.diff(t_ns)
    moved = coarse + np.where(twice[1:] | twice[:-1], interval_ns, 0)
    gap = step > GAP_CELLS * interval_ns
    silent = np.where(step - moved > GAP_CELLS * interval_ns, step - interval_ns - moved, 0)
    return float(np.sum((step - interval_ns - silent)[gap])) / NS


RULE = Rule(
    id="largest-gap",
    title="No long gap between readings",
    why="A gap is filled with the mean of its neighbours; a long one is a guess, and a handy place to hide a peak.",
    evidence="Steps between readings inside the window, longer than 1.5 intervals. A stamp that is given twice with "
    "two values, or cut to whole seconds, moves a reading and is no silence: one interval, or one second, of such a "
    "step is not counted in the share. A counter loses nothing in a late read and is exempt.",
    remedy="Poll the meter in a process of its own and measure again.",
    limits=("gap_max_s", "gap_share_max"),
    check=check,
)
