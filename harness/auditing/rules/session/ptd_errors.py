"""The PTDaemon had nothing to complain of."""

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

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
from harness.formats.ptdaemon.power_session import MOST_LINES, OTHER, Line, Logs, Session

PTD = "performance/power/ptd_logs.txt"
KINDS = 20
"""So many kinds of complaint are listed."""


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    logs = session.open()
    known = case.accepts["ranging_errors"]
    start = 0
    for go, done, _ in sorted(logs.spans("ranging")):
        yield from _errors(list(logs.lines(b"ERROR: ", start, go)), None, "outside ranging")
        yield from _ranging(logs, go, done, known)
        start = done
    yield from _errors(list(logs.lines(b"ERROR: ", start)), None, "outside ranging")
    yield from _warnings(logs, session)


def _ranging(logs: Logs, go: int, done: int, known: Sequence[str]) -> Iterator[Violation]:
    """Errors of the ranging run that are not of the known kinds, which its changing ranges bring."""
    left = logs.ptd.count(b"ERROR: ", go, done)
    for text in known:
        left -= logs.ptd.count(b"ERROR: " + text.encode(), go, done) if left else 0
    if left:
        unknown = re.compile(
            rb"ERROR: (?!" + b"|".join(re.escape(k.encode()) for k in known) + rb")"
        )
        other = (
            line
            for text in unknown.finditer(logs.ptd, go, done)
            for line in logs.lines(b"ERROR: ", text.start(), text.start() + 200)
        )
        yield from _errors(list(itertools.islice(other, MOST_LINES)), "warn", "in ranging")


def _errors(lines: Sequence[Line], status: Outcome | None, where: str) -> Iterator[Violation]:
    for text, same in _kinds(lines):
        mild = status or ("warn" if text == "ERROR: USB." else None)
        yield Violation(
            _place(same[0]),
            f"{shorten(text, 100)} ({len(same)} times {where})",
            "no error",
            "Mend the connection to the analyzer and measure again.",
            status=mild,
        )


def _warnings(logs: Logs, session: Session) -> Iterator[Violation]:
    """Warnings of the testing run, but for those of ptd-uncertainty."""
    window = session.window("testing")
    for go, done, _ in logs.spans("testing"):
        lines = [
            line
            for line in logs.lines(OTHER, go, done)
            if line.t_ns is None or window is None or window.start_ns <= line.t_ns <= window.stop_ns
        ]
        for text, same in _kinds(lines):
            yield Violation(
                _place(same[0]),
                f"{shorten(text, 100)} ({len(same)} times in the window)",
                "no warning",
                "Find out what the PTDaemon means.",
                status="warn",
            )


def _kinds(lines: Sequence[Line]) -> list[tuple[str, list[Line]]]:
    """Lines by their text, numbers left out, so that the first hides none."""
    found: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        found[re.sub(r"\d[\d.]*", "N", line.text)].append(line)
    return [(same[0].text, same) for same in list(found.values())[:KINDS]]


def _place(line: Line) -> str:
    return PTD if line.t_ns is None else f"{PTD}, {to_iso(line.t_ns)[:23]}Z"


RULE = Rule(
    id="ptd-errors",
    title="The PTDaemon reports no error",
    why="A bad read, a lost connection, a missed sample: the PTDaemon tells each. MLPerf's check ends at the first "
    "warning, and so a harmless one hides all that follow.",
    evidence="Lines of ptd_logs.txt: errors outside the ranging run; in it, errors of a kind that changing ranges do "
    "not explain (a warning); warnings in the window (a warning). All are counted, by kind.",
    remedy="Mend the connection and measure again.",
    accepts=("ranging_errors",),
    applies_to=POWER_SESSION,
    check=check,
)
