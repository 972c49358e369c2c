"""The channels of an analyzer add up to its total."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.formats.base import Run
from harness.formats.ptdaemon.rounding import half_last_digit
from harness.traces.channel import Channel
from harness.traces.trace import Trace


def check(case: RuleContext) -> Iterator[Violation]:
    relative, absolute_w = case.limits["relative_max"], case.limits["absolute_max_w"]
    for run in case.entry.runs:
        for total in run.outer:
            parts = [trace for trace in run.traces if _same_place(trace.channel, total.channel)]
            if parts:
                yield from _compare(run, total, parts, relative, absolute_w)


def _same_place(part: Channel, total: Channel) -> bool:
    """Whether the two measure one boundary; the cores of a package, or a package behind a wall meter, do not add up."""
    return part.part_of == total.id and part.boundary in (total.boundary, "phase")


def _compare(
    run: Run, total: Trace, parts: list[Trace], relative: float, absolute_w: float
) -> Iterator[Violation]:
    common = total.t_ns
    for part in parts:
        if not np.array_equal(common, part.t_ns):
            common = np.intersect1d(common, part.t_ns, assume_unique=True)
    if not len(common):
        yield Violation(
            place(run, total),
            "no common stamp of total and channels",
            "the same stamps",
            "Submit both.",
            status="warn",
        )
        return
    whole = total.value[np.searchsorted(total.t_ns, common)]
    added = np.sum([part.value[np.searchsorted(part.t_ns, common)] for part in parts], axis=0)
    apart = np.abs(whole - added)
    bad = apart > relative * whole
    if bad.any():
        rounded_w = sum(float(half_last_digit(trace.value).min()) for trace in (total, *parts))
        bad &= apart > min(absolute_w, rounded_w)
    if bad.any():
        worst = int(np.argmax(np.where(bad, apart, 0.0)))
        yield Violation(
            place(run, total),
            f"{whole[worst]:.2f} W against {added[worst]:.2f} W in {len(parts)} channels; {bad.sum()} readings differ",
            f"equal within {relative:g} of it or {min(absolute_w, rounded_w):.3g} W, what rounding makes",
            "Submit the file the analyzer wrote, unedited.",
        )


RULE = Rule(
    id="channel-sum",
    title="Channels add up to the total",
    why="An edited total no longer is the sum of its channels.",
    evidence="Each reading of a total against the sum of its channels at the same stamp. What the rounding of the last "
    "digit of each can make is no difference, as far as it is below absolute_max_w.",
    remedy="Submit the file the analyzer wrote.",
    limits=("relative_max", "absolute_max_w"),
    check=check,
)
