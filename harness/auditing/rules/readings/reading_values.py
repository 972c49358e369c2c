"""Readings inside the window are numbers above zero."""

from collections import Counter
from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.core.errors import shorten
from harness.traces.clean import FAILED, NEGATIVE, NO_TIME, ZERO

BAD = (FAILED, NEGATIVE, ZERO, NO_TIME)


def check(case: RuleContext) -> Iterator[Violation]:
    yield from _failed(case, case.limits["failed_share_max"])
    for run in case.runs:
        for reading in run.readings:
            if reading.energy is not None and reading.energy.resets:
                yield Violation(
                    place(run.run, reading.trace),
                    f"the counter began anew {reading.energy.resets} times inside the window",
                    "a count that only rises, or wraps at its stated modulus",
                    "What was counted in that step is lost and filled: measure again without a reset.",
                )


def _failed(case: RuleContext, most: float) -> Iterator[Violation]:
    for run, trace in case.summed:
        window = run.run.window
        inside = [
            d
            for d in trace.dropped
            if d.reason in BAD
            and (d.t_ns is None or window is None or window.start_ns <= d.t_ns <= window.stop_ns)
        ]
        if not inside:
            continue
        kinds = ", ".join(
            f"{n} {reason}" for reason, n in Counter(d.reason for d in inside).most_common()
        )
        share = len(inside) / (len(inside) + len(trace if window is None else trace.window(window)))
        yield Violation(
            place(run.run, trace),
            f"{kinds} (first: {shorten(inside[0].raw, 40)}, reading {inside[0].position + 1} of the file)",
            f"none; at most {most:g} of the readings in the window",
            "A failed read is a gap, never a zero: find out why the meter failed and measure again.",
            status=None if share > most else "warn",
        )


RULE = Rule(
    id="reading-values",
    title="Readings are numbers above zero",
    why="-1, 0, nan and 9.91E+37 are how meters say that a read failed; summed as power they lower the energy.",
    evidence="Readings in the window that are not positive, finite and stamped; counters that begin anew.",
    remedy="Measure again with a meter that answers; do not edit the log.",
    limits=("failed_share_max",),
    check=check,
)
