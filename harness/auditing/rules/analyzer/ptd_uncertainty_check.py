"""The PTDaemon checks its uncertainty from before the ranging run."""

from collections.abc import Iterator

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.power_session import Session

PTD_LOG = Location(file="performance/power/ptd_logs.txt")
CHECK_LINE, ACTIVATED = b"Uncertainty checking for ", "is activated"


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:  # noqa: ARG001
    """Report a log without a ranging run, or without an active check in front of it."""
    logs = session.open()
    if not logs.ptd:
        return  # reported by evidence-readable
    ranging_goes = [at for at, mark in logs.go_commands if mark.endswith("_ranging")]
    if not ranging_goes:
        got = "no Go of the ranging run"
        yield Violation(PTD_LOG, got, "a Go with its mark", "Submit the whole log.")
        return
    lines_before = logs.lines(CHECK_LINE, 0, ranging_goes[0])
    if not any(line.text.endswith(ACTIVATED) for line in lines_before):
        yield Violation(
            PTD_LOG,
            "no line that uncertainty checking is activated before ranging",
            "one",
            "Run PTDaemon with its checks.",
        )


RULE = Rule(
    id="ptd-uncertainty-check",
    title="The PTDaemon checks its uncertainty",
    why="Without its check the PTDaemon does not report a range that is too large or a power "
    "factor that is too low.",
    evidence="The line of ptd_logs.txt that activates the check, in front of the Go of the "
    "ranging run.",
    remedy="Run PTDaemon with its checks, and submit its whole log.",
    applies_to=POWER_SESSION,
    check=check,
)
