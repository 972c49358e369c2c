"""Readings and window are stamped in one time zone."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation
from harness.formats.defects import DefectCode


def check(case: RuleContext) -> Iterator[Violation]:
    for defect in case.defects(DefectCode.ZONE_SHIFT):
        yield Violation(
            case.inside(defect),
            defect.got,
            "both in UTC",
            "Stamp readings in UTC. The shift was undone here, as it is a whole quarter of an hour.",
        )


RULE = Rule(
    id="clock-zone",
    title="Readings and window share a time zone",
    why="A log in local time covers another hour than the run, and tools that never compare the two do not notice.",
    evidence="A trace that misses its window, and covers it when shifted by whole quarters of an hour.",
    remedy="Stamp in UTC.",
    check=check,
)
