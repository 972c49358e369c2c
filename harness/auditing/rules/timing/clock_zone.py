"""Readings and window are stamped in the same time zone."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation
from harness.formats.defects import DefectCode


def check(context: RuleContext) -> Iterator[Violation]:
    """Report each trace that had to be shifted by a time zone when it was read."""
    for defect in context.defects(DefectCode.ZONE_SHIFT):
        yield Violation(
            context.defect_location(defect),
            defect.got,
            "both in UTC",
            "Stamp readings in UTC. The shift, a multiple of 15 minutes, was undone here.",
        )


RULE = Rule(
    id="clock-zone",
    title="Readings and window share a time zone",
    why="A log in local time covers a different hour than the run, and tools that never compare "
    "the two do not notice.",
    evidence="A trace that misses its window, but covers it when shifted by a multiple of 15 "
    "minutes.",
    remedy="Stamp in UTC.",
    check=check,
)
