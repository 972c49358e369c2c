"""Estimates with intervals: what a budget's draws say, and the closed form beside it.

Pure: the same budget and seed give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.budget import Budget, RunTerm, combine, coverage_factor, numerical_tolerance
from harness.draws import BLOCK, DRAWS, SEED, Floats, blocks, with_run

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
class View:
    """A budget in another unit: all of it times factor, with a run term in that unit in place of its own."""

    unit: str
    factor: float = 1.0
    run: RunTerm | None = None


def interval(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Probabilistically symmetric coverage interval of drawn values: the mean over blocks of their percentiles."""
    ends = _Ends(level)
    for first in range(0, len(values), BLOCK):
        ends.take(values[first : first + BLOCK])
    low, high = ends.mean()
    return low, high


def estimate(
    budget: Budget, unit: str, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS, note: str = ""
) -> Estimate:
    """The estimate of a budget: value, percentile interval and closed form."""
    view = View(unit, run=budget.run)
    return replace(estimates(budget, [view], level=level, seed=seed, draws=draws)[0], note=note)


def estimates(
    budget: Budget, views: Sequence[View], *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> list[Estimate]:
    """Estimates of one budget in several units, from one set of draws: the views differ in their run term only."""
    wanted = [None if v.run is None else replace(v.run, scale=_in_unit_of(v)) for v in views]
    ends = {run: _Ends(level) for run in wanted}
    values = np.empty(BLOCK)
    for systematic, student, logs in blocks(budget, _dof(wanted), seed, draws):
        for run, end in ends.items():
            end.take(with_run(systematic, student, logs, run, values[: len(systematic)]))
    return [_estimate(budget, view, ends[run]) for view, run in zip(views, wanted, strict=True)]


def _in_unit_of(view: View) -> float:
    """Scale of the view's run term in the budget's own unit; as an exponent it has none."""
    return 0.0 if view.run is None else view.run.scale if view.run.log else view.run.scale / view.factor


def _estimate(budget: Budget, view: View, ends: _Ends) -> Estimate:
    seen = budget.scaled(view.factor, view.run)
    low, high = (view.factor * end for end in ends.mean())
    u_c, nu_eff = combine(seen)
    tolerance = numerical_tolerance(u_c)
    return Estimate(
        value=seen.value,
        low=min(low, seen.value),
        high=max(high, seen.value),
        unit=view.unit,
        level=ends.level,
        u_c=u_c,
        nu_eff=nu_eff if math.isfinite(nu_eff) else None,
        k=coverage_factor(ends.level, nu_eff),
        tolerance=tolerance,
        tolerance_met=2 * view.factor * ends.spread() <= tolerance,
    )


class _Ends:
    """The ends of the coverage interval of each block of draws (JCGM 101, 7.9).

    Past the first block only the draws beyond a fence well inside the ends are put in order, not all.
    """

    def __init__(self, level: float) -> None:
        self.level = level
        self.found: list[tuple[float, float]] = []
        self._fences = (math.inf, -math.inf)

    def take(self, values: Floats) -> None:
        """Take one block; a short one counts only where it is the only one."""
        if len(values) < BLOCK and self.found:
            return
        rank = int((1 - self.level) / 2 * len(values))
        below, above = values[values < self._fences[0]], values[values > self._fences[1]]
        if not self.found or min(len(below), len(above)) <= rank:
            below = above = values
            inner = min(rank + 6 * math.isqrt(rank) + 20, len(values) - 1)
            self._fences = tuple(np.partition(values, [inner, len(values) - 1 - inner])[[inner, -1 - inner]].tolist())
        top = len(above) - 1 - rank
        self.found.append((float(np.partition(below, rank)[rank]), float(np.partition(above, top)[top])))

    def mean(self) -> list[float]:
        """Low and high end."""
        return [float(end) for end in np.mean(self.found, axis=0)]

    def spread(self) -> float:
        """Standard deviation of the mean of the less certain end."""
        blocks = len(self.found)
        return float(np.std(self.found, axis=0, ddof=1).max()) / math.sqrt(blocks) if blocks > 1 else math.inf


def _dof(runs: Sequence[RunTerm | None]) -> float:
    """Degrees of freedom that all run terms share; 0 where nothing scatters."""
    (dof,) = {run.dof for run in runs if run is not None and run.scale} or {0.0}
    return dof
