"""Both runs lie in their phases, and the clocks of the two hosts agree."""

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Mode, Session

CLIENT, SERVER = (
    Location(file="performance/power/client.json"),
    Location(file="performance/power/server.json"),
)
NTP_FIX = "Synchronise both hosts by NTP and measure again."
FIX = "Submit the files of one session, stamped by clocks that NTP keeps in UTC."
HOUR_S = 3600
"""What MLPerf's check adds to a phase: its stamps may be one hour off by daylight saving."""
STAMPS_OF_A_PHASE = 4
"""Before start, after the reply to it, before stop, after the reply to it."""
MAX_SERVER_LOG_HEAD = 65536
"""The part of server.log that is searched for clock offsets where it holds no readings."""

PhaseStamps = Sequence[tuple[float, float]]
"""Stamps of a phase by wall clock and by steady clock [s]."""


class OffsetKind(NamedTuple):
    """A clock offset that the logs state: its name, the line that states it, and its unit [s]."""

    name: str
    pattern: re.Pattern[bytes]
    unit_s: float


_NUMBER = rb"(-?[\d.]{1,20})"
OFFSET_KINDS = (
    OffsetKind("NTP offset", re.compile(rb"NTP:offset = " + _NUMBER + rb" s"), 1.0),
    OffsetKind(
        "difference of the hosts",
        re.compile(rb"is within range " + _NUMBER + rb" ms\.\." + _NUMBER + rb" ms"),
        1e-3,
    ),
)


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Compare zone, phases, window and readings of each mode, and the offsets in the logs."""
    limits = context.limits
    yield from _wrong_zone(session.utc_shift_ns / NS, limits["utc_shift_max_s"])
    for mode in MODES:
        yield from _clock_faults(session, mode, context)
        yield from _window_outside_phase(session, mode)
        yield from _readings_outside_phase(context, session, mode)
    yield from _logged_offsets(session, limits["clock_offset_max_s"])


def _wrong_zone(shift_s: float, utc_shift_max_s: float) -> Iterator[Violation]:
    """Report stamps in local time, unless the round's tool wrote no others."""
    if abs(shift_s) > utc_shift_max_s:
        where = Location(file="performance/run_1/mlperf_log_detail.txt")
        got = f"LoadGen and PTDaemon stamp {shift_s:+.0f} from UTC"
        yield Violation(where, got, f"at most {utc_shift_max_s:g}", FIX, "s")


def _clock_faults(session: Session, mode: Mode, context: RuleContext) -> Iterator[Violation]:
    """Compare the stamps that client and server took of one phase."""
    client, server = session.phases("client", mode), session.phases("server", mode)
    if len(client) != STAMPS_OF_A_PHASE or len(server) != STAMPS_OF_A_PHASE:
        if session.client and session.server:
            got = f"{len(client)} stamps of {mode}, {len(server)} at the server"
            yield Violation(CLIENT, got, "four on both sides", "Submit the documents unedited.")
        return
    yield from _skew(client, server, mode, context.limits["phase_skew_max_s"])
    yield from _clock_steps(CLIENT, client, mode, context.limits["clock_step_max_s"])
    yield from _clock_steps(SERVER, server, mode, context.limits["clock_step_max_s"])


def _skew(
    client: PhaseStamps, server: PhaseStamps, mode: Mode, phase_skew_max_s: float
) -> Iterator[Violation]:
    for number, stamps in enumerate(zip(client, server, strict=True), 1):
        (client_s, _), (server_s, _) = stamps
        skew_s = abs(client_s - server_s)
        if skew_s > phase_skew_max_s:
            got = f"stamp {number} of {mode} {skew_s:.3f} apart"
            yield Violation(CLIENT, got, f"at most {phase_skew_max_s:g}", NTP_FIX, "s")


def _clock_steps(
    where: Location, stamps: PhaseStamps, mode: Mode, clock_step_max_s: float
) -> Iterator[Violation]:
    """Report a wall clock that runs back; warn of one that moved against the steady clock."""
    runs_back, largest_step_s = False, 0.0
    for (wall_s, steady_s), (next_wall_s, next_steady_s) in pairwise(stamps):
        wall_elapsed_s, steady_elapsed_s = next_wall_s - wall_s, next_steady_s - steady_s
        runs_back = runs_back or wall_elapsed_s < 0
        largest_step_s = max(largest_step_s, abs(wall_elapsed_s - steady_elapsed_s))
    if runs_back:
        yield Violation(where, f"stamps of {mode} that run back", "four in order", FIX)
    if largest_step_s > clock_step_max_s:
        yield Violation(
            where,
            f"the clock was moved by {largest_step_s:.3f} s during {mode}",
            f"at most {clock_step_max_s:g}",
            NTP_FIX,
            "s",
            "warn",
        )


