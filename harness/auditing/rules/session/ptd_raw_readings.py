"""The trace is what the analyzer sent, line by line."""

from collections.abc import Iterator, Sequence

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Mode, Session
from harness.formats.ptdaemon.session_logs import Reply, SessionLogs

MAX_UNPAIRED = 3
"""Readings that one of several analyzers may have more: they are started and stopped in turn."""
FIX = "Submit spl.txt, ptd_logs.txt and server.log as the session wrote them."


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Compare spl.txt with the readings in ptd_logs.txt and in server.log."""
    if context.limits["copies_min"] < 1 and not _requests_readings(session):
        yield Violation(
            "performance/power",
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
        server_log_is_complete = _all_equal(trace, in_server_log)
        unwritten_max = context.limits["unwritten_max"] if server_log_is_complete else -1
        yield from _compare(mode, trace, in_ptd_log, "ptd_logs.txt", unwritten_max)
        yield from _compare(mode, trace, in_server_log, "server.log")


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
    mode: Mode,
    trace: Sequence[bytes],
    replies: Sequence[Reply],
    log_name: str,
    unwritten_max: float = -1,
) -> Iterator[Violation]:
    """Compare the readings of each analyzer with one log.

    Args:
        mode: Ranging or testing.
        trace: Readings of each analyzer, by spl.txt.
        replies: Readings of each analyzer, by the log.
        log_name: Name of the log.
        unwritten_max: How much the end of the log may lack that server.log holds [bytes].
    """
    log = f"performance/power/{log_name}"
    if len(replies) != len(trace):
        got = f"{len(replies)} replies with the readings of {mode} mode"
        yield Violation(log, got, f"{len(trace)}, one from each analyzer", FIX)
        return
    for number, (readings, reply) in enumerate(zip(trace, replies, strict=True), 1):
        if _is_equal(readings, reply, len(trace)):
            continue
        analyzer = f" of analyzer {number}" if len(trace) > 1 else ""
        if _ends_early(readings, reply, unwritten_max):
            held, sent = _line_count(reply.text), _line_count(readings)
            yield Violation(
                log,
                f"ends at reading {held} of {sent}{analyzer}; server.log holds all",
                "all that was sent",
                "Stop the PTDaemon before its log is copied.",
                status="warn",
            )
        else:
            where = f"performance/{FOLDERS[mode]}/spl.txt"
            yield _difference(
                where, readings.split(b"\n"), reply.text.split(b"\n"), log_name, analyzer
            )


def _ends_early(readings: bytes, reply: Reply, unwritten_max: float) -> bool:
    """Return whether a log was copied before its end was written, and is right up to there."""
    if not reply.cut or len(readings) - len(reply.text) > unwritten_max:
        return False
    return not reply.text or _begins_with(readings, reply.text)


def _line_count(text: bytes) -> int:
    return text.count(b"\n") + bool(text)


def _difference(
    where: str, trace: Sequence[bytes], log: Sequence[bytes], log_name: str, analyzer: str
) -> Violation:
    """Report the first line that differs, and how many were added and removed."""
    log_lines, trace_lines = set(log), set(trace)
    added = sum(line not in log_lines for line in trace)
    removed = sum(line not in trace_lines for line in log)
    pairs = enumerate(zip(trace, log, strict=False))
    common_length = min(len(trace), len(log))
    first = next((i for i, (line, sent) in pairs if line != sent), common_length)
    return Violation(
        f"{where}, line {first + 1}",
        f"{_line_text(trace, first)}; {added} of {len(trace)} readings were never sent{analyzer}, "
        f"{removed} that were sent are missing",
        f"{_line_text(log, first)}, as {log_name} has it; {len(log)} readings",
        FIX,
    )


def _line_text(lines: Sequence[bytes], position: int) -> str:
    if position >= len(lines):
        return "no line"
    return shorten(lines[position][:60].decode("ascii", "replace"), 60)


RULE = Rule(
    id="ptd-raw-readings",
    title="The trace is what the analyzer sent",
    why="spl.txt is a copy of what the PTDaemon sent, and its hash can be stated anew after an "
    "edit. The same readings stand in two more files, which nobody compares.",
    evidence="Each line of spl.txt, of both runs, against the reply to RL in ptd_logs.txt and in "
    "server.log. Where ptd_logs.txt lacks no more than what the PTDaemon had not written yet, and "
    "server.log holds all, it is a warning. The workflow until v3.0 did not ask for the readings: "
    "then there is nothing to compare, and the rule says so.",
    remedy="Submit the files as the session wrote them.",
    limits=("copies_min", "unwritten_max"),
    applies_to=POWER_SESSION,
    check=check,
)
