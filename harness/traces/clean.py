"""Build a trace from the readings of a source as they are.

Unusable readings are kept with the reason.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.core.errors import SchemaError, UnreadableError
from harness.core.numbers import plain_number
from harness.traces.channel import Channel
from harness.traces.trace import T_MAX_NS, T_MIN_NS, Dropped, Floats, Ints, Trace, largest_value

NEVER_ZERO = frozenset({"wall", "pdu", "psu", "node", "rack"})
"""Boundaries that hold a whole running machine: 0 W there is a failed read, not a reading."""

MAY_REST = frozenset({"psu", "psu-output"})
"""Of several supplies one may rest at 0 W; its channel then says `may_be_zero`."""
MAX_DROPPED = 1_000_000
"""Each dropped reading is kept with its reason, a quarter of a kilobyte; a log with more of them
yields no energy."""
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
    may_rest = channel.boundary in MAY_REST and channel.extra.get("may_be_zero") is True
    lowest = channel.quantity == "power" and channel.boundary in NEVER_ZERO and not may_rest
    ceiling = largest_value(channel.quantity)
    if _all_good(t_ns, value, lowest):
        try:
            return Trace(channel, t_ns, value)
        except SchemaError:
            pass  # a reading cannot be used as it stands: find which
    good = (
        (value > 0 if lowest else value >= 0)
        & (value <= ceiling)
        & (t_ns > T_MIN_NS)
        & (t_ns <= T_MAX_NS)
    )
    if len(good) - int(good.sum()) > MAX_DROPPED:
        raise UnreadableError(
            "has too many invalid readings",
            where=channel.source or channel.id,
            got=str(len(good) - int(good.sum())),
            expected=f"at most {MAX_DROPPED}",
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
