"""How the readings of one trace relate to those of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.auditing.cross_entry import NearDuplicate, TraceAddress

Pair = tuple[int, int]
"""Indices of two traces, the smaller first."""


@dataclass(frozen=True, slots=True)
class Similarity:
    """A relation between two contents, wherever they occur; attributes as in `NearDuplicate`."""

    kind: Literal["repeat", "resample", "scale", "noise"]
    shift_s: float
    share: float
    factor: float

    def to(self, address: TraceAddress) -> NearDuplicate:
        """Return the near duplicate at an address."""
        return NearDuplicate(address, self.kind, self.shift_s, self.share, self.factor)

    def reversed(self) -> Similarity:
        """Return the relation seen from the other content."""
        return Similarity(self.kind, -self.shift_s, self.share, 1 / self.factor)
