"""Whether two clocks differ by a time zone rather than by an error."""

from __future__ import annotations

from dataclasses import replace

from harness.core.timestamps import NS
from harness.traces.trace import T_MAX_NS, T_MIN_NS, Trace, Window

QUARTER_NS = 900 * NS
"""All zones lie on a quarter of an hour."""
MAX_SHIFT_NS = 14 * 3600 * NS
"""No zone lies further than this from UTC."""


def zone_shift_ns(trace: Trace, window: Window) -> int:
    """Return what to add to the times of a trace of another zone to cover the window [ns].

    It is 0 where trace and window overlap as they are, or where no whole quarter of an hour makes
    the trace cover at least nine tenths of the window.
    """
    if not len(trace):
        return 0
    first, last = int(trace.t_ns[0]), int(trace.t_ns[-1])
    if _overlap(first, last, window) > 0:
        return 0
    middle = (window.start_ns + window.stop_ns) // 2 - (first + last) // 2
    nearest = round(middle / QUARTER_NS) * QUARTER_NS
    length = window.stop_ns - window.start_ns
    best = max(
        (nearest + k * QUARTER_NS for k in (-1, 0, 1)),
        key=lambda s: _overlap(first + s, last + s, window),
    )
    covers = _overlap(first + best, last + best, window) >= 0.9 * length > 0
    return best if covers and abs(best) <= MAX_SHIFT_NS else 0


def _overlap(first: int, last: int, window: Window) -> int:
    return min(last, window.stop_ns) - max(first, window.start_ns)


def shifted(trace: Trace, shift_ns: int) -> Trace:
    """Return the trace with all its times moved [ns].

    Unchanged where a time would leave the range of a trace.
    """
    times = [*trace.t_ns[:1], *trace.t_ns[-1:]]
    if not all(T_MIN_NS <= int(t_ns) + shift_ns <= T_MAX_NS for t_ns in times):
        return trace
    dropped = tuple(
        d if d.t_ns is None else replace(d, t_ns=d.t_ns + shift_ns) for d in trace.dropped
    )
    return replace(trace, t_ns=trace.t_ns + shift_ns, dropped=dropped)
