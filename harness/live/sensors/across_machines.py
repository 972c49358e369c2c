"""Sensors of several machines that are one: a counter seen from two containers, a shared PDU.

Names may differ where the instrument is the same. Readings do not: two counters never show one
number at one time, all the time, and two powers that vary are never equal reading for reading.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from harness.core.timestamps import NS
from harness.live.sensors.faults import MIN_READINGS
from harness.live.sensors.pairs import are_equal_counters
from harness.traces.trace import Ints, Trace

LAG_STEPS = 9
"""Shifts that are tried between two clocks whose comparison left an error."""
MIN_DISTINCT = 5
"""Powers with fewer different values may be equal by chance."""
EQUAL_SHARE = 0.9
"""Share of the readings in which powers of one instrument agree."""
PROBES = 8
"""Readings by whose exact values candidates are looked up."""
MAX_CANDIDATES = 64
"""Candidates that are compared in full for each channel."""


def shared_instruments(traces: Sequence[Trace], lag_s: float) -> Iterator[tuple[Trace, Trace]]:
    """Yield pairs of traces of two machines that show one instrument; the first one counts.

    Args:
        traces: Traces of all machines on one clock, each with its node.
        lag_s: How far their clocks may be apart [s].
    """
    duplicates: set[str] = set()
    for first, second in [*_counter_candidates(traces, lag_s), *_power_candidates(traces)]:
        is_duplicate = {first.channel.id, second.channel.id} & duplicates
        if is_duplicate or first.channel.node == second.channel.node:
            continue
        if _are_one(first, second, lag_s):
            duplicates.add(second.channel.id)
            yield first, second


def _counter_candidates(traces: Sequence[Trace], lag_s: float) -> Iterator[tuple[Trace, Trace]]:
    """Yield counters whose numbers at a common time lie within what they rise in the lag."""
    counters = [t for t in traces if t.channel.kind == "counter" and len(t) >= MIN_READINGS]
    if len(counters) < 2:
        return
    order = {trace.channel.id: number for number, trace in enumerate(traces)}
    t_ns = max(int(trace.t_ns[0]) for trace in counters)
    numbers = {t.channel.id: float(np.interp(t_ns, t.t_ns, t.value)) for t in counters}
    counters.sort(key=lambda trace: numbers[trace.channel.id])
    for position, first in enumerate(counters):
        steps = float(np.abs(np.diff(first.value)).max())
        power_w = float(np.ptp(first.value)) * NS / float(np.ptp(first.t_ns))
        reach = numbers[first.channel.id] + 3 * steps + 2 * lag_s * power_w
        for second in counters[position + 1 : position + 1 + MAX_CANDIDATES]:
            if numbers[second.channel.id] > reach:
                break
            pair = sorted((first, second), key=lambda trace: order[trace.channel.id])
            yield pair[0], pair[1]


def _power_candidates(traces: Sequence[Trace]) -> Iterator[tuple[Trace, Trace]]:
    """Yield powers that have an exact value in common near the middle of the run."""
    by_value: dict[float, list[Trace]] = defaultdict(list)
    for trace in traces:
        kind = trace.channel.kind
        if kind in ("counter", "estimate") or len(np.unique(trace.value)) < MIN_DISTINCT:
            continue
        middle = len(trace) // 2
        values = set(trace.value[max(0, middle - PROBES) : middle + PROBES].tolist())
        candidates = {id(peer): peer for value in values for peer in by_value[value]}
        for peer in list(candidates.values())[:MAX_CANDIDATES]:
            yield peer, trace
        for value in values:
            by_value[value].append(trace)


def _are_one(first: Trace, second: Trace, lag_s: float) -> bool:
    lags_s = np.linspace(-lag_s, lag_s, LAG_STEPS) if lag_s > 0 else np.zeros(1)
    for shift_s in sorted(lags_s, key=abs):
        shifted = replace(second, t_ns=second.t_ns + round(float(shift_s) * NS))
        if first.channel.kind == "counter":
            if are_equal_counters(first, shifted):
                return True
        elif _equal_share(first, shifted) >= EQUAL_SHARE:
            return True
    return False


def _equal_share(first: Trace, second: Trace) -> float:
    """Return the share of readings that are equal to the nearest one of the other trace."""
    start, stop = max(first.t_ns[0], second.t_ns[0]), min(first.t_ns[-1], second.t_ns[-1])
    inside = (first.t_ns >= start) & (first.t_ns <= stop)
    if int(inside.sum()) < max(MIN_READINGS, min(len(first), len(second)) // 2):
        return 0.0
    nearest = _nearest(second.t_ns, first.t_ns[inside])
    return float(np.mean(first.value[inside] == second.value[nearest]))


def _nearest(t_ns: Ints, at_ns: Ints) -> Ints:
    """Return for each time the position of the nearest stamp."""
    after = np.clip(np.searchsorted(t_ns, at_ns), 1, len(t_ns) - 1)
    is_before_nearer = at_ns - t_ns[after - 1] < t_ns[after] - at_ns
    return (after - is_before_nearer).astype(np.int64)
