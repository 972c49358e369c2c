"""Readings are measurements, and not error codes or a counter that stands still."""

from collections import Counter
from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, location

EXPECTED = "readings that a living meter of this part can return"


def check(context: RuleContext) -> Iterator[Violation]:
    """Report channels whose readings were left out of the sum, or yield no energy."""
    for run in context.runs:
        for readings in run.readings:
            where = location(run.run, readings.trace)
            if readings.fault is not None:
                yield Violation(
                    where,
                    readings.fault,
                    EXPECTED,
                    "No energy comes of this channel: read another sensor, or read it more often, "
                    "and measure again.",
                )
            left_out = readings.checked.left_out
            if left_out:
                reasons = Counter(reading.reason for reading in left_out).most_common()
                kinds = ", ".join(f"{count} {reason}" for reason, count in reasons)
                first = left_out[0]
                yield Violation(
                    where,
                    f"{kinds} (first: {first.raw}, reading {first.position + 1} of the file)",
                    EXPECTED,
                    "They were left out of the sum: find out why the driver returned them.",
                    status="warn",
                )


RULE = Rule(
    id="readings-are-measurements",
    title="Readings are measurements",
    why="A driver that fails may return all ones (4.29 MW); a counter may jump to 0, stand "
    "still (0 J), or pass its range unseen, and a moving mean of 300 s shows nothing of a run of "
    "10 s. All of them are numbers, and sum to a wrong energy.",
    evidence="Readings that are an error code of the driver; dips and spikes of a counter that "
    "goes on where it was; counters that stand still in the window or may pass their range between "
    "two readings; moving means longer than the window; powers that no such part can draw.",
    remedy="Read a sensor that measures this part, often enough for its range.",
    check=check,
)
