"""The analyzer's uncertainty stays within the limit while it counts."""

import re
from collections.abc import Iterator

from harness.documents.errors import shorten
from harness.formats.ptd_session import Line, Logs, Session, part
from harness.rules.base import Case, Hit, Rule, for_session
from harness.traces.build import number_or_nan

PTD = "performance/power/ptd_logs.txt"
FIX = "Choose ranges that fit the load, or an analyzer that is accurate enough, and measure again."


@for_session
def check(case: Case, session: Session) -> Iterator[Hit]:
    logs = session.open()
    if not logs.ptd:
        return  # evidence-readable tells it
    yield from _active(logs)
    yield from _above(logs, session, case.limits["uncertainty_max"])
    yield from _unknown(logs)
    yield from _replies(session, case.limits["uncertainty_max"])


def _active(logs: Logs) -> Iterator[Hit]:
    first = next((at for at, mark in logs.goes if mark.endswith("_ranging")), None)
    if first is None:
        yield Hit(PTD, "no Go of the ranging run", "a Go with its mark", "Submit the whole log.")
        return
    lines = [line for line in logs.lines(b"Uncertainty checking for ", 0, first) if line.text.endswith("is activated")]
    if not lines:
        yield Hit(
            PTD, "no line that uncertainty checking is activated before ranging", "one", "Run PTDaemon with its checks."
        )


def _above(logs: Logs, session: Session, most: float) -> Iterator[Hit]:
    """Lines by their own stamps, without a margin: one that has none counts where it stands."""
    window, spans = session.window("testing"), logs.spans("testing")
    worst, count, first = 0.0, 0, None
    for line in (line for go, done, _ in spans for line in logs.lines(b", which is above ", go, done)):
        at = max(0, line.at - 40)
        share = re.search(rb"Uncertainty ([\d.]{1,12})%$", logs.ptd[at : line.at])
        if share is not None and _counts(line, spans, window):
            stated = number_or_nan(share[1]) / 100
            worst, count, first = max(worst, stated), count + (stated > most), first or line
    if count and first is not None:
        yield Hit(
            PTD, f"{count} readings of the window above the limit, the worst {100 * worst:.2f}",
            f"at most {100 * most:g}", FIX, "%",
        )  # fmt: skip


def _counts(line: Line, spans: list[tuple[int, int, int]], window: object) -> bool:
    start, stop = getattr(window, "start_ns", None), getattr(window, "stop_ns", None)
    if line.t_ns is None or start is None or stop is None:
        return any(go <= line.at <= done for go, done, _ in spans)
    return bool(start <= line.t_ns <= stop)


def _unknown(logs: Logs) -> Iterator[Hit]:
    found = sum(logs.ptd.count(b"WARNING: Uncertainty unknown", go, done) for go, done, _ in logs.spans("testing"))
    if found:
        yield Hit(PTD, f"{found} times unknown in the testing run", "known: ranges are fixed there", FIX, status="warn")


def _replies(session: Session, most: float) -> Iterator[Hit]:
    where = "performance/power/server.json"
    for dialogue in session.dialogues():
        reply = next((said.reply for said in reversed(part(dialogue, "testing")) if said.cmd == "Uncertainty"), None)
        cells = [number_or_nan(cell.encode("utf-8", "replace")) for cell in reply.split(",")[1:8]] if reply else []
        if reply is None:
            continue  # ptd-replies tells it
        if len(cells) < 7:
            yield Hit(where, f"Uncertainty after testing: {shorten(reply, 80)}", "seven numbers", "Do not edit it.")
        elif not 0 < cells[0] <= most:
            yield Hit(where, f"mean uncertainty {100 * cells[0]:.3f}", f"at most {100 * most:g}", FIX, "%")
        elif cells[4] or cells[6]:
            got = f"{cells[4]:g} readings above the limit, {cells[6]:g} unknown, from Go to Stop"
            yield Hit(where, got, "none", FIX, status="warn")


RULE = Rule(
    id="ptd-uncertainty",
    title="The analyzer knows its uncertainty, and it is small",
    why="A range that is too wide, a crest that is too high, a power factor that is too low: the PTDaemon says so with "
    "each reading. MLPerf's check shrinks the window by 800 s at both ends before it looks, and so sees nothing in a "
    "run below 27 minutes.",
    evidence="Lines of ptd_logs.txt that name an uncertainty above the limit, stamped in the window; the line that "
    "activates the check; the reply to Uncertainty after the testing run.",
    remedy="Choose fitting ranges and measure again.",
    limits=("uncertainty_max",),
    check=check,
)
