"""The analyzer's uncertainty stays within the limit while it counts."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.formats.ptdaemon.power_session import UNCERTAIN, UNKNOWN, Logs, Session, part
from harness.traces.clean import number_or_nan
from harness.traces.trace import Window

PTD = "performance/power/ptd_logs.txt"
FIX = "Choose ranges that fit the load, or an analyzer that is accurate enough, and measure again."


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    logs = session.open()
    if not logs.ptd:
        return  # evidence-readable tells it
    yield from _active(logs)
    yield from _above(case, logs, session.window("testing"))
    yield from _unknown(logs)
    yield from _replies(session, case.limits["uncertainty_max"])


def _active(logs: Logs) -> Iterator[Violation]:
    first = next((at for at, mark in logs.goes if mark.endswith("_ranging")), None)
    if first is None:
        yield Violation(
            PTD, "no Go of the ranging run", "a Go with its mark", "Submit the whole log."
        )
        return
    lines = [
        line
        for line in logs.lines(b"Uncertainty checking for ", 0, first)
        if line.text.endswith("is activated")
    ]
    if not lines:
        yield Violation(
            PTD,
            "no line that uncertainty checking is activated before ranging",
            "one",
            "Run PTDaemon with its checks.",
        )


def _above(case: RuleContext, logs: Logs, window: Window | None) -> Iterator[Violation]:
    """Readings of each analyzer; each of its channels has a line of its own."""
    most, of, interval_s = (
        case.limits["uncertainty_max"],
        _readings(case, window),
        case.limits["interval_s"],
    )
    for go, done, _ in logs.spans("testing"):
        count, worst = 0, 0.0
        before: int | None = None
        for line in logs.lines(UNCERTAIN, go, done):
            stated = number_or_nan(line.text.partition("%")[0].rpartition(" ")[2].encode()) / 100
            if stated >= most and _counts(line.t_ns, window, interval_s):
                same = _same(line.t_ns, before, interval_s)
                count, worst, before = (
                    count + (not same),
                    max(worst, stated),
                    before if same else line.t_ns,
                )
        if count:
            yield Violation(
                PTD,
                f"{count} readings of the window above the limit, the worst {100 * worst:.2f}",
                f"at most {100 * most:g}, but for {case.limits['count_share_max']:g} of its {of} readings",
                FIX,
                "%",
                status=None if count > case.limits["count_share_max"] * of else "warn",
            )


def _same(t_ns: int | None, before_ns: int | None, interval_s: float) -> bool:
    """Whether two lines are of one reading: stamps of its channels are a millisecond apart."""
    return (
        t_ns is not None and before_ns is not None and abs(t_ns - before_ns) < interval_s * NS / 2
    )


def _counts(t_ns: int | None, window: Window | None, interval_s: float) -> bool:
    """Whether all that a reading is the mean of lies in the window; one without a stamp counts where it stands."""
    if t_ns is None or window is None:
        return True
    return window.start_ns + interval_s * NS <= t_ns <= window.stop_ns


def _readings(case: RuleContext, window: Window | None) -> int:
    """Readings of the testing run that count as those that are named do."""
    trace = next(iter(case.entry.runs[0].traces), None)
    if trace is None or window is None:
        return len(trace) if trace else 0
    first = window.start_ns + round(case.limits["interval_s"] * NS)
    return int(np.count_nonzero((trace.t_ns >= first) & (trace.t_ns <= window.stop_ns)))


def _unknown(logs: Logs) -> Iterator[Violation]:
    found = sum(logs.ptd.count(UNKNOWN, go, done) for go, done, _ in logs.spans("testing"))
    if found:
        yield Violation(
            PTD,
            f"{found} times unknown in the testing run",
            "known: ranges are fixed there",
            FIX,
            status="warn",
        )


def _replies(session: Session, most: float) -> Iterator[Violation]:
    where = "performance/power/server.json"
    for dialogue in session.exchanges:
        reply = next(
            (
                said.reply
                for said in reversed(part(dialogue, "testing"))
                if said.cmd == "Uncertainty"
            ),
            None,
        )
        cells = (
            [number_or_nan(cell.encode("utf-8", "replace")) for cell in reply.split(",")[1:8]]
            if reply
            else []
        )
        if reply is None:
            continue  # ptd-replies tells it
        if len(cells) < 7:
            yield Violation(
                where,
                f"Uncertainty after testing: {shorten(reply, 80)}",
                "seven numbers",
                "Do not edit it.",
            )
        elif not 0 < cells[0] <= most:
            yield Violation(
                where, f"mean uncertainty {100 * cells[0]:.3f}", f"at most {100 * most:g}", FIX, "%"
            )
        elif cells[4] or cells[6]:
            got = f"{cells[4]:g} readings above the limit, {cells[6]:g} unknown, from Go to Stop"
            yield Violation(where, got, "none", FIX, status="warn")


RULE = Rule(
    id="ptd-uncertainty",
    title="The analyzer knows its uncertainty, and it is small",
    why="A range that is too wide, a crest that is too high, a power factor that is too low: the PTDaemon says so with "
    "each reading. MLPerf's check shrinks the window by 800 s at both ends before it looks, and so sees nothing in a "
    "run below 27 minutes.",
    evidence="Lines of ptd_logs.txt that name an uncertainty above the limit, for readings that average over the "
    "window alone: a few, as where the load steps, are a warning; the line that activates the check; the reply to "
    "Uncertainty after the testing run, whose mean may not be above the limit.",
    remedy="Choose fitting ranges and measure again.",
    limits=("uncertainty_max", "count_share_max", "interval_s"),
    applies_to=POWER_SESSION,
    check=check,
)