def _window_outside_phase(session: Session, mode: Mode) -> Iterator[Violation]:
    """Report a window that is not strictly inside the client's phase.

    One that is inside it an hour earlier only warns: MLPerf's check accepts it in every round, as
    a clock that missed the end of daylight saving.
    """
    window, stamps = session.window(mode), session.phases("client", mode)
    if window is None or len(stamps) != STAMPS_OF_A_PHASE:
        return
    started_s, stopping_s = stamps[1][0], stamps[2][0]
    begin_s, end_s = window.start_ns / NS, window.stop_ns / NS
    if started_s < begin_s and end_s < stopping_s:
        return
    where = Location(file=f"performance/{FOLDERS[mode]}/mlperf_log_detail.txt")
    expected = "a window inside it"
    if started_s < begin_s - HOUR_S and end_s - HOUR_S < stopping_s:
        got = f"a window one hour after the {mode} phase"
        yield Violation(where, got, expected, FIX, status="warn")
        return
    early_s, late_s = started_s - begin_s, end_s - stopping_s
    got = f"begin {early_s:.3f} before" if early_s >= late_s else f"end {late_s:.3f} after"
    yield Violation(where, f"{got} the {mode} phase", expected, FIX, "s")


def _readings_outside_phase(
    context: RuleContext, session: Session, mode: Mode
) -> Iterator[Violation]:
    """Report readings that lie outside the server's phase."""
    stamps = session.phases("server", mode)
    run = context.entry.ranging if mode == "ranging" else context.entry.runs[0]
    trace = next(iter(run.traces), None) if run else None
    if trace is None or not len(trace) or len(stamps) != STAMPS_OF_A_PHASE:
        return
    early_s = stamps[0][0] - trace.t_ns[0] / NS
    late_s = trace.t_ns[-1] / NS - stamps[3][0]
    if max(early_s, late_s) > context.limits["clock_offset_max_s"]:
        if early_s >= late_s:
            got = f"first reading {early_s:.3f} before"
        else:
            got = f"last reading {late_s:.3f} after"
        where = Location(file=f"performance/{FOLDERS[mode]}/spl.txt")
        yield Violation(where, f"{got} the {mode} phase", "readings of it", FIX, "s")


def _logged_offsets(session: Session, clock_offset_max_s: float) -> Iterator[Violation]:
    """Report offsets that client.log and server.log state.

    Before the ranging run begins only the last one counts, as a clock may be set until then.
    """
    logs = session.open()
    for name in ("client.log", "server.log"):
        where, text = Location(file=f"performance/power/{name}"), logs.file(f"power/{name}")
        if name == "server.log":
            text = _without_readings(text)
        ranging_began = max(text.find(b",start,ranging'"), 0)
        for kind in OFFSET_KINDS:
            offsets = [
                (match.start(), _least(match) * kind.unit_s)
                for match in kind.pattern.finditer(text)
            ]
            if name == "client.log" and text and not offsets:
                yield Violation(
                    where, f"no {kind.name}", "one before each run", NTP_FIX, status="warn"
                )
            before = [offset_s for at, offset_s in offsets if at < ranging_began]
            since = [offset_s for at, offset_s in offsets if at >= ranging_began]
            large = [
                offset_s for offset_s in before[-1:] + since if not offset_s <= clock_offset_max_s
            ]
            if large:
                got = f"{kind.name} {max(large):.3f}, in {len(large)} lines"
                yield Violation(
                    where,
                    shorten(got, 80),
                    f"at most {clock_offset_max_s:g}",
                    NTP_FIX,
                    "s",
                    "question",
                )


def _without_readings(server_log: bytes) -> bytes:
    """Return server.log up to its readings: their one line is hundreds of kB long."""
    before_readings = max(0, server_log.find(b" from ptd: 'Time,"))
    return server_log[:before_readings] or server_log[:MAX_SERVER_LOG_HEAD]


def _least(match: re.Match[bytes]) -> float:
    """Return the smallest size of any value between the numbers of a line; NaN for no number."""
    try:
        values = [float(text) for text in match.groups()]
    except ValueError:
        return math.nan
    if min(values) <= 0 <= max(values):
        return 0.0
    return min(abs(value) for value in values)


RULE = Rule(
    id="phases-and-clocks",
    title="Window and readings lie in their phase, on clocks that agree",
    why="Power and work are joined by time alone. Clocks that differ, or logs that are moved "
    "together, join the work to the power of another time.",
    evidence="Four timestamps of each run at client and server, by wall clock and steady clock; "
    "power_begin and power_end in the phase of the client, where one hour later is a warning, as "
    "MLPerf's check accepts it; readings in the phase of the server; NTP offset and difference of "
    "the hosts in client.log and server.log, which no check reads: too large ones are questioned. "
    "All timestamps are UTC, except those of v1.0, which were local time and are read as such.",
    remedy="Synchronise both hosts by NTP, in UTC, and measure again.",
    limits=("phase_skew_max_s", "clock_offset_max_s", "clock_step_max_s", "utc_shift_max_s"),
    applies_to=POWER_SESSION,
    check=check,
)
