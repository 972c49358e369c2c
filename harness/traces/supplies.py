"""Power supplies: their efficiency is a curve over their load, not a constant.

- A channel that states the rated output of its supplies, with their grade or with points of their
  certificate, is converted with the efficiency at the load of each reading.
- A channel that states one efficiency states, at best, the peak of such a curve. Nothing says at
  which load the supplies ran, so the efficiency lies anywhere between that peak and the lowest
  value of the curve at the loads that the readings leave possible.

Example:
    >>> curve = grades()["platinum"]
    >>> float(curve.efficiency(0.5))
    0.94
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

MAX_OVERSIZE = 4.0
"""Rated output of the supplies over the largest reading, at most: N+N redundancy doubles it, and
another half is kept in reserve."""
MIN_SHARE = 0.05
"""Lowest share of the rated output that is considered."""
POINTS_LIMIT = 0.01
"""Relative limit of an efficiency by the points of a certificate, which was measured at one unit at
room temperature."""
GRADE_LIMIT = 0.02
"""Relative limit of an efficiency by a grade: grades are minima and lie two points apart at half
load, so a supply that exceeds one by more has the next."""
CERTIFICATE = "certificate"
"""Grade of supplies that are stated by points of their certificate."""
GRID = np.linspace(0.0, 1.0, 501)


@dataclass(frozen=True, slots=True)
class SupplyCurve:
    """Efficiency of a power supply over its load.

    Attributes:
        shares: Output as shares of the rated output, ascending, above 0.
        efficiencies: Output over input at these shares, above 0 and at most 1.
    """

    shares: tuple[float, ...]
    efficiencies: tuple[float, ...]

    def loss(self, share: ArrayLike) -> Floats:
        """Return the losses at shares of the rated output, as shares of the rated output.

        They are linear between the points, and constant below the lowest and above the highest.
        """
        shares = np.array(self.shares)
        losses = shares * (1 / np.array(self.efficiencies) - 1)
        return np.interp(np.asarray(share, np.float64), shares, losses)

    def efficiency(self, share: ArrayLike) -> Floats:
        """Return the efficiency at shares of the rated output."""
        output = np.asarray(share, np.float64)
        loss = self.loss(output)
        total = output + loss
        return np.divide(output, total, out=np.zeros_like(total), where=total > 0)

    def lowest(self, low: float, high: float) -> float:
        """Return the lowest efficiency between two shares of the rated output."""
        inner = [share for share in self.shares if low < share < high]
        return float(self.efficiency([low, *inner, high]).min())

    def with_peak(self, peak: float) -> SupplyCurve:
        """Return the curve with its losses scaled so that its best point has the efficiency."""
        factor = (1 / peak - 1) / (1 / max(self.efficiencies) - 1)
        scaled = (1 / (1 + factor * (1 / value - 1)) for value in self.efficiencies)
        return SupplyCurve(self.shares, tuple(scaled))

    def output_w(self, input_w: Floats, rated_w: float) -> Floats:
        """Return the output of supplies for their input [W].

        Args:
            input_w: Input [W].
            rated_w: Rated output [W].
        """
        inputs = np.maximum.accumulate(GRID + self.loss(GRID))
        inputs[0] = 0.0
        share = np.interp(input_w / rated_w, inputs, GRID)
        beyond = np.maximum(input_w / rated_w - inputs[-1], 0.0) / inputs[-1]
        return np.asarray((share + beyond) * rated_w, np.float64)


@functools.cache
def grades() -> dict[str, SupplyCurve]:
    """Return the curves of 80 PLUS for redundant supplies at 230 V, by grade."""
    points: dict[str, list[tuple[float, float]]] = {}
    with Path(__file__).with_name("supply_grades.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            point = float(row["share"]), float(row["efficiency"])
            points.setdefault(row["grade"], []).append(point)
    curves = {}
    for grade, pairs in points.items():
        shares, efficiencies = zip(*sorted(pairs), strict=True)
        curves[grade] = SupplyCurve(shares, efficiencies)
    return curves


@dataclass(frozen=True, slots=True)
class Supply:
    """The supplies that a channel's power passes through, as its header states them.

    Attributes:
        rated_w: Rated output of all of them together [W].
        grade: Their 80 PLUS grade, or "certificate" where points are stated.
        points: Points of their certificate: share of the rated output, and efficiency there.
    """

    rated_w: float
    grade: str
    points: tuple[tuple[float, float], ...] = ()

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> Supply:
        """Return the supplies of a valid header."""
        grade = str(document["grade"])
        points = _distinct(document["points"]) if grade == CERTIFICATE else ()
        return Supply(float(document["rated_w"]), grade, points)

    def document(self) -> dict[str, Any]:
        """Return the supplies as they stand in a header."""
        document: dict[str, Any] = {"rated_w": self.rated_w, "grade": self.grade}
        if self.points:
            document["points"] = [list(point) for point in self.points]
        return document

    @property
    def limit(self) -> float:
        """Relative limit of their efficiency at a known load."""
        return POINTS_LIMIT if self.points else GRADE_LIMIT

    @property
    def curve(self) -> SupplyCurve:
        """Their efficiency over the load."""
        if not self.points:
            return grades()[self.grade]
        shares, efficiencies = zip(*self.points, strict=True)
        return SupplyCurve(shares, efficiencies)


def _distinct(points: Sequence[Sequence[float]]) -> tuple[tuple[float, float], ...]:
    """Return points by ascending share; of several at one share the lowest efficiency."""
    lowest: dict[float, float] = {}
    for share, efficiency in points:
        lowest[share] = min(efficiency, lowest.get(share, 1.0))
    return tuple(sorted(lowest.items()))


def lowest_efficiency(peak: float, mean_w: float, largest_w: float) -> float:
    """Return how low the efficiency of supplies may have been, of which only the peak is stated.

    The curve is that of the lowest 80 PLUS grade that reaches the peak.

    Args:
        peak: Efficiency that is stated, above 0 and below 1.
        mean_w: Mean reading [W].
        largest_w: Largest reading [W]: no supply is rated for less.
    """
    curves = sorted(grades().values(), key=lambda curve: max(curve.efficiencies))
    reached = (curve for curve in curves if max(curve.efficiencies) >= peak)
    curve = next(reached, curves[-1]).with_peak(peak)
    high = min(1.0, mean_w / largest_w) if largest_w > 0 else 1.0
    low = max(MIN_SHARE, high / MAX_OVERSIZE)
    return curve.lowest(min(low, high), max(low, high))
