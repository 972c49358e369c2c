"""spl.txt of the run that counts ends with its last reading."""

from collections.abc import Iterator

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.power_session import Session

SPL = Location(file="performance/run_1/spl.txt")


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:  # noqa: ARG001
    """Report lines of white space behind the last reading."""
    content = session.open().spl("testing")
    after_last_line = content.rstrip()
    ending = content[len(after_last_line) :]
    blank_lines = ending.count(b"\n") - 1
    if after_last_line and blank_lines > 0:
        yield Violation(
            SPL,
            f"{blank_lines} blank lines at the end",
            "a reading in the last line",
            "Submit the file as the power workflow of this round writes it.",
        )


RULE = Rule(
    id="trace-ending",
    title="The trace ends with a reading",
    why="MLPerf's submission checker read every line of spl.txt as a reading and failed on a "
    "blank one, until it began to ignore white space at the end.",
    evidence="Blank lines behind the last reading of the testing run.",
    remedy="Submit the file as it was written.",
    applies_to=POWER_SESSION,
    check=check,
)
