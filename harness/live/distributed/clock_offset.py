"""Compare two clocks by the four stamps of a question and its answer (RFC 5905, section 8)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.core.timestamps import NS, from_iso, to_iso
from harness.traces.trace import Ints, Trace

ROUND_TRIPS = 16
"""Questions in one comparison; the one with the shortest round trip counts."""


@dataclass(frozen=True, slots=True)
class Offset:
    """How far a remote clock is ahead of the local one.

    The error is at most half the round trip, however the time on the way was split.

    Attributes:
        at_ns: Time of the comparison, by the local clock [ns UTC].
        ahead_ns: Remote time minus local time [ns].
        round_trip_ns: Time on the way, both directions together [ns].
    """

    at_ns: int
    ahead_ns: int
    round_trip_ns: int

    def facts(self) -> dict[str, Any]:
        """Describe the offset for a run record."""
        return {
            "at": to_iso(self.at_ns),
            "ahead_s": self.ahead_ns / NS,
            "round_trip_s": self.round_trip_ns / NS,
        }


def offset(sent_ns: int, remote_received_ns: int, remote_sent_ns: int, received_ns: int) -> Offset:
    """Compute the offset from one question and its answer.

    Args:
        sent_ns: When the question was sent, by the local clock [ns].
        remote_received_ns: When it arrived, by the remote clock [ns].
        remote_sent_ns: When the answer was sent, by the remote clock [ns].
        received_ns: When the answer arrived, by the local clock [ns].
    """
    outward, inward = remote_received_ns - sent_ns, remote_sent_ns - received_ns
    remote_time = remote_sent_ns - remote_received_ns
    return Offset(
        at_ns=received_ns,
        ahead_ns=(outward + inward) // 2,
        round_trip_ns=(received_ns - sent_ns) - remote_time,
    )


def shortest_round_trip(ask: Callable[[], tuple[int, int, int, int]]) -> Offset:
    """Ask several times and return the offset of the shortest round trip."""
    offsets = [offset(*ask()) for _ in range(ROUND_TRIPS)]
    return min(offsets, key=lambda item: item.round_trip_ns)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one machine, compared with that of rank 0.

    Attributes:
        before: Offset before the work.
        after: Offset after the work.
        is_constant: Whether one offset holds throughout, that of the shorter round trip; otherwise
            the clock drifts along the straight line between both.
    """

    before: Offset
    after: Offset
    is_constant: bool = False

    @staticmethod
    def compared(before: Offset, after: Offset) -> Clock:
        """Return the clock of two comparisons.

        Offsets that differ by no more than both round trips explain show no drift: taken as drift,
        that error would stretch or shrink the whole run.
        """
        explained_ns = (before.round_trip_ns + after.round_trip_ns) / 2
        difference_ns = abs(after.ahead_ns - before.ahead_ns)
        return Clock(before, after, is_constant=difference_ns <= explained_ns)

    @property
    def limit_s(self) -> float:
        """Largest error of a shifted stamp [s]: half a round trip plus the drift meanwhile.

        Stamps are shifted by one of both offsets, or by the straight line between them. A clock
        that drifts in one direction, however unevenly, stays between them, so either is off by
        their difference at most.
        """
        round_trip_ns = max(self.before.round_trip_ns, self.after.round_trip_ns)
        drift_ns = abs(self.after.ahead_ns - self.before.ahead_ns)
        return (round_trip_ns / 2 + drift_ns) / NS

    @property
    def error_s(self) -> float:
        """Standard error [s], of a uniform distribution within the limit (JCGM 100, 4.3.7)."""
        return self.limit_s / math.sqrt(3)

    def to_rank_0(self, t_ns: Ints) -> Ints:
        """Convert local times to the clock of rank 0 [ns UTC].

        Before the first and after the last comparison the nearest offset is used.
        """
        if self.is_constant:
            return t_ns + min(self.before, self.after, key=lambda item: item.round_trip_ns).ahead_ns
        span_ns = max(1, self.after.at_ns - self.before.at_ns)
        since_first_ns = (t_ns - self.before.at_ns).astype(np.float64)
        offsets_ns = (self.before.ahead_ns, self.after.ahead_ns)
        shift_ns = np.interp(since_first_ns, (0, span_ns), offsets_ns)
        return t_ns + np.rint(shift_ns).astype(np.int64)

    def shift_trace(self, trace: Trace) -> Trace:
        """Convert a trace, with its dropped readings, to the clock of rank 0.

        Raises:
            SchemaError: The shifted trace is not a valid one.
        """
        stamps = [item.t_ns for item in trace.dropped if item.t_ns is not None]
        shifted = iter(self.to_rank_0(np.array(stamps, np.int64)).tolist())
        dropped = tuple(
            item if item.t_ns is None else replace(item, t_ns=next(shifted))
            for item in trace.dropped
        )
        return replace(trace, t_ns=self.to_rank_0(trace.t_ns), dropped=dropped)

    def facts(self) -> dict[str, Any]:
        """Describe the clock for a run record."""
        return {
            "before": self.before.facts(),
            "after": self.after.facts(),
            "constant": self.is_constant,
            "limit_s": self.limit_s,
        }

    @staticmethod
    def from_facts(facts: Mapping[str, Any], where: str) -> Clock:
        """Read what `facts` wrote.

        Raises:
            UnreadableError: The record has another form.
        """
        try:
            before, after = _read_offset(facts["before"]), _read_offset(facts["after"])
            return Clock(before, after, facts.get("constant") is True)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
            raise UnreadableError(
                "states no usable clock comparison",
                where=where,
                expected="facts.rank.clock as joulemark wrote it",
            ) from None


def _read_offset(facts: Mapping[str, Any]) -> Offset:
    return Offset(
        at_ns=from_iso(facts["at"]),
        ahead_ns=round(float(facts["ahead_s"]) * NS),
        round_trip_ns=round(float(facts["round_trip_s"]) * NS),
    )
