"""All files of the result are there and can be read."""

from collections.abc import Iterator

from harness.auditing.rules.base import (
    ENDPOINT_PACKAGES,
    EVERY_FAMILY,
    Rule,
    RuleContext,
    Violation,
)
from harness.formats.defects import DefectCode

CODES = {code.value: code for code in DefectCode}
"""Kinds of defects, by the text that a defect has."""
ORDER = list(dict.fromkeys(code.expected for code in DefectCode))
"""What is expected in place of a defect, in the order of the table of defects."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report what the readers noted, kind by kind in the order of the table of defects."""
    defects = [defect for defect in context.entry.defects if defect.code in CODES]
    defects.sort(key=lambda defect: ORDER.index(CODES[defect.code].expected))
    for defect in defects:
        code = CODES[defect.code]
        if code.severity == "own rule":
            continue
        yield Violation(
            context.defect_location(defect),
            f"{defect.code}: {defect.got}",
            code.expected,
            code.remedy,
            status="warn" if code.severity == "warn" else None,
        )


RULE = Rule(
    id="evidence-readable",
    title="The evidence is complete and readable",
    why="What cannot be read cannot be checked; a missing file is a question, not a pass.",
    evidence="Files that are missing, empty, broken, of no known kind, or not those that were "
    "recorded, packed and signed; journals whose chain is broken, open or missing.",
    remedy="Submit the complete, unedited files.",
    applies_to=EVERY_FAMILY | ENDPOINT_PACKAGES,
    check=check,
)
