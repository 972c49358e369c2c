"""Build a trace from the readings of a source as they are.

Unusable readings are kept with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import SchemaError, UnreadableError
from harness.core.numbers import plain_number
from harness.traces.channel import Channel
from harness.traces.columns import SPAN_ROWS, GrowingColumn, spans
from harness.traces.trace import T_MAX_NS, T_MIN_NS, Dropped, Floats, Ints, Trace, largest_value

NEVER_ZERO = frozenset({"wall", "pdu", "psu", "node", "rack"})
"""Boundaries that hold a whole running machine: 0 W there is a failed read, not a reading."""

MAX_DROPPED = 1_000_000
"""Each dropped reading is kept with its reason, a quarter of a kilobyte; a log with more of them
yields no energy."""
MAX_UNORDERED = 2**24
"""Readings that are sorted, at most: those of a longer trace are read part by part, in order."""
FAILED, NEGATIVE, ZERO, NO_TIME, SAME_TIME = (
    "not a number",
    "negative",
    "zero",
    "no valid time",
    "same time as another reading",
)


def number_or_nan(text: bytes) -> float:
    """Return the number a source gave, or NaN where it gave none, as `build_trace` expects it."""
    number = plain_number(text)
    return float("nan") if number is None else number


def build_trace(
    channel: Channel, t_ns: Ints, value: Floats, raw: Sequence[str] | None = None
) -> Trace:
    """Build a trace from columns in source order.

    Readings are put in time order; of several with one stamp the first of the source stays.

    Args:
        channel: What was measured.
        t_ns: Times [ns UTC], int64, shape (n,); 0 where the source gave no valid time.
        value: Readings [W, or J for a counter], float64, shape (n,); NaN where the source gave no
            number.
        raw: Text of the source, for the record of dropped readings; the value by default.

    Raises:
        UnreadableError: More than MAX_DROPPED readings cannot be used.
    """
    t_ns, value = np.asarray(t_ns, np.int64), np.asarray(value, np.float64)
    never_zero = channel.boundary in NEVER_ZERO and not channel.may_rest
    lowest = channel.quantity == "power" and never_zero
    ceiling = largest_value(channel.quantity)
    if _all_good(t_ns, value, lowest):
        try:
            return Trace(channel, t_ns, value)
        except SchemaError:
            pass  # a reading cannot be used as it stands: find which
    if len(t_ns) > SPAN_ROWS:
        ordered = _ordered(channel, t_ns, value, raw, lowest)
        if ordered is not None:
            return ordered
    good = _usable(t_ns, value, lowest, ceiling)
    _refuse_many(channel, len(good) - int(good.sum()))
    if len(good) > MAX_UNORDERED:
        raise UnreadableError(
            "has readings out of order, and too many to sort",
            where=channel.source or channel.id,
            got=str(len(good)),
            expected=f"at most {MAX_UNORDERED}",
        )
    kept = np.flatnonzero(good)
    kept = kept[np.argsort(t_ns[kept], kind="stable")]
    first = np.ones(len(kept), bool)
    first[1:] = t_ns[kept][1:] != t_ns[kept][:-1]
    reasons = {int(i): SAME_TIME for i in kept[~first]} | {
        int(i): _reason(t_ns[i], value[i]) for i in np.flatnonzero(~good)
    }
    dropped = tuple(
        Dropped(
            i,
            int(t_ns[i]) or None,
            raw[i] if raw is not None else repr(float(value[i])),
            reasons[i],
        )
        for i in sorted(reasons)
    )
    kept = kept[first]
    in_order = not dropped and bool(np.all(kept[1:] > kept[:-1]))
    return Trace(
        channel, t_ns[kept], value[kept], None if in_order else kept.astype(np.int64), dropped
    )


def _ordered(
    channel: Channel, t_ns: Ints, value: Floats, raw: Sequence[str] | None, lowest: bool
) -> Trace | None:
    """Build a long trace part by part; None where its readings are not in the order of time."""
    ceiling = largest_value(channel.quantity)
    kept_t_ns, kept_value = GrowingColumn(np.int64), GrowingColumn(np.float64)
    kept_position = GrowingColumn(np.int64)
    dropped: list[Dropped] = []
    last_ns = T_MIN_NS
    for rows in spans(0, len(t_ns)):
        times, values = t_ns[rows], value[rows]
        good = _usable(times, values, lowest, ceiling)
        for i in np.flatnonzero(~good).tolist():
            position, stamp_ns, number = rows.start + i, int(times[i]), float(values[i])
            text = raw[position] if raw is not None else repr(number)
            reason = _reason(stamp_ns, number)
            dropped.append(Dropped(position, stamp_ns or None, text, reason))
        _refuse_many(channel, len(dropped))
        kept = np.flatnonzero(good)
        kept_ns = times[kept]
        if len(kept) and (kept_ns[0] <= last_ns or bool(np.any(kept_ns[1:] <= kept_ns[:-1]))):
            return None
        last_ns = int(kept_ns[-1]) if len(kept) else last_ns
        kept_t_ns.extend(kept_ns)
        kept_value.extend(values[kept])
        kept_position.extend(kept + rows.start)
    position = kept_position.column() if dropped else None
    return Trace(channel, kept_t_ns.column(), kept_value.column(), position, tuple(dropped))


def _usable(t_ns: Ints, value: Floats, above_zero: bool, ceiling: float) -> NDArray[np.bool_]:
    """Whether each reading is a number in range, at a time that can be."""
    in_range = (value > 0 if above_zero else value >= 0) & (value <= ceiling)
    return np.asarray(in_range & (t_ns > T_MIN_NS) & (t_ns <= T_MAX_NS))


def _refuse_many(channel: Channel, dropped: int) -> None:
    if dropped > MAX_DROPPED:
        raise UnreadableError(
            "has too many invalid readings",
            where=channel.source or channel.id,
            got=str(dropped),
            expected=f"at most {MAX_DROPPED}",
        )


def _all_good(t_ns: Ints, value: Floats, above_zero: bool) -> bool:
    """Whether nothing is wrong that a trace would not refuse."""
    return not len(t_ns) or (
        bool(t_ns[0] > T_MIN_NS) and not (above_zero and np.count_nonzero(value) < len(value))
    )


def _reason(t_ns: int, value: float) -> str:
    if not T_MIN_NS < t_ns <= T_MAX_NS:
        return NO_TIME
    if value < 0:
        return NEGATIVE
    return ZERO if value == 0 else FAILED
