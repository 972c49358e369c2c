"""The PTDaemon had nothing to complain about."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    POWER_SESSION,
    Outcome,
    Rule,
    RuleContext,
    Violation,
    for_session,
)
from harness.core.errors import shorten
from harness.core.timestamps import to_iso
from harness.formats.ptdaemon.power_session import Session
from harness.formats.ptdaemon.session_logs import MAX_LINES, OTHER_WARNING, LogLine, SessionLogs
from harness.traces.trace import Window

PTD_LOG = Location(file="performance/power/ptd_logs.txt")
ERROR = b"ERROR: "
HARMLESS_ERROR = "ERROR: USB."
"""What PTDaemon writes when a USB connection needs a second attempt; check.py only warns of it."""
MAX_KINDS = 20
"""Kinds of complaint that are listed."""
MAX_LINE_BYTES = 200


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Report errors outside ranging; warn of odd ones in it and of warnings in the window."""
    logs = session.open()
    ranging_errors = context.accepts["ranging_errors"]
    outside_from = 0
    for go_at, done_at, _ in sorted(logs.spans("ranging")):
        yield from _errors(logs.lines(ERROR, outside_from, go_at), None, "outside ranging")
        odd_lines = _odd_ranging_errors(logs, go_at, done_at, ranging_errors)
        yield from _errors(odd_lines, "warn", "in ranging")
        outside_from = done_at
    yield from _errors(logs.lines(ERROR, outside_from), None, "outside ranging")
    yield from _warnings(logs, session.window("testing"))


def _odd_ranging_errors(
    logs: SessionLogs, go_at: int, done_at: int, usual_errors: Sequence[str]
) -> Iterator[LogLine]:
    """Return errors of the ranging run that its changing ranges do not explain."""
    usual = [error.encode() for error in usual_errors]
    if not _has_other_errors(logs.ptd, go_at, done_at, usual):
        return iter(())
    alternatives = b"|".join(re.escape(error) for error in usual)
    odd_error = re.compile(ERROR + rb"(?!" + alternatives + rb")")
    matches = odd_error.finditer(logs.ptd, go_at, done_at)
    line_groups = (
        logs.lines(ERROR, match.start(), match.start() + MAX_LINE_BYTES) for match in matches
    )
    return itertools.islice(itertools.chain.from_iterable(line_groups), MAX_LINES)


def _has_other_errors(ptd_log: bytes, start: int, end: int, usual: Sequence[bytes]) -> bool:
    """Return whether a part of the log has more errors than the usual ones; counting is fast."""
    others = ptd_log.count(ERROR, start, end)
    for error in usual:
        if others:
            others -= ptd_log.count(ERROR + error, start, end)
    return others != 0


def _errors(lines: Iterable[LogLine], status: Outcome | None, where: str) -> Iterator[Violation]:
    for text, same in _by_kind(lines):
        is_harmless = text == HARMLESS_ERROR
        yield Violation(
            _place(same[0]),
            f"{shorten(text, 100)} ({len(same)} times {where})",
            "no error",
            "Mend the connection to the analyzer and measure again.",
            status=status or ("warn" if is_harmless else None),
        )


def _warnings(logs: SessionLogs, window: Window | None) -> Iterator[Violation]:
    """Warn of warnings in the testing window, except those that ptd-uncertainty reports."""
    for go_at, done_at, _ in logs.spans("testing"):
        lines = [
            line
            for line in logs.lines(OTHER_WARNING, go_at, done_at)
            if _may_be_inside(line, window)
        ]
        for text, same in _by_kind(lines):
            yield Violation(
                _place(same[0]),
                f"{shorten(text, 100)} ({len(same)} times in the window)",
                "no warning",
                "Find out what the PTDaemon means.",
                status="warn",
            )


def _may_be_inside(line: LogLine, window: Window | None) -> bool:
    return line.t_ns is None or window is None or line.t_ns in window


def _by_kind(lines: Iterable[LogLine]) -> list[tuple[str, list[LogLine]]]:
    """Group lines by their text without numbers, so that the first line hides no other."""
    groups: dict[str, list[LogLine]] = defaultdict(list)
    for line in lines:
        groups[re.sub(r"\d[\d.]*", "N", line.text)].append(line)
    return [(same[0].text, same) for same in list(groups.values())[:MAX_KINDS]]


def _place(line: LogLine) -> Location | str:
    return PTD_LOG if line.t_ns is None else f"{PTD_LOG}, {to_iso(line.t_ns)[:23]}Z"


RULE = Rule(
    id="ptd-errors",
    title="The PTDaemon reports no error",
    why="A bad read, a lost connection, a missed sample: the PTDaemon reports each. MLPerf's "
    "check ends at the first warning, so a harmless one hides all that follow.",
    evidence="Lines of ptd_logs.txt: errors outside the ranging run; in it, errors of a kind that "
    "changing ranges do not explain (a warning); warnings in the window (a warning). All are "
    "counted, by kind.",
    remedy="Mend the connection and measure again.",
    applies_to=POWER_SESSION,
    accepts=("ranging_errors",),
    check=check,
)
