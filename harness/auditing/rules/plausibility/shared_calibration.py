"""A meter's calibration is named by one submitter."""

from collections.abc import Iterator

from harness.auditing.rules.base import (
    POWER_SESSION,
    RECORDED_RUNS,
    Rule,
    RuleContext,
    Violation,
)


def check(context: RuleContext) -> Iterator[Violation]:
    """Report calibrations that an entry of another submitter names too."""
    for shared in context.cross_entry.calibration_claims.get(context.entry.id, ()):
        yield Violation(
            "meter",
            f"calibration {shared.calibration}, "
            f"which {shared.submitter} names in {shared.entry} too",
            "a calibration of one submitter",
            "Name the meter by its serial number; a meter that was lent is shown by sessions "
            "that do not overlap.",
        )


RULE = Rule(
    id="shared-calibration",
    title="A calibration belongs to one submitter",
    why="The error of a meter cancels between results that it measured. Two submitters who name "
    "one calibration either lent the meter or made the name up; the error then stays in both "
    "results.",
    evidence="Calibrations of the summed channels, which hold the serial number where the meter "
    "states one, over all entries that are audited together.",
    remedy="Name each meter by its own serial number.",
    applies_to=POWER_SESSION | RECORDED_RUNS,
    check=check,
)
