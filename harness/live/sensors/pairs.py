"""Compare the readings of two sensors of a run: powers over common spans, and equal numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from harness.core.timestamps import NS
from harness.energy.cumulative import energy_between
from harness.live.sensors.faults import MIN_READINGS, MIN_SPAN_S
from harness.meters.topology import subject_of
from harness.traces.trace import Floats, Trace

BIN_S = 1.0
"""Spans over which powers of two sensors are compared: longer than any lag between them [s]."""
MAX_BINS = 120
NODE_SHARE = 0.02
"""Two node meters that agree within this share at all times measure one machine."""
EQUAL_SHARE, UPDATE_LAG_S = 0.02, 2e-3
"""Counters are equal within this share of a step between reads, and within this lag [s]."""
MAX_STEPS_APART = 3.0
"""Equal counters of two meters, which start one after the other, begin so many steps apart."""
MOST_READS = 0.9
"""Share of the reads in which equal counters agree; between two of them a counter may move on."""
MEDIAN_ERROR = 1.86
"""Standard error of a median, in median absolute deviations over the root of the count (normal)."""
MIN_RISE_STEPS = 20
"""Equal counters must rise by so many tolerances: two that start at 0 are equal by chance."""


def powers(traces: Sequence[Trace]) -> Floats | None:
    """Return the mean powers of traces over common spans [W], shape (traces, spans)."""
    if any(len(trace) < MIN_READINGS for trace in traces):
        return None
    start = max(int(trace.t_ns[0]) for trace in traces)
    stop = min(int(trace.t_ns[-1]) for trace in traces)
    seconds = (stop - start) / NS
    if seconds < MIN_SPAN_S:
        return None
    bins = max(2, min(MAX_BINS, math.floor(seconds / BIN_S)))
    cuts_ns = np.linspace(start, stop, bins + 1).astype(np.int64)
    lengths_s = np.diff(cuts_ns) / NS
    return np.stack([energy_between(trace, cuts_ns) / lengths_s for trace in traces])


def close_counters(traces: Sequence[Trace]) -> Iterator[tuple[Trace, Trace]]:
    """Yield the pairs of counters whose first numbers lie within one step between reads."""
    counters = [t for t in traces if t.channel.kind == "counter" and len(t) >= MIN_READINGS]
    counters.sort(key=lambda trace: float(trace.value[0]))
    for number, first in enumerate(counters):
        reach = float(first.value[0]) + MAX_STEPS_APART * float(np.abs(np.diff(first.value)).max())
        for second in counters[number + 1 :]:
            if float(second.value[0]) > reach:
                break
            yield first, second


def are_equal_powers(first: Trace, second: Trace) -> bool:
    """Return whether two powers show one part.

    Two node meters of one machine do if they agree; other sensors only if they vary and are equal
    in every read.
    """
    if subject_of(first.channel).part == subject_of(second.channel).part == "node":
        both = powers([first, second])
        return both is not None and bool(np.allclose(both[0], both[1], rtol=NODE_SHARE))
    varies = len(first) >= MIN_READINGS and float(np.ptp(first.value)) > 0
    return varies and np.array_equal(first.value, second.value)


def are_equal_counters(first: Trace, second: Trace) -> bool:
    """Return whether two counters show the same number at all times, and rise."""
    start = max(first.t_ns[0], second.t_ns[0])
    stop = min(first.t_ns[-1], second.t_ns[-1])
    inside = (first.t_ns >= start) & (first.t_ns <= stop)
    t_ns, value = first.t_ns[inside], first.value[inside]
    if len(value) < MIN_READINGS or (stop - start) / NS < MIN_SPAN_S:
        return False
    steps = np.diff(value)
    rise = float(value[-1] - value[0])
    power_w = rise / ((stop - start) / NS)
    resolution = max(first.channel.resolution or 0.0, second.channel.resolution or 0.0)
    tolerance = EQUAL_SHARE * float(steps.max()) + 4 * resolution + UPDATE_LAG_S * power_w
    if float(steps.min()) < 0 or rise < MIN_RISE_STEPS * tolerance:
        return False
    difference = value - np.interp(t_ns, second.t_ns, second.value)
    distance = np.abs(difference)
    if float(np.quantile(distance, MOST_READS)) > tolerance:
        return False
    if float(distance.max()) > float(steps.max()):
        return False
    # One register read twice differs by chance, around zero; two counters that run alike keep the
    # distance that they had at first.
    offset = float(np.median(difference))
    scatter = float(np.median(np.abs(difference - offset)))
    u_offset = MEDIAN_ERROR * scatter / math.sqrt(len(difference))
    return abs(offset) <= 4 * float(np.spacing(value[-1])) + 3 * u_offset
