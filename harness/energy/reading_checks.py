"""A reading is checked before it is summed.

Some readings are numbers and yet no measurement. They are found here, before any energy is
computed:

- *error values*: 0xffffffff in a driver's unit, or 2^64 less a little;
- *glitches* of a counter: a dip or a spike after which the counter goes on where it was;
- a counter that *stands still* during the run;
- a counter whose *range may be passed* between two readings;
- a *moving mean* that is longer than the run;
- a power that *no such part can draw*: too much, or next to nothing while it works.

Single readings are left out, and it is said. Where that is not possible the channel yields no
energy: never 0 J, and never megawatts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.core.timestamps import NS
from harness.traces.channel import Channel
from harness.traces.columns import GrowingColumn, median_of, spans
from harness.traces.trace import Dropped, Floats, Ints, Trace, Window

ERROR_VALUE = "error value of the driver"
GLITCH = "glitch of a counter that goes on where it was"

MAX_POWER_W = {
    "board": 5_000.0,
    "package": 2_000.0,
    "core": 2_000.0,
    "dram": 2_000.0,
    "socket": 3_000.0,
    "psu": 20_000.0,
    "node": 500_000.0,
    "rack": 2_000_000.0,
}
"""More than any such part draws [W]: three to ten times the largest one sold in 2026. A node may be
a whole cabinet that is one machine."""
MIN_POWER_W = {
    "board": 1e-4,
    "package": 1e-3,
    "socket": 0.01,
    "psu": 0.01,
    "node": 0.01,
    "wall": 0.02,
    "pdu": 0.02,
    "rack": 1.0,
}
"""Less than any such part draws while it works [W]: a tenth or less of the smallest one sold."""
ERROR_CODES = tuple(float(2**bits - 1) for bits in (31, 32, 63, 64))
"""What a driver returns in place of a reading: all ones, signed or unsigned."""
WATT_CODES = (0xFFFF, 0x7FFF)
"""All ones of 16 bits, which some BMCs and supplies return in place of a power in whole watts."""
FAR_ABOVE = 5.0
"""An error code stands so many times above the usual reading."""
DRIVER_UNITS = (1.0, 1e-3, 1e-6)
"""W, mW and uW, or J, mJ and uJ: units in which drivers count."""
MAX_GLITCH_READINGS = 5
"""Readings in a row that a glitch may last; a longer one is a reset."""
USUAL_READINGS = 2**20
"""Readings of a counter that show its usual power."""
MIN_STILL_S = 5.0
"""Shortest time without a rise that shows a dead counter [s]; some update once a second."""
MAX_STILL_SHARE = 0.2
"""Largest share of the window in which a living counter may stand still."""
MIN_STILL_STEPS = 8
"""A still stretch is longer than this many usual times between two rises."""


@dataclass(frozen=True, slots=True)
class CheckedReadings:
    """The readings of a channel after the check.

    Attributes:
        trace: Readings that may be summed; those left out are in its `dropped`.
        left_out: Readings that were left out, with the reason.
        fault: Why the channel yields no energy; None where it does.
    """

    trace: Trace
    left_out: tuple[Dropped, ...] = ()
    fault: str | None = None


def check_readings(trace: Trace, window: Window) -> CheckedReadings:
    """Check the readings of a channel around a window."""
    if len(trace) < 2:
        return CheckedReadings(trace)
    channel = trace.channel
    bad = _error_values(trace)
    reasons = dict.fromkeys(bad.tolist(), ERROR_VALUE)
    if channel.kind == "counter":
        reasons |= dict.fromkeys(_glitches(trace, bad), GLITCH)
    if len(reasons) > len(trace) // 2:
        return CheckedReadings(trace, fault="most of its readings are error values of the driver")
    checked, left_out = _without(trace, reasons)
    return CheckedReadings(checked, left_out, _fault(checked, window))


def _fault(trace: Trace, window: Window) -> str | None:
    """Return why a channel yields no energy; None where it does."""
    averaging_s = trace.channel.averaging_s
    if averaging_s is not None and averaging_s > window.seconds:
        return (
            f"its readings are moving means over {averaging_s:g} s, "
            f"longer than the window of {window.seconds:.3g} s"
        )
    if trace.channel.kind == "counter":
        return _counter_fault(trace, window)
    return _power_fault(trace, window)


# Readings that are left out


def _error_values(trace: Trace) -> Ints:
    """Find the indices of readings that are an error code in one of the units of drivers.

    A meter may pass any number: only a code far above the usual readings is an error.
    """
    value = trace.value
    some = np.sort(value[:: max(1, len(value) // 250)])
    usual = float(some[len(some) // 2])
    if value.max() <= FAR_ABOVE * usual and not _is_code(some).any():
        return np.empty(0, np.int64)
    codes_at, far_above = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for rows in spans(0, len(value)):
        codes = _is_code(value[rows])
        codes_at.append(rows.start + np.flatnonzero(codes))
        far_above.append(rows.start + np.flatnonzero(codes & (value[rows] > FAR_ABOVE * usual)))
    indices = np.concatenate(codes_at)
    if len(indices) > len(value) // 2 and trace.channel.kind != "counter":
        return indices
    return np.concatenate(far_above)


def _code_ranges() -> Floats:
    """Return begin and end of each range of error codes in turn, in increasing order.

    An end is the next number after the last code of the range.
    """
    ranges = [(code, code) for code in map(float, WATT_CODES)]
    for code in ERROR_CODES:
        below = code * 2.0**-20 if code > 2**40 else 16
        ranges += [((code - below) * unit, code * unit * (1 + 1e-9)) for unit in DRIVER_UNITS]
    return np.array([(low, np.nextafter(high, np.inf)) for low, high in sorted(ranges)]).ravel()


CODE_RANGES = _code_ranges()


def _is_code(value: Floats) -> np.ndarray:
    """Whether readings are an error code, or just below one."""
    inside: np.ndarray = CODE_RANGES.searchsorted(value, "right") % 2 == 1
    return inside


def _glitches(trace: Trace, bad: Ints) -> list[int]:
    """Find readings of a counter that leave its line and return to it."""
    t_ns, value, good = trace.t_ns, trace.value, np.empty(0, np.int64)
    if len(bad):
        good = np.delete(np.arange(len(trace)), bad)
        t_ns, value = t_ns[good], value[good]
    modulus = trace.channel.counter_modulus_j
    usual_w = _usual_power(value, t_ns)
    glitches: list[int] = []
    for rows in spans(1, len(value)):
        falls = np.flatnonzero(value[rows] < value[rows.start - 1 : rows.stop - 1])
        for fall in (falls + rows.start - 1).tolist():
            if modulus and 0 <= value[fall + 1] - value[fall] + modulus <= modulus / 2:
                continue  # it passed its modulus
            glitches += _glitch_at(value, fall, t_ns, usual_w)
    in_order = sorted(set(glitches))
    return [int(good[i]) for i in in_order] if len(bad) else in_order


def _glitch_at(value: Floats, fall: int, t_ns: Ints, usual_w: float) -> list[int]:
    """Return the readings of a glitch around a fall from one reading to the next; [] for a reset.

    After a dip the count is soon above where it fell from, before a spike it was below where it
    fell to; in both cases it rises over the glitch about as fast as around it.
    """
    for length in range(1, MAX_GLITCH_READINGS + 1):
        after = fall + length + 1
        if after < len(value) and _on_line(value, t_ns, fall, after, usual_w):
            return list(range(fall + 1, after))  # a dip of `length` readings
        before = fall - length
        if before >= 0 and _on_line(value, t_ns, before, fall + 1, usual_w):
            return list(range(before + 1, fall + 1))  # a spike of `length` readings
    return []


def _usual_power(value: Floats, t_ns: Ints) -> float:
    """Return the median power of the steps in which a counter rises [W]; of the first ones."""
    rise = np.diff(value[:USUAL_READINGS])
    power = rise / (np.diff(t_ns[:USUAL_READINGS]) / NS)
    rising = power[rise > 0]
    return float(np.median(rising)) if len(rising) else 0.0


def _on_line(value: Floats, t_ns: Ints, first: int, last: int, usual_w: float) -> bool:
    """Whether the counter rises between two readings at a power like the usual one."""
    power_w = float(value[last] - value[first]) / (int(t_ns[last] - t_ns[first]) / NS)
    return 0 <= power_w <= 10 * usual_w + 1e-9


def _without(trace: Trace, reasons: dict[int, str]) -> tuple[Trace, tuple[Dropped, ...]]:
    """Return a trace without some readings, and these with their reasons."""
    if not reasons:
        return trace, ()
    position = np.arange(len(trace)) if trace.position is None else trace.position
    left_out = tuple(
        Dropped(int(position[i]), int(trace.t_ns[i]), repr(float(trace.value[i])), reasons[i])
        for i in sorted(reasons)
    )
    keep = np.ones(len(trace), bool)
    keep[list(reasons)] = False
    kept = replace(
        trace,
        t_ns=trace.t_ns[keep],
        value=trace.value[keep],
        position=position[keep],
        dropped=(*trace.dropped, *left_out),
    )
    return kept, left_out


# Channels without energy


def _counter_fault(trace: Trace, window: Window) -> str | None:
    """Find a counter that is dead, or whose range may be passed between two readings."""
    inside = trace.window(window)
    if len(inside) >= 2:
        seconds = int(inside.t_ns[-1] - inside.t_ns[0]) / NS
        mean_w = float(inside.value[-1] - inside.value[0]) / seconds
        fault = _still_fault(inside, window) or _too_little(trace.channel, mean_w, seconds)
        if fault is not None:
            return fault
    modulus, limit_w = trace.channel.counter_modulus_j, _limit_w(trace.channel)
    if modulus is None or limit_w is None or len(inside) < 2:
        return None
    longest_s = inside.longest_step_ns / NS
    if longest_s * limit_w > modulus and longest_s > MIN_STILL_S:
        return (
            f"its counter has a range of {modulus:.6g} J and was read {longest_s:.4g} s apart: "
            f"above {modulus / longest_s:.4g} W it may pass its range unseen"
        )
    return None


def _limit_w(channel: Channel) -> float | None:
    """Return the power up to which a counter must be read in time [W]."""
    usual = {"package": 1_000.0, "core": 1_000.0, "dram": 500.0, "board": 2_000.0}
    return usual.get(channel.boundary, MAX_POWER_W.get(channel.boundary))


def _still_fault(inside: Trace, window: Window) -> str | None:
    """Find a counter that stands still for longer than a living one does."""
    times = GrowingColumn(np.int64)
    times.extend(inside.t_ns[:1])
    for rows in spans(1, len(inside)):
        moves = inside.value[rows] != inside.value[rows.start - 1 : rows.stop - 1]
        times.extend(inside.t_ns[rows][moves])
    covered_s = int(inside.t_ns[-1] - inside.t_ns[0]) / NS
    if len(times) == 1:
        if covered_s < MIN_STILL_S:
            return None
        return f"its counter did not move in {covered_s:.4g} s of the window"
    times.extend(inside.t_ns[-1:])
    moved_ns = times.column()

    def between(rows: slice) -> Ints:
        return moved_ns[rows.start + 1 : rows.stop + 1] - moved_ns[rows]

    count = len(moved_ns) - 1
    longest_s = max(int(between(rows).max()) for rows in spans(0, count)) / NS
    whole = count - 1  # the last one is cut off by the window
    usual_s = median_of(between, whole) / NS if whole else longest_s
    is_long = longest_s > max(MIN_STILL_S, MIN_STILL_STEPS * usual_s)
    if is_long and longest_s > MAX_STILL_SHARE * window.seconds:
        return f"its counter stood still for {longest_s:.4g} s of the window"
    return None


def _power_fault(trace: Trace, window: Window) -> str | None:
    """Find a power that no part of its kind can draw."""
    inside = trace.window(window).value
    if not len(inside):
        return None
    limit_w = MAX_POWER_W.get(trace.channel.boundary)
    if limit_w is None or inside.max() <= limit_w:
        return _too_little(trace.channel, float(inside.mean()), window.seconds)
    return (
        f"it reads up to {float(inside.max()):.4g} W, "
        f"more than any {trace.channel.boundary} draws ({limit_w:g} W)"
    )


def _too_little(channel: Channel, mean_w: float, seconds: float) -> str | None:
    """Find a mean power below what a part of its kind draws while it works."""
    limit_w = None if channel.may_rest else MIN_POWER_W.get(channel.boundary)
    if limit_w is None or seconds < MIN_STILL_S or not 0 <= mean_w < limit_w:
        return None
    return (
        f"it shows {mean_w:.3g} W over the window, "
        f"less than any {channel.boundary} draws while it works ({limit_w:g} W)"
    )
