"""The curve of a submission: its points over concurrency, and the regions they must cover.

With the declared greatest concurrency C_max and the least measured one C_min, which is at most 32,
the regions are bounded by steps of I = log2(C_max - C_min) / 3 (rules, section 5.5).

Example:
    >>> [f"{region.low}-{region.high}" for region in regions(4, 2048)]
    ['5-17', '18-165', '166-2048', '2049-2253']
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.formats.mlperf.endpoints.fields import count_in, text_in
from harness.formats.mlperf.endpoints.summary import Summary

ULTRA_LOW_MAX = 32
"""Greatest concurrency of the ultra-low region."""
MARGIN = 1.1
"""Points may exceed C_max by a tenth."""


@dataclass(frozen=True, slots=True)
class Region:
    """A range of concurrencies.

    Attributes:
        name: low, med, high or margin.
        low: Least concurrency in it.
        high: Greatest concurrency in it.
    """

    name: str
    low: int
    high: int

    def __contains__(self, concurrency: int) -> bool:
        return self.low <= concurrency <= self.high


def regions(c_min: int, c_max: int) -> tuple[Region, ...]:
    """Return the regions above C_min; none where C_max is not above C_min."""
    if c_max <= c_min:
        return ()
    step = math.log2(c_max - c_min) / 3
    low_end = round(c_min + 2**step)
    med_end = round(c_min + 2 ** (2 * step))
    return (
        Region("low", c_min + 1, low_end),
        Region("med", low_end + 1, med_end),
        Region("high", med_end + 1, c_max),
        Region("margin", c_max + 1, math.ceil(MARGIN * c_max)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """One point of a curve.

    Attributes:
        folder: Name of its folder, ``r64``.
        point: Its ``point.yaml``; empty if it cannot be read.
        summary: Its ``result_summary.json``.
        has_accuracy: Whether it has accuracy results.
    """

    folder: str
    point: Mapping[str, Any]
    summary: Summary
    has_accuracy: bool = False

    @property
    def concurrency(self) -> int | None:
        """Its concurrency, as stated or from the name of its folder."""
        stated = count_in(self.point, "concurrency")
        digits = self.folder[1:]
        in_name = (
            int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None
        )
        return in_name if stated is None else stated

    @property
    def offline(self) -> str:
        """How it serves as Offline point: dedicated, elected, or "" for not at all."""
        stated = text_in(self.point, "offline")
        return stated if stated in ("dedicated", "elected") else ""


@dataclass(frozen=True, slots=True)
class Curve:
    """All points of one model on one system, by concurrency.

    Attributes:
        points: The points.
        c_max: Declared greatest concurrency; ``None`` where no point declares it.
    """

    points: Sequence[CurvePoint]
    c_max: int | None

    @property
    def concurrencies(self) -> list[int]:
        """Concurrencies of all points but a dedicated Offline one, ascending."""
        values = [p.concurrency for p in self.points if p.offline != "dedicated"]
        return sorted(value for value in values if value is not None)

    @property
    def c_min(self) -> int | None:
        """Least concurrency; ``None`` where it is above the ultra-low region."""
        return min((c for c in self.concurrencies if c <= ULTRA_LOW_MAX), default=None)

    @property
    def regions(self) -> tuple[Region, ...]:
        """The regions; none where C_min or C_max is missing."""
        if self.c_min is None or self.c_max is None:
            return ()
        return regions(self.c_min, self.c_max)

    @property
    def max_tokens_per_second(self) -> float | None:
        """Greatest rate of output tokens on the curve [1/s]."""
        rates = [point.summary.tokens_per_second for point in self.points]
        return max((rate for rate in rates if rate is not None), default=None)
