"""The trace is what the analyzer sent, line by line."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Mode, Session
from harness.formats.ptdaemon.session_logs import Reply, SessionLogs

MAX_UNPAIRED = 3
"""Readings that one of several analyzers may have more: they are started and stopped in turn."""
FIX = "Submit spl.txt, ptd_logs.txt and server.log as the session wrote them."


class Log(NamedTuple):
    """A log that holds the readings once more: its name, and the readings of each analyzer."""

    name: str
    replies: Sequence[Reply]

    @property
    def path(self) -> str:
        """Its path in the entry."""
        return f"performance/power/{self.name}"


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Compare spl.txt with the readings in ptd_logs.txt and in server.log."""
    if context.limits["copies_min"] < 1 and not _requests_readings(session):
        yield Violation(
            Location(file="performance/power"),
            "no second copy of the readings: the workflow of this round asked for none",
            "one to compare with",
            "Compare them with ptd-replies, which sees their figures.",
            status="skip",
        )
        return
    logs = session.open()
    for mode in MODES:
        trace = logs.readings_in_spl(mode)
        if not trace:
            continue  # reported by evidence-readable
        in_ptd_log = logs.readings_in_ptd_log(mode)
        in_server_log = _readings_in_server_log(logs, mode, trace)
        yield from _compare(
            mode, trace, Log("ptd_logs.txt", in_ptd_log), Log("server.log", in_server_log), context
        )
        yield from _compare(
            mode, trace, Log("server.log", in_server_log), Log("ptd_logs.txt", in_ptd_log), context
        )


def _requests_readings(session: Session) -> bool:
    """Return whether the server asked an analyzer for its readings, by RL."""
    return any(
        message.cmd.startswith("RL") for messages in session.exchanges for message in messages
    )


def _readings_in_server_log(logs: SessionLogs, mode: Mode, trace: Sequence[bytes]) -> list[Reply]:
    replies = logs.readings_in_server_log(mode)
    return [Reply(_unescaped(reply, trace), cut=False) for reply in replies]


def _unescaped(reply: bytes, trace: Sequence[bytes]) -> bytes:
    r"""Return a reply with one reading a line: server.log has a literal ``\n`` between them.

    If it is the trace itself, as usual, comparing is faster than replacing.
    """
    only_trace = trace[0] if len(trace) == 1 else b""
    if only_trace.replace(b"\n", b"\\n") == reply:
        return only_trace
    return reply.replace(b"\\n", b"\n")


def _all_equal(trace: Sequence[bytes], replies: Sequence[Reply]) -> bool:
    if len(replies) != len(trace):
        return False
    pairs = zip(trace, replies, strict=True)
    return all(_is_equal(readings, reply, len(trace)) for readings, reply in pairs)


def _is_equal(readings: bytes, reply: Reply, analyzers: int) -> bool:
    """Return whether a reply holds the readings.

    Of several analyzers spl.txt has paired readings only, without the last ones of the rest.
    """
    if readings == reply.text:
        return True
    if analyzers == 1 or not _begins_with(reply.text, readings):
        return False
    return reply.text.count(b"\n", len(readings)) <= MAX_UNPAIRED


def _begins_with(whole: bytes, lines: bytes) -> bool:
    return whole.startswith(lines + b"\n")


def _compare(
    mode: Mode, trace: Sequence[bytes], log: Log, other_log: Log, context: RuleContext
) -> Iterator[Violation]:
    """Compare the readings of each analyzer with one log.

    Args:
        mode: Ranging or testing.
        trace: Readings of each analyzer, by spl.txt.
        log: The log to compare with.
        other_log: The other log that holds the readings once more.
        context: The limits.
    """
    if len(log.replies) != len(trace):
        got = f"{len(log.replies)} replies with the readings of {mode} mode"
        expected = f"{len(trace)}, one from each analyzer"
        yield Violation(Location(file=log.path), got, expected, FIX)
        return
    other_is_complete = _all_equal(trace, other_log.replies)
    for number, (readings, reply) in enumerate(zip(trace, log.replies, strict=True), 1):
        if _is_equal(readings, reply, len(trace)):
            continue
        analyzer = f" of analyzer {number}" if len(trace) > 1 else ""
        if other_is_complete and _ends_early(readings, reply):
            unwritten_bytes = len(readings) - len(reply.text)
            is_buffer = unwritten_bytes <= context.limits["unwritten_max"]
            yield Violation(
                Location(file=log.path),
                f"ends at reading {_line_count(reply.text)} of {_line_count(readings)}{analyzer}, "
                f"{unwritten_bytes} bytes early; {other_log.name} holds all",
                "all that was sent",
                "Stop the PTDaemon before its log is copied.",
                status="warn" if is_buffer else "question",
            )
        else:
            file = f"performance/{FOLDERS[mode]}/spl.txt"
            yield _difference(file, readings, reply, log, other_log, analyzer)


def _ends_early(readings: bytes, reply: Reply) -> bool:
    """Return whether a log was copied before its end was written, and is right up to there."""
    return reply.cut and (not reply.text or _begins_with(readings, reply.text))


def _line_count(text: bytes) -> int:
    return text.count(b"\n") + bool(text)


def _difference(
    file: str, readings: bytes, reply: Reply, log: Log, other_log: Log, analyzer: str
) -> Violation:
    """Report the first line that differs, and how many were added and removed."""
    trace_lines, log_lines = readings.split(b"\n"), reply.text.split(b"\n")
    sent_lines, kept_lines = set(log_lines), set(trace_lines)
    unlogged = [line for line in trace_lines if line not in sent_lines]
    removed = sum(line not in kept_lines for line in log_lines)
    other_lines = {line for sent in other_log.replies for line in sent.text.split(b"\n")}
    if unlogged and other_lines.issuperset(unlogged):
        origin = f"are in {other_log.name} only"
    else:
        origin = "were never sent"
    first = _first_difference(trace_lines, log_lines)
    return Violation(
        Location(file=file, line=first + 1),
        f"{_line_text(trace_lines, first)}; {len(unlogged)} of {len(trace_lines)} readings "
        f"{origin}{analyzer}, {removed} that were sent are missing",
        f"{_line_text(log_lines, first)}, as {log.name} has it; {len(log_lines)} readings",
        FIX,
    )


def _first_difference(trace_lines: Sequence[bytes], log_lines: Sequence[bytes]) -> int:
    """Return the position of the first line that differs, or that only one of the two has."""
    for position, (line, sent) in enumerate(zip(trace_lines, log_lines, strict=False)):
        if line != sent:
            return position
    return min(len(trace_lines), len(log_lines))


def _line_text(lines: Sequence[bytes], position: int) -> str:
    if position >= len(lines):
        return "no line"
    return shorten(lines[position][:60].decode("ascii", "replace"), 60)


RULE = Rule(
    id="ptd-raw-readings",
    title="The trace is what the analyzer sent",
    why="spl.txt is a copy of what the PTDaemon sent, and after an edit its hash can be restated. "
    "The same readings are in two more files, which no tool of MLPerf compares.",
    evidence="Each line of spl.txt, of both runs, against the reply to RL in ptd_logs.txt and in "
    "server.log. Where ptd_logs.txt ends early and is right up to there, and server.log holds "
    "all, no reading is doubted: it is a warning up to what the PTDaemon may not have written "
    "yet, and beyond it the entry is questioned. The workflow until v3.0 did not ask for the "
    "readings: then there is nothing to compare, and the rule says so.",
    remedy="Submit the files as the session wrote them.",
    limits=("copies_min", "unwritten_max"),
    applies_to=POWER_SESSION,
    check=check,
)
