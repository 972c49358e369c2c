"""Two results against each other: errors that both share cancel, the remaining ones decide.

The logarithm of the ratio of both energies per unit of work is drawn jointly; the results are tied
where 0 lies in its interval.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.core.errors import UsageError
from harness.scoring.result import Result
from harness.uncertainty.budget import Budget, coverage_factor, run_variance
from harness.uncertainty.coverage_interval import LEVEL, interval
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import DRAWS, SEED, draw

ComparisonVerdict = Literal["better", "worse", "tied"]
MAX_RUNS_EXPONENT = 19
"""More runs than two to this power are not counted out."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A against B, per unit of work; lower energy is better.

    Attributes:
        a: First result.
        b: Second result.
        log_ratio: ln(A/B).
        ratio: A/B.
        difference: A - B, in the unit of both.
        p_a_better: Share of joint draws in which A needs less energy.
        verdict: Whether A is better or worse, or both are tied.
        cancelled: Correlation keys of the errors that both share: meters, clocks.
        more_runs: Further runs of each that would resolve a tie of this size; ``None`` where there
            is no tie, or where no number of runs would resolve it.
        resolving: Says which.
    """

    a: Result
    b: Result
    log_ratio: Estimate
    ratio: Estimate
    difference: Estimate
    p_a_better: float
    verdict: ComparisonVerdict
    cancelled: tuple[str, ...]
    more_runs: int | None
    resolving: str


def compare(
    a: Result, b: Result, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> Comparison:
    """Compare the energy per unit of work of two results.

    Args:
        a: First result.
        b: Second result.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.

    Raises:
        UsageError: The results have no common unit, or one has no energy.
    """
    budget_a, budget_b = _log_budget(a), _log_budget(b)
    unit = a.energy_per_unit.unit
    if unit != b.energy_per_unit.unit:
        raise UsageError(
            "these results count different work",
            got=f"{unit} and {b.energy_per_unit.unit}",
            expected="one unit",
            fix="Compare results of one benchmark and scenario.",
        )
    draws_a = draw(budget_a, seed=seed, draws=draws)
    draws_b = draw(budget_b, seed=seed, draws=draws)
    smallest = min(draws_a.min(), draws_b.min())
    largest = max(draws_a.max(), draws_b.max())
    if smallest <= 0 or not math.isfinite(largest):
        raise UsageError(
            "an energy is not positive and finite within its uncertainty",
            fix="Look at the budget with score.",
        )
    log_ratios = np.log(draws_a) - np.log(draws_b)
    value = math.log(budget_a.value / budget_b.value)
    low, high = interval(log_ratios, level)
    verdict = _verdict(low, high)
    more_runs, resolving = _runs_to_resolve(
        budget_a, budget_b, value, verdict, level=level, seed=seed, draws=draws
    )
    return Comparison(
        a=a,
        b=b,
        log_ratio=Estimate(value, low, high, "ln", level),
        ratio=Estimate(math.exp(value), math.exp(low), math.exp(high), "A/B", level),
        difference=Estimate(
            budget_a.value - budget_b.value, *interval(draws_a - draws_b, level), unit, level
        ),
        p_a_better=float((log_ratios < 0).mean() + 0.5 * (log_ratios == 0).mean()),
        verdict=verdict,
        cancelled=tuple(sorted(correlation_keys(budget_a) & correlation_keys(budget_b))),
        more_runs=more_runs,
        resolving=resolving,
    )


def _verdict(low: float, high: float) -> ComparisonVerdict:
    if high < 0:
        return "better"
    return "worse" if low > 0 else "tied"


def _log_budget(result: Result) -> Budget:
    """Return the budget per unit of work with its scatter as a factor."""
    budget = result.per_unit_budget
    if budget is None or budget.value <= 0:
        raise UsageError(
            "has no energy to compare",
            where=result.entry.id,
            got=result.energy_per_unit.note or "none",
        )
    return budget.logarithmic()


def correlation_keys(budget: Budget) -> set[str]:
    """Return the keys whose draws another budget may share."""
    meters = {item.correlation_key for item in budget.metered if item.gain_mpe or item.offset_mpe_j}
    components = {
        item.correlation_key for item in budget.components if item.correlation_key is not None
    }
    return meters | components


def _runs_to_resolve(
    budget_a: Budget,
    budget_b: Budget,
    value: float,
    verdict: ComparisonVerdict,
    *,
    level: float,
    seed: int,
    draws: int,
) -> tuple[int | None, str]:
    """Return how many more runs of each would resolve the difference, and the same in words."""
    if verdict != "tied":
        return None, "resolved"
    if budget_a.run_scatter is None or budget_b.run_scatter is None:
        return None, "repeat the runs: from single runs, scatter is unknown"
    # 1. What more runs cannot reduce: the difference without scatter between runs.
    fixed_draws = np.log(draw(replace(budget_a, run_scatter=None), seed=seed, draws=draws))
    fixed_draws -= np.log(draw(replace(budget_b, run_scatter=None), seed=seed, draws=draws))
    k, fixed = coverage_factor(level, math.inf), float(fixed_draws.std())
    if abs(value) <= k * fixed:
        return (
            None,
            "no number of runs: the difference is within the meters' errors; "
            "use one meter for both",
        )
    # 2. What they can.
    scatters = [run_variance(budget_a), run_variance(budget_b)]
    for power in range(MAX_RUNS_EXPONENT + 1):
        more = 2**power
        if _half_width(k, fixed, scatters, more) < abs(value):
            fewest = next(
                candidate
                for candidate in range(more // 2 + 1, more + 1)
                if _half_width(k, fixed, scatters, candidate) < abs(value)
            )
            return fewest, f"{fewest} more runs of each, if the difference is what it seems"
    return None, "more than half a million runs"


def _half_width(k: float, fixed: float, scatters: Sequence[tuple[float, int]], more: int) -> float:
    """Return the half-width of the interval of ln(A/B) after `more` runs of each."""
    between_runs = sum(variance / (n + more) for variance, n in scatters)
    return k * math.sqrt(fixed**2 + between_runs)
