"""Find sensors that measure nothing, in the readings of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.timestamps import NS
from harness.formats.defects import DefectCode
from harness.meters.topology import WHOLES, subject_of
from harness.traces.trace import Dropped, Trace

MIN_SPAN_S = 2.0
"""Shorter records do not show whether a counter stands still or a whole follows its parts [s]."""
MIN_READINGS = 3
NEVER_ZERO_PARTS = frozenset({*WHOLES, "psys", "module", "board"})
"""Parts that draw power whenever the machine runs: 0 W throughout is a dead sensor."""


@dataclass(frozen=True, slots=True)
class SensorFault:
    """Why a sensor measures nothing.

    Attributes:
        code: How that is judged where no other sensor stands in for it.
        reason: What its readings show.
    """

    code: DefectCode
    reason: str


def find_fault(trace: Trace, traces: Sequence[Trace]) -> SensorFault | None:
    """Return why a trace has no usable reading, or None.

    Args:
        trace: The trace.
        traces: All traces of the machine, this one among them.
    """
    if not len(trace):
        reason = trace.dropped[-1].raw if trace.dropped else "it never answered"
        return SensorFault(DefectCode.SENSOR_UNREADABLE, f"no reading ({reason})")
    span_s = (int(trace.t_ns[-1]) - int(trace.t_ns[0])) / NS
    averaging_s = trace.channel.averaging_s or 0.0
    if averaging_s > max(span_s, MIN_SPAN_S):
        return SensorFault(
            DefectCode.AVERAGE_TOO_LONG,
            f"it gives the mean of the last {averaging_s:g} s, and the record is {span_s:.0f} s",
        )
    if len(trace) < MIN_READINGS or span_s < MIN_SPAN_S:
        return None
    part = subject_of(trace.channel).part
    stands_still = float(trace.value.max()) == float(trace.value.min())
    if trace.channel.quantity == "energy" and stands_still:
        return SensorFault(DefectCode.COUNTER_FROZEN, f"the counter did not move in {span_s:.0f} s")
    reads_zero = float(trace.value.max()) == 0.0 and part in NEVER_ZERO_PARTS
    if trace.channel.kind != "counter" and reads_zero and not _rests(trace, traces):
        return SensorFault(DefectCode.SENSOR_UNREADABLE, "it read 0 W throughout")
    return None


def _rests(trace: Trace, traces: Sequence[Trace]) -> bool:
    """Return whether a supply rests at 0 W while another of the machine carries the load."""
    if not trace.channel.may_rest:
        return False
    part = subject_of(trace.channel).part
    return any(
        peer is not trace
        and subject_of(peer.channel).part == part
        and len(peer)
        and float(peer.value.max()) > 0
        for peer in traces
    )


def emptied(trace: Trace, reason: str) -> Trace:
    """Return a trace whose readings are all dropped: it yields no energy."""
    positions = np.arange(len(trace)) if trace.position is None else trace.position
    rows = zip(positions.tolist(), trace.t_ns.tolist(), trace.value.tolist(), strict=True)
    dropped = [Dropped(position, t_ns, repr(value), reason) for position, t_ns, value in rows]
    return Trace(
        trace.channel,
        trace.t_ns[:0].copy(),
        trace.value[:0].copy(),
        None,
        tuple(sorted([*trace.dropped, *dropped], key=lambda item: item.position)),
    )
