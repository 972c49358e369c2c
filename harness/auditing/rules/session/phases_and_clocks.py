"""Both runs lie in their phases, and the clocks of the two hosts agree."""

import math
import re
from collections.abc import Iterator
from itertools import pairwise

from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Mode, Session

CLIENT, SERVER = "performance/power/client.json", "performance/power/server.json"
NTP_FIX = "Synchronise both hosts by NTP and measure again."
FIX = "Submit the files of one session, stamped by clocks that NTP keeps in UTC."
NUMBER = rb"(-?[\d.]{1,20})"


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    limits = case.limits
    yield from _zone(session.utc_shift_ns / NS, limits["utc_shift_max_s"])
    for mode in MODES:
        yield from _skew(session, mode, limits["phase_skew_max_s"], limits["clock_step_max_s"])
        yield from _window(case, session, mode)
    yield from _logged(session, limits["clock_offset_max_s"])


def _zone(shift_s: float, most_s: float) -> Iterator[Violation]:
    """Stamps in local time are those of a tool that wrote no other."""
    if abs(shift_s) > most_s:
        got = f"LoadGen and PTDaemon stamp {shift_s:+.0f} from UTC"
        yield Violation(
            "performance/run_1/mlperf_log_detail.txt", got, f"at most {most_s:g}", FIX, "s"
        )


def _skew(session: Session, mode: Mode, most_s: float, step_s: float) -> Iterator[Violation]:
    mine, theirs = session.phases("client", mode), session.phases("server", mode)
    if len(mine) != 4 or len(theirs) != 4:
        if session.client and session.server:
            got = f"{len(mine)} stamps of {mode}, {len(theirs)} at the server"
            yield Violation(CLIENT, got, "four on both sides", "Submit the documents unedited.")
        return
    for number, (a, b) in enumerate(zip(mine, theirs, strict=True), 1):
        if abs(a[0] - b[0]) > most_s:
            got = f"stamp {number} of {mode} {abs(a[0] - b[0]):.3f} apart"
            yield Violation(CLIENT, got, f"at most {most_s:g}", NTP_FIX, "s")
    for where, stamps in ((CLIENT, mine), (SERVER, theirs)):
        steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(stamps)]
        if any(wall < 0 for wall, _ in steps):
            yield Violation(where, f"stamps of {mode} that run back", "four in order", FIX)
        worst = max(abs(wall - mono) for wall, mono in steps)
        if worst > step_s:
            yield Violation(
                where,
                f"the clock was moved by {worst:.3f} during {mode}",
                f"at most {step_s:g}",
                NTP_FIX,
                "s",
                "warn",
            )


def _window(case: RuleContext, session: Session, mode: Mode) -> Iterator[Violation]:
    """Window strictly inside the run's phase, and readings inside the session; not an hour aside."""
    window, mine = session.window(mode), session.phases("client", mode)
    where = f"performance/{FOLDERS[mode]}/mlperf_log_detail.txt"
    if window is not None and len(mine) == 4:
        early, late = mine[1][0] - window.start_ns / NS, window.stop_ns / NS - mine[2][0]
        if early >= 0 or late >= 0:
            got = f"begin {early:.3f} before" if early >= late else f"end {late:.3f} after"
            yield Violation(where, f"{got} the {mode} phase", "a window inside it", FIX, "s")
    theirs = session.phases("server", mode)
    run = case.entry.ranging if mode == "ranging" else case.entry.runs[0]
    trace = next(iter(run.traces), None) if run else None
    if trace is not None and len(trace) and len(theirs) == 4:
        slack = case.limits["clock_offset_max_s"]
        early, late = theirs[0][0] - trace.t_ns[0] / NS, trace.t_ns[-1] / NS - theirs[3][0]
        if max(early, late) > slack:
            got = (
                f"first reading {early:.3f} before"
                if early >= late
                else f"last reading {late:.3f} after"
            )
            yield Violation(
                f"performance/{FOLDERS[mode]}/spl.txt",
                f"{got} the {mode} phase",
                "readings of it",
                FIX,
                "s",
            )


def _logged(session: Session, most_s: float) -> Iterator[Violation]:
    """Offsets that the logs tell. Before the first start the last one counts, as a host may be set until then."""
    logs = session.open()
    for name in ("client.log", "server.log"):
        text, where = logs.file(f"power/{name}"), f"performance/power/{name}"
        if name == "server.log":
            text = text[: max(0, text.find(b" from ptd: 'Time,"))] or text[:65536]
        began = max(text.find(b",start,ranging'"), 0)
        for kind, pattern, scale in (
            ("NTP offset", rb"NTP:offset = " + NUMBER + rb" s", 1.0),
            (
                "difference of the hosts",
                rb"is within range " + NUMBER + rb" ms\.\." + NUMBER + rb" ms",
                1e-3,
            ),
        ):
            found = [(m.start(), _least(m.groups()) * scale) for m in re.finditer(pattern, text)]
            before = [item for item in found if item[0] < began]
            bad = [
                value
                for _, value in before[-1:] + [i for i in found if i[0] >= began]
                if not value <= most_s
            ]
            if bad:
                got = f"{kind} {max(bad):.3f}, in {len(bad)} lines"
                yield Violation(where, shorten(got, 80), f"at most {most_s:g}", NTP_FIX, "s")
            if name == "client.log" and text and not found:
                yield Violation(where, f"no {kind}", "one before each run", NTP_FIX, status="warn")


def _least(cells: tuple[bytes, ...]) -> float:
    """The least that a value between these can be, without its sign."""
    try:
        values = [float(cell) for cell in cells]
    except ValueError:
        return math.nan
    return 0.0 if min(values) <= 0 <= max(values) else min(abs(value) for value in values)


RULE = Rule(
    id="phases-and-clocks",
    title="Window and readings lie in their phase, on clocks that agree",
    why="Power and work are joined by time alone. Clocks that differ, or logs that are moved together, join the work "
    "to the power of another time.",
    evidence="Four stamps of each run at client and server, by wall clock and steady clock; power_begin and power_end "
    "in the phase of the client; readings in the phase of the server; NTP offset and difference of the hosts in "
    "client.log and server.log. No shift by an hour is excused: all stamps are UTC, but for those of v1.0, which were "
    "local time and are read so.",
    remedy="Synchronise both hosts by NTP, in UTC, and measure again.",
    limits=("phase_skew_max_s", "clock_offset_max_s", "clock_step_max_s", "utc_shift_max_s"),
    applies_to=POWER_SESSION,
    check=check,
)
