"""The analyzer's uncertainty stays within the limit during the run that counts."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.formats.ptdaemon.power_session import Session, exchanges_of_mode
from harness.formats.ptdaemon.session_logs import (
    UNCERTAINTY_UNKNOWN,
    UNCERTAINTY_WARNING,
    LogLine,
    SessionLogs,
)
from harness.traces.clean import number_or_nan
from harness.traces.trace import Window

PTD_LOG, SERVER = (
    Location(file="performance/power/ptd_logs.txt"),
    Location(file="performance/power/server.json"),
)
FIX = "Choose ranges that fit the load, or an analyzer that is accurate enough, and measure again."
REPLY_NUMBERS = 7
"""Mean, least, most, readings, above the limit, known, unknown."""


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Report uncertain readings in the testing window, and warn of unknown uncertainty."""
    logs = session.open()
    if not logs.ptd:
        return  # reported by evidence-readable
    yield from _uncertain_readings(context, logs, session.window("testing"))
    yield from _unknown_uncertainty(logs)
    yield from _wrong_replies(session, context.limits["uncertainty_max"])


def _uncertain_readings(
    context: RuleContext, logs: SessionLogs, window: Window | None
) -> Iterator[Violation]:
    """Report readings of each analyzer above the limit, as a warning where they are few."""
    uncertainty_max = context.limits["uncertainty_max"]
    count_share_max = context.limits["count_share_max"]
    reading_count = _readings_within(context, window)
    for go_at, done_at, _ in logs.spans("testing"):
        count, worst = _count_uncertain(context, logs, window, go_at, done_at)
        if count:
            yield Violation(
                PTD_LOG,
                f"{count} readings of the window above the limit, the worst {100 * worst:.2f} %",
                f"at most {100 * uncertainty_max:g} %, but for {count_share_max:g} of its "
                f"{reading_count} readings",
                FIX,
                status=None if count > count_share_max * reading_count else "warn",
            )


def _count_uncertain(
    context: RuleContext, logs: SessionLogs, window: Window | None, start: int, end: int
) -> tuple[int, float]:
    """Count the readings above the limit in a part of the log, and return the worst uncertainty.

    Each channel of a reading has a line of its own, a millisecond after the one before.
    """
    interval_s = context.limits["interval_s"]
    count, worst = 0, 0.0
    counted: LogLine | None = None
    for line in logs.lines(UNCERTAINTY_WARNING, start, end):
        uncertainty = _stated_uncertainty(line)
        if uncertainty < context.limits["uncertainty_max"] or np.isnan(uncertainty):
            continue
        if not _is_within(line, window, interval_s):
            continue
        worst = max(worst, uncertainty)
        if counted is None or not _same_reading(line, counted, interval_s):
            count, counted = count + 1, line
    return count, worst


def _stated_uncertainty(line: LogLine) -> float:
    """Return the uncertainty that a line states, as a fraction."""
    percent = line.text.partition("%")[0].rpartition(" ")[2]
    return number_or_nan(percent.encode()) / 100


def _is_within(line: LogLine, window: Window | None, interval_s: float) -> bool:
    """Return whether the whole interval that a reading averages over lies in the window.

    A line without a time stamp is counted as lying in it.
    """
    if line.t_ns is None or window is None:
        return True
    return window.start_ns + interval_s * NS <= line.t_ns <= window.stop_ns


def _same_reading(line: LogLine, earlier: LogLine, interval_s: float) -> bool:
    if line.t_ns is None or earlier.t_ns is None:
        return False
    return abs(line.t_ns - earlier.t_ns) < interval_s * NS / 2


def _readings_within(context: RuleContext, window: Window | None) -> int:
    """Count the readings of the testing run whose whole interval lies in the window."""
    trace = next(iter(context.entry.runs[0].traces), None)
    if trace is None:
        return 0
    if window is None:
        return len(trace)
    first_ns = window.start_ns + round(context.limits["interval_s"] * NS)
    is_within = (trace.t_ns >= first_ns) & (trace.t_ns <= window.stop_ns)
    return int(np.count_nonzero(is_within))


def _unknown_uncertainty(logs: SessionLogs) -> Iterator[Violation]:
    count = 0
    for go_at, done_at, _ in logs.spans("testing"):
        count += logs.ptd.count(UNCERTAINTY_UNKNOWN, go_at, done_at)
    if count:
        got = f"{count} times unknown in the testing run"
        yield Violation(PTD_LOG, got, "known: ranges are fixed there", FIX, status="warn")


def _wrong_replies(session: Session, uncertainty_max: float) -> Iterator[Violation]:
    """Check the last reply to Uncertainty of each analyzer."""
    for all_messages in session.exchanges:
        messages = exchanges_of_mode(all_messages, "testing")
        replies = [message.reply for message in messages if message.cmd == "Uncertainty"]
        if not replies:
            continue  # reported by ptd-replies
        cells = replies[-1].split(",")[1 : REPLY_NUMBERS + 1]
        numbers = [number_or_nan(cell.encode("utf-8", "replace")) for cell in cells]
        if len(numbers) < REPLY_NUMBERS:
            got = f"Uncertainty after testing: {shorten(replies[-1], 80)}"
            yield Violation(SERVER, got, "seven numbers", "Do not edit it.")
            continue
        mean, above, unknown = numbers[0], numbers[4], numbers[6]
        if not 0 < mean <= uncertainty_max:
            got = f"mean uncertainty {100 * mean:.3f} %"
            yield Violation(SERVER, got, f"at most {100 * uncertainty_max:g}", FIX, "%")
        elif above or unknown:
            got = f"{above:g} readings above the limit, {unknown:g} unknown, from Go to Stop"
            yield Violation(SERVER, got, "none", FIX, status="warn")


RULE = Rule(
    id="ptd-uncertainty",
    title="The analyzer knows its uncertainty, and it is small",
    why="A range that is too large, a crest that is too high, a power factor that is too low: the "
    "PTDaemon reports it with each reading. MLPerf's check only warned of it until April 2023. "
    "Since then it fails, but shrinks the window by 800 s at both ends before it looks, and so "
    "sees nothing in a run below 27 minutes.",
    evidence="Lines of ptd_logs.txt that name an uncertainty above the limit, for readings that "
    "average over the window alone: a few, as where the load steps, are a warning; the reply to "
    "Uncertainty after the testing run, whose mean may not be above the limit.",
    remedy="Choose fitting ranges and measure again.",
    limits=("uncertainty_max", "count_share_max", "interval_s"),
    applies_to=POWER_SESSION,
    check=check,
)
