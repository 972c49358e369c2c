"""Readings inside the window are numbers above zero."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from harness.auditing.report import Location
from harness.auditing.rules.base import Outcome, Rule, RuleContext, Violation, location
from harness.core.errors import shorten
from harness.traces.clean import FAILED, NEGATIVE, NO_TIME, ZERO
from harness.traces.trace import Dropped, Trace, Window

UNUSABLE = (FAILED, NEGATIVE, ZERO, NO_TIME)
"""Reasons for which a reading says nothing about power."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report traces with unusable readings, and counters that were reset inside the window."""
    for run, trace in context.summed_traces:
        window = run.run.window
        unusable = _unusable_readings(trace, window)
        if unusable:
            where = location(run.run, trace)
            yield _unusable(where, unusable, trace, window, context.limits)
    for run in context.runs:
        for reading in run.readings:
            if reading.energy is not None and reading.energy.resets:
                yield Violation(
                    location(run.run, reading.trace),
                    f"the counter began anew {reading.energy.resets} times inside the window",
                    "a count that only rises, or wraps at its stated modulus",
                    "What was counted in that step is lost and was filled in: "
                    "measure again without a reset.",
                )


def _unusable_readings(trace: Trace, window: Window | None) -> list[Dropped]:
    """Return the unusable readings inside the window, and those whose time is not known."""
    return [
        reading
        for reading in trace.dropped
        if reading.reason in UNUSABLE and _may_be_inside(reading.t_ns, window)
    ]


def _may_be_inside(t_ns: int | None, window: Window | None) -> bool:
    return t_ns is None or window is None or t_ns in window


def _unusable(
    where: Location,
    unusable: Sequence[Dropped],
    trace: Trace,
    window: Window | None,
    limits: Mapping[str, float],
) -> Violation:
    reasons = Counter(reading.reason for reading in unusable).most_common()
    kinds = ", ".join(f"{count} {reason}" for reason, count in reasons)
    first = unusable[0]
    usable = trace if window is None else trace.window(window)
    share = len(unusable) / (len(unusable) + len(usable))
    few_failed_max = limits["few_failed_max"]
    status: Outcome | None = "warn"
    if share > few_failed_max:
        status = None if share > limits["failed_share_max"] else "question"
    return Violation(
        where,
        f"{kinds} (first: {shorten(first.raw, 40)}, reading {first.position + 1} of the file)",
        f"none; at most {few_failed_max:g} of the readings in the window",
        "A failed read is a gap, never a zero: find out why the meter failed and measure again.",
        status=status,
    )


RULE = Rule(
    id="reading-values",
    title="Readings are numbers above zero",
    why="-1, 0, nan and 9.91E+37 are how meters report a failed read. Summed as power, they lower "
    "the energy.",
    evidence="Readings in the window that are not positive, finite and stamped, and counters that "
    "restart. A share above failed_share_max is a violation, above few_failed_max the entry is "
    "questioned, and a smaller one is a warning.",
    remedy="Measure again with a meter that answers; do not edit the log.",
    limits=("failed_share_max", "few_failed_max"),
    check=check,
)
