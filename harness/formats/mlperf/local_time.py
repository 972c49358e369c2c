"""Undo local time: round v1.0 of MLPerf inference stamped its logs in it, and its phases in UTC."""

from __future__ import annotations

from dataclasses import replace

from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.formats.mlperf.mllog import number
from harness.formats.ptdaemon.power_session import Mode, Session
from harness.traces.time_zone import MAX_SHIFT_NS, QUARTER_NS, shifted
from harness.traces.trace import Window

ROUND = "mlperf-inference-v1.0"
SUMMER_TIME_NS = 3600 * NS


def utc_shift_ns(session: Session, mode: Mode) -> int:
    """Return what to add to the stamps of a session so that they are UTC [ns].

    ``timezone`` in server.json states what must be added to winter time to get UTC [s]. The
    shift is that, or one hour less in summer, if it places the window inside the phase that
    server.json states in UTC; 0 if neither does.
    """
    zone_s = number(session.server.get("timezone"))
    window = session.window(mode)
    phases = session.phases("server", mode)
    if zone_s is None or abs(zone_s) * NS > MAX_SHIFT_NS or window is None or len(phases) != 4:
        return 0
    phase_begin_ns, phase_end_ns = phases[1][0] * NS, phases[2][0] * NS
    winter_ns = round(zone_s) * NS
    for shift_ns in (winter_ns, winter_ns - SUMMER_TIME_NS):
        is_zone = shift_ns % QUARTER_NS == 0
        begins_inside = phase_begin_ns <= window.start_ns + shift_ns
        ends_inside = window.stop_ns + shift_ns <= phase_end_ns
        if is_zone and begins_inside and ends_inside:
            return shift_ns
    return 0


def moved(run: Run, shift_ns: int) -> Run:
    """Return a run with its window and its readings moved [ns]."""
    window = run.window
    if window is not None:
        window = Window(window.start_ns + shift_ns, window.stop_ns + shift_ns)
    traces = tuple(shifted(trace, shift_ns) for trace in run.traces)
    return replace(run, window=window, traces=traces)
