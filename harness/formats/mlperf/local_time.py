"""Local time: round v1.0 of MLPerf inference stamped its logs in it, and its phases in UTC."""

from __future__ import annotations

from dataclasses import replace

from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.formats.mlperf.mllog import number
from harness.formats.ptdaemon.power_session import Mode, Session
from harness.traces.time_zone import LARGEST_NS, QUARTER_NS, shifted
from harness.traces.trace import Window

ROUND = "mlperf-inference-v1.0"
SUMMER_NS = 3600 * NS


def utc_shift_ns(session: Session, mode: Mode) -> int:
    """What to add to the stamps of a session [ns] so that its window lies in the phase that server.json has of it.

    `timezone` of server.json is what must be added to winter time to get UTC [s]. 0 where neither it nor an hour less
    makes the window fit.
    """
    zone, window, phases = (
        number(session.server.get("timezone")),
        session.window(mode),
        session.phases("server", mode),
    )
    if zone is None or abs(zone) * NS > LARGEST_NS or window is None or len(phases) != 4:
        return 0
    begin, end = phases[1][0] * NS, phases[2][0] * NS
    for shift in (round(zone) * NS, round(zone) * NS - SUMMER_NS):
        if (
            shift % QUARTER_NS == 0
            and begin <= window.start_ns + shift
            and window.stop_ns + shift <= end
        ):
            return shift
    return 0


def moved(run: Run, shift_ns: int) -> Run:
    """The run with its window and its readings moved [ns]."""
    window = run.window and Window(run.window.start_ns + shift_ns, run.window.stop_ns + shift_ns)
    return replace(
        run, window=window, traces=tuple(shifted(trace, shift_ns) for trace in run.traces)
    )
