"""No long silence, and not many short ones."""

from collections.abc import Iterator

from harness.energy import ChannelEnergy
from harness.rules.base import Case, Hit, Rule, place, worst

FIX = "Find out why the meter was silent and measure again."


def check(case: Case) -> Iterator[Hit]:
    for run in case.runs:
        found = [
            (reading.energy.largest_gap_s, hit)
            for reading in run.readings
            if reading.energy is not None
            for hit in _silent(reading.energy, place(run.run, reading.trace), case)
        ]
        yield from worst(found, len(run.readings))


def _silent(found: ChannelEnergy, where: str, case: Case) -> Iterator[Hit]:
    longest, share = case.limits["gap_max_s"], case.limits["gap_share_max"]
    if found.largest_gap_s > longest:
        yield Hit(where, f"{found.largest_gap_s:.3f} without a reading", f"at most {longest:g}", FIX, "s")
    elif found.gap_share > share:
        yield Hit(
            where,
            f"{found.gap_share:.4f} of the window in gaps",
            f"at most {share:g}",
            FIX,
            "share of the window",
        )


RULE = Rule(
    id="largest-gap",
    title="No long gap between readings",
    why="A gap is filled with the mean of its neighbours; a long one is a guess, and a handy place to hide a peak.",
    evidence="Steps between readings inside the window, longer than 1.5 intervals.",
    remedy="Poll the meter in a process of its own and measure again.",
    limits=("gap_max_s", "gap_share_max"),
    check=check,
)
