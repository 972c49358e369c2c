"""Two results against each other: what both share cancels, what is left decides.

Method, section 6: D = ln E_A - ln E_B over joint draws; a tie where 0 lies in the interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.core.errors import UsageError
from harness.scoring.score import Result
from harness.uncertainty.budget import Budget, coverage_factor, scatter
from harness.uncertainty.estimate import LEVEL, Estimate, interval
from harness.uncertainty.monte_carlo import DRAWS, SEED, draw

Verdict = Literal["better", "worse", "tied"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A against B, per unit of work; lower energy is better.

    log_ratio: ln(A/B); ratio: A/B; difference: A - B in the unit of both
    p_a_better: share of joint draws in which A needs less
    cancelled: keys of what both share: meters, clocks
    more_runs: further runs of each that would resolve a tie of this size; None where there is no tie or no number of
    runs would, and `resolving` says which
    """

    a: Result
    b: Result
    log_ratio: Estimate
    ratio: Estimate
    difference: Estimate
    p_a_better: float
    verdict: Verdict
    cancelled: tuple[str, ...]
    more_runs: int | None
    resolving: str


def compare(
    a: Result, b: Result, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> Comparison:
    """Compare the energy per unit of two results. Raises UsageError where they have no common unit or no energy."""
    one, other = _budget(a).logarithmic(), _budget(b).logarithmic()
    unit = a.energy_per_unit.unit
    if unit != b.energy_per_unit.unit:
        raise UsageError(
            "these results count different work",
            got=f"{unit} and {b.energy_per_unit.unit}",
            expected="one unit",
            fix="Compare results of one benchmark and scenario.",
        )
    drawn_a, drawn_b = (draw(budget, seed=seed, draws=draws) for budget in (one, other))
    if min(drawn_a.min(), drawn_b.min()) <= 0 or not math.isfinite(
        max(drawn_a.max(), drawn_b.max())
    ):
        raise UsageError(
            "an energy is not positive and finite within its uncertainty",
            fix="Look at the budget with score.",
        )
    logs = np.log(drawn_a) - np.log(drawn_b)
    value = math.log(one.value / other.value)
    low, high = interval(logs, level)
    verdict: Verdict = "better" if high < 0 else "worse" if low > 0 else "tied"
    more, why = _resolving(one, other, value, verdict, level, seed, draws)
    return Comparison(
        a=a,
        b=b,
        log_ratio=Estimate(value, low, high, "ln", level),
        ratio=Estimate(math.exp(value), math.exp(low), math.exp(high), "A/B", level),
        difference=Estimate(
            one.value - other.value, *interval(drawn_a - drawn_b, level), unit, level
        ),
        p_a_better=float((logs < 0).mean() + 0.5 * (logs == 0).mean()),
        verdict=verdict,
        cancelled=tuple(sorted(keys(one) & keys(other))),
        more_runs=more,
        resolving=why,
    )


def _budget(result: Result) -> Budget:
    budget = result.per_unit_budget
    if budget is None or budget.value <= 0:
        raise UsageError(
            "has no energy to compare",
            where=result.entry.id,
            got=result.energy_per_unit.note or "none",
        )
    return budget


def keys(budget: Budget) -> set[str]:
    """Keys whose draws another budget may share."""
    return {part.key for part in budget.parts if part.gain_mpe or part.offset_mpe_j} | {
        term.key for term in budget.terms if term.key is not None
    }


def _resolving(
    one: Budget, other: Budget, value: float, verdict: Verdict, level: float, seed: int, draws: int
) -> tuple[int | None, str]:
    """How many more runs of each would put the difference beyond its interval."""
    if verdict != "tied":
        return None, "resolved"
    if one.run is None or other.run is None:
        return None, "repeat the runs: from single runs, scatter is unknown"
    still = np.log(draw(replace(one, run=None), seed=seed, draws=draws))
    still -= np.log(draw(replace(other, run=None), seed=seed, draws=draws))
    k, fixed = coverage_factor(level, math.inf), float(still.std())
    if abs(value) <= k * fixed:
        return (
            None,
            "no number of runs: the difference is within the meters' errors; use one meter for both",
        )
    spread, counts = zip(*(scatter(budget) for budget in (one, other)), strict=True)

    def resolved(more: int) -> bool:
        return _half_width(k, fixed, spread, counts, more) < abs(value)

    for more in (2**i for i in range(20)):
        if resolved(more):
            fewest = next(m for m in range(more // 2 + 1, more + 1) if resolved(m))
            return fewest, f"{fewest} more runs of each, if the difference is what it seems"
    return None, "more than half a million runs"


def _half_width(
    k: float, fixed: float, spread: Sequence[float], counts: Sequence[int], more: int
) -> float:
    return k * math.sqrt(
        fixed**2 + sum(s / (n + more) for s, n in zip(spread, counts, strict=True))
    )
