"""Estimates with intervals: what a budget's draws say, and the closed form beside it.

Pure: the same budget and seed give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.uncertainty.budget import (
    BetweenRunScatter,
    Budget,
    combine,
    coverage_factor,
    numerical_tolerance,
)
from harness.uncertainty.monte_carlo import (
    BLOCK,
    DRAWS,
    SEED,
    Draws,
    Floats,
    blocks,
    in_unit,
    normalised,
    with_run,
)

LEVEL = 0.95
"""Default coverage probability of intervals."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; low and high are None where no interval can be had, and note says why.

    u_c, nu_eff, k: combined standard uncertainty, its degrees of freedom (None: infinite) and coverage factor
    tolerance: numerical tolerance asked of the interval's ends (JCGM 101, 7.9); tolerance_met: whether it was met
    """

    value: float | None
    low: float | None
    high: float | None
    unit: str
    level: float = LEVEL
    note: str = ""
    u_c: float | None = None
    nu_eff: float | None = None
    k: float | None = None
    tolerance: float | None = None
    tolerance_met: bool | None = None


@dataclass(frozen=True, slots=True)
class OutputQuantity:
    """A budget in another unit: all of it times factor, with a run term in that unit in place of its own."""

    unit: str
    factor: float = 1.0
    run: BetweenRunScatter | None = None


def interval(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Probabilistically symmetric coverage interval of drawn values: the mean over blocks of their percentiles."""
    ends = _Ends(level)
    for first in range(0, len(values), BLOCK):
        ends.take(values[first : first + BLOCK])
    return ends.mean()


def estimate(
    budget: Budget,
    unit: str,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
    note: str = "",
) -> Estimate:
    """The estimate of a budget: value, percentile interval and closed form."""
    view = OutputQuantity(unit, run=budget.run)
    return replace(estimates(budget, [view], level=level, seed=seed, draws=draws)[0], note=note)


def estimates(
    budget: Budget,
    views: Sequence[OutputQuantity],
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
) -> list[Estimate]:
    """Estimates of one budget in several units, from one set of draws: the views differ in their run term only.

    Budgets that are looked at one by one have the same draws: an estimate depends on no name, and many cost less.
    """
    wanted = [in_unit(view.run, view.factor) for view in views]
    closed = {run: combine(replace(budget, run=run)) for run in wanted}
    widest = max(closed, key=lambda run: closed[run][0])
    unit, small = normalised(replace(budget.alone(), run=widest))
    ends = {run: _Ends(level) for run in closed}
    each = [(in_unit(run, unit), end) for run, end in ends.items()]
    values = np.empty(BLOCK, np.float32)
    for block in blocks(small, _dof(wanted), seed, draws):
        for run, end in each:
            end.take(with_run(block, run, small.measured, values[: len(block[0])]))
    return [
        _estimate(budget, view, ends[run], unit, *closed[run])
        for view, run in zip(views, wanted, strict=True)
    ]


def _estimate(
    budget: Budget, view: OutputQuantity, ends: _Ends, unit: float, u: float, nu_eff: float
) -> Estimate:
    """unit: that of the ends, which are deviations from what was measured."""
    value, u_c = budget.value * view.factor, u * view.factor
    low, high = (view.factor * (budget.measured + unit * end) for end in ends.mean())
    tolerance = numerical_tolerance(u_c)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        unit=view.unit,
        level=ends.level,
        u_c=u_c,
        nu_eff=nu_eff if math.isfinite(nu_eff) else None,
        k=coverage_factor(ends.level, nu_eff),
        tolerance=tolerance,
        tolerance_met=2 * view.factor * unit * ends.spread() <= tolerance,
    )


class _Ends:
    """The ends of the coverage interval of each block of draws (JCGM 101, 7.9).

    Only the draws beyond two fences well inside the ends are put in order, not all.
    """

    def __init__(self, level: float) -> None:
        self.level = level
        self.lows: list[float] = []
        self.highs: list[float] = []
        self._fences: tuple[float, float] | None = None

    def take(self, values: Draws | Floats) -> None:
        """Take one block; a short one counts only where it is the only one."""
        if len(values) < BLOCK and self.lows:
            return
        rank = int((1 - self.level) / 2 * len(values))
        self._fences = self._fences or _fences(values, rank)
        if not self._beyond(*self._fences, values, rank):
            inner = min(rank + 5 * math.isqrt(rank) + 4, len(values) - 1)
            ordered = np.partition(
                values, sorted({rank, inner, len(values) - 1 - inner, len(values) - 1 - rank})
            )
            self._found(float(ordered[rank]), float(ordered[-1 - rank]))
            self._fences = (
                float(ordered[inner]),
                float(ordered[-1 - inner]),
            )  # of a whole block: better ones

    def _beyond(self, below: float, above: float, values: Draws | Floats, rank: int) -> bool:
        """Take a block by what lies beyond the fences; False where that is too little."""
        beyond = values[
            ((values < below) | (values > above)).nonzero()
        ]  # by index: faster than by mask
        if len(beyond) <= 2 * rank:
            return False
        beyond.sort()  # all of so few: faster than to part them
        low, high = float(beyond[rank]), float(beyond[-1 - rank])
        if enough := low < below and high > above:
            self._found(low, high)
        return enough

    def _found(self, low: float, high: float) -> None:
        self.lows.append(low)
        self.highs.append(high)

    def mean(self) -> tuple[float, float]:
        """Low and high end."""
        return _mean(self.lows), _mean(self.highs)

    def spread(self) -> float:
        """Standard deviation of the mean of the less certain end."""
        return max(map(_deviation_of_mean, (self.lows, self.highs)))


def _fences(values: Draws | Floats, rank: int) -> tuple[float, float]:
    """Two values well inside the ends, from every eighth draw."""
    some = np.sort(values[::8])
    inner = min(rank // 8 + 4 * math.isqrt(rank // 8) + 4, len(some) - 1)
    return float(some[inner]), float(some[-1 - inner])


def _mean(found: Sequence[float]) -> float:
    return math.fsum(found) / len(found)


def _deviation_of_mean(found: Sequence[float]) -> float:
    if len(found) < 2:
        return math.inf
    mean = _mean(found)
    return math.sqrt(
        math.fsum((value - mean) ** 2 for value in found) / (len(found) - 1) / len(found)
    )


def _dof(runs: Sequence[BetweenRunScatter | None]) -> float:
    """Degrees of freedom that all run terms share; 0 where nothing scatters."""
    (dof,) = {run.dof for run in runs if run is not None and run.scale} or {0.0}
    return dof
