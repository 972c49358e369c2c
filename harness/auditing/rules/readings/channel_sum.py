"""The channels of an analyzer add up to its total."""

from collections.abc import Iterator, Sequence

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, location
from harness.formats.base import Run
from harness.formats.ptdaemon.rounding import half_last_digit
from harness.traces.channel import Channel
from harness.traces.trace import Ints, Trace


def check(context: RuleContext) -> Iterator[Violation]:
    """Report totals that differ from the sum of their channels."""
    for run in context.entry.runs:
        for total in run.outer:
            parts = [part for part in run.traces if _adds_up(part.channel, total.channel)]
            if parts:
                yield from _compare(context, run, total, parts)


def _adds_up(part: Channel, total: Channel) -> bool:
    """Return whether a part is measured at the boundary of its total, by the same meter.

    The cores of a package do not add up to it, nor do packages to the wall meter in front of them,
    nor does a second sensor of one part.
    """
    same_boundary = part.boundary in (total.boundary, "phase")
    return part.part_of == total.id and same_boundary and part.meter == total.meter


def _compare(
    context: RuleContext, run: Run, total: Trace, parts: Sequence[Trace]
) -> Iterator[Violation]:
    stamps_ns = _common_stamps(total, parts)
    if not len(stamps_ns):
        yield Violation(
            location(run, total),
            "no common stamp of total and channels",
            "the same stamps",
            "Submit both.",
            status="warn",
        )
        return
    total_w = _values_at(total, stamps_ns)
    sum_w = np.sum([_values_at(part, stamps_ns) for part in parts], axis=0)
    difference_w = np.abs(total_w - sum_w)

    relative_max = context.limits["relative_max"]
    rounding_w = _rounding_w([total, *parts])
    absolute_max_w = min(context.limits["absolute_max_w"], rounding_w)
    differs = (difference_w > relative_max * total_w) & (difference_w > absolute_max_w)
    if not differs.any():
        return
    worst = int(np.argmax(np.where(differs, difference_w, 0.0)))
    yield Violation(
        location(run, total),
        f"{total_w[worst]:.2f} W against {sum_w[worst]:.2f} W in {len(parts)} channels; "
        f"{differs.sum()} readings differ",
        f"equal within {relative_max:g} of it or {absolute_max_w:.3g} W, what rounding makes",
        "Submit the file the analyzer wrote, unedited.",
    )


def _common_stamps(total: Trace, parts: Sequence[Trace]) -> Ints:
    """Return the stamps that the total shares with every channel."""
    stamps_ns = total.t_ns
    for part in parts:
        if not np.array_equal(stamps_ns, part.t_ns):
            stamps_ns = np.intersect1d(stamps_ns, part.t_ns, assume_unique=True)
    return stamps_ns


def _values_at(trace: Trace, stamps_ns: Ints) -> np.ndarray:
    """Return the readings of a trace at stamps that it has."""
    return trace.value[np.searchsorted(trace.t_ns, stamps_ns)]


def _rounding_w(traces: Sequence[Trace]) -> float:
    """Return the difference that rounding the last digit of every trace can make [W]."""
    return sum(float(half_last_digit(trace.value).min()) for trace in traces)


RULE = Rule(
    id="channel-sum",
    title="Channels add up to the total",
    why="An edited total is no longer the sum of its channels.",
    evidence="Each reading of a total against the sum of its channels at the same timestamp. A "
    "difference that rounding of the last digits explains is ignored, up to absolute_max_w.",
    remedy="Submit the file the analyzer wrote.",
    limits=("relative_max", "absolute_max_w"),
    check=check,
)
