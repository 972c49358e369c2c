"""Two clocks compared: four stamps of a question and its answer, as NTP has them (RFC 5905, section 8)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.core.timestamps import NS, from_iso, to_iso
from harness.traces.trace import Ints, Trace

ROUNDS = 16
"""Questions asked each time; the answer that came back soonest counts."""


@dataclass(frozen=True, slots=True)
class Offset:
    """How far another clock is ahead of ours.

    at_ns: by our clock [ns UTC]; ahead_ns: its time minus ours [ns]; round_trip_ns: time on the way, both ways [ns].
    Whatever the way took in each direction, the error is at most half the round trip.
    """

    at_ns: int
    ahead_ns: int
    round_trip_ns: int

    def facts(self) -> dict[str, Any]:
        """For a run record."""
        return {
            "at": to_iso(self.at_ns),
            "ahead_s": self.ahead_ns / NS,
            "round_trip_s": self.round_trip_ns / NS,
        }


def offset(asked: int, heard: int, answered: int, received: int) -> Offset:
    """From one question: stamps of asking and receiving by our clock, of hearing and answering by the other [ns]."""
    return Offset(
        received,
        ((heard - asked) + (answered - received)) // 2,
        (received - asked) - (answered - heard),
    )


def nearest(ask: Callable[[], tuple[int, int, int, int]]) -> Offset:
    """The offset of the shortest of several round trips."""
    return min((offset(*ask()) for _ in range(ROUNDS)), key=lambda found: found.round_trip_ns)


@dataclass(frozen=True, slots=True)
class Clock:
    """The clock of one machine against that of rank 0, before and after the work."""

    before: Offset
    after: Offset

    @property
    def limit_s(self) -> float:
        """Largest error of a stamp that was moved [s]: half a round trip, and what the clocks drifted apart meanwhile.

        Stamps are moved by the straight line between the two offsets. A clock that drifts one way, however unevenly,
        lies between them, so the line is off by at most their difference.
        """
        trip = max(self.before.round_trip_ns, self.after.round_trip_ns)
        return (trip / 2 + abs(self.after.ahead_ns - self.before.ahead_ns)) / NS

    @property
    def error_s(self) -> float:
        """Standard error [s]: of a uniform distribution between its limits (JCGM 100, 4.3.7)."""
        return self.limit_s / math.sqrt(3)

    def moved(self, t_ns: Ints) -> Ints:
        """Times by our clock as rank 0's clock has them [ns UTC]; held before the first and after the last offset."""
        span = max(1, self.after.at_ns - self.before.at_ns)
        ends = (self.before.ahead_ns, self.after.ahead_ns)
        shift = np.interp((t_ns - self.before.at_ns).astype(np.float64), (0, span), ends)
        return t_ns + np.rint(shift).astype(np.int64)

    def place(self, trace: Trace) -> Trace:
        """A trace on rank 0's clock, what was dropped with it. Raises SchemaError."""
        timed = [item for item in trace.dropped if item.t_ns is not None]
        times = iter(self.moved(np.array([item.t_ns for item in timed], np.int64)).tolist())
        dropped = tuple(
            item if item.t_ns is None else replace(item, t_ns=next(times)) for item in trace.dropped
        )
        return replace(trace, t_ns=self.moved(trace.t_ns), dropped=dropped)

    def facts(self) -> dict[str, Any]:
        """For a run record."""
        return {"before": self.before.facts(), "after": self.after.facts(), "limit_s": self.limit_s}

    @staticmethod
    def from_facts(facts: Mapping[str, Any], where: str) -> Clock:
        """The inverse of `facts`. Raises UnreadableError."""
        try:
            return Clock(*_offsets(facts[name] for name in ("before", "after")))
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
            raise UnreadableError(
                "says nothing of use about its clock",
                where=where,
                expected="facts.rank.clock as joulemark wrote it",
            ) from None


def _offsets(facts: Iterable[Mapping[str, Any]]) -> Iterable[Offset]:
    for item in facts:
        at_ns = from_iso(item["at"])
        yield Offset(
            at_ns, round(float(item["ahead_s"]) * NS), round(float(item["round_trip_s"]) * NS)
        )
