"""Rank sets from joint draws, with one error rate for the whole table.

1. The logarithm of energy per unit of work is compared.
2. Variances between runs are moderated over the table.
3. Errors are drawn jointly, so that what entries share cancels.
4. All pairs are judged at once by a step-down procedure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.scoring.run_scatter import MIN_LENDER_RUNS, MIN_LENDERS
from harness.uncertainty.budget import Budget, run_variance
from harness.uncertainty.components import BetweenRunScatter
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.moderated_variance import moderated_variances
from harness.uncertainty.monte_carlo import SEED, draw
from harness.uncertainty.multiple_comparisons import rank_sets, significant_differences
from harness.uncertainty.random_draws import mixture_draws, student_t

Floats = NDArray[np.float64]
MAX_DRAWS_OF_TABLE = 1_000_000
"""Joint draws of all entries together: a small table has many draws, one of 1,000 entries has
1,000 each."""
MIN_DRAWS, MAX_DRAWS = 1_000, 20_000
ROUNDING = 1e-12
"""A variance below this share of the total is what rounding leaves where two entries share all
errors."""


@dataclass(frozen=True, slots=True)
class Rank:
    """Rank set of one entry in its table.

    Attributes:
        low: 1 + number of entries that are better.
        high: Number of entries - number that are worse.
        p_first: Share of joint draws in which it needs the least energy.
        pareto: Share of joint draws in which no other entry is at least as good in energy,
            performance and quality.
        tied_with: Ids of the budgets from which it does not differ beyond chance, its own left out.
    """

    low: int
    high: int
    p_first: float
    pareto: float
    tied_with: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Contender:
    """What ranking needs of an entry.

    Attributes:
        estimate: Energy per unit of work; lower is better.
        budget: Budget behind it.
        performance: Signed so that higher is better; ``None`` where unknown, which never dominates.
        quality: Likewise.
    """

    estimate: Estimate
    budget: Budget
    performance: float | None = None
    quality: float | None = None


class JointErrors(NamedTuple):
    """Errors of a table, drawn jointly, on the scale of ln(energy per unit).

    Attributes:
        values: ln(energy per unit), shape (k,).
        errors: Draws of the errors, shape (k, draws), centred on 0.
        standard_errors: Standard error of each difference, shape (k, k).
    """

    values: Floats
    errors: Floats
    standard_errors: Floats


def rank(contenders: Sequence[Contender], *, level: float = LEVEL, seed: int = SEED) -> list[Rank]:
    """Return the ranks of the contenders of one table, in the order given.

    The result does not depend on that order.

    Args:
        contenders: Entries of one table.
        level: Probability that the whole table holds no false order.
        seed: Seed of the joint draws.
    """
    if not contenders:
        return []
    order = sorted(range(len(contenders)), key=lambda i: contenders[i].budget.id)
    entries = [contenders[i] for i in order]
    joint = _joint_errors(entries, seed)
    different = significant_differences(*joint, level)
    low, high = rank_sets(joint.values, different)
    drawn_values = joint.errors + joint.values[:, None]
    first = drawn_values == drawn_values.min(axis=0)
    p_first = (first / first.sum(axis=0)).mean(axis=1)
    pareto = _undominated_shares(drawn_values, entries)
    ranks: dict[int, Rank] = {}
    for position, index in enumerate(order):
        ties = np.flatnonzero(~different[position]).tolist()
        ranks[index] = Rank(
            low=int(low[position]),
            high=int(high[position]),
            p_first=float(p_first[position]),
            pareto=pareto[position],
            tied_with=frozenset(entries[i].budget.id for i in ties if i != position),
        )
    return [ranks[i] for i in range(len(contenders))]


def _joint_errors(entries: Sequence[Contender], seed: int) -> JointErrors:
    """Draw the errors of a table.

    In the standard errors, scatter between runs counts with its variance and not with that of its
    draws: with few degrees of freedom those have none.
    """
    draws = min(MAX_DRAWS, max(MIN_DRAWS, MAX_DRAWS_OF_TABLE // len(entries)))
    budgets = [entry.budget for entry in entries]
    # 1. Errors without scatter between runs, and their covariance.
    errors = np.stack([_errors_without_scatter(budget, seed, draws) for budget in budgets])
    covariance = errors @ errors.T / draws
    # 2. Scatter between runs, moderated over the table.
    scatter_variance = np.zeros(len(entries))
    for i, scatter in enumerate(_moderated_scatters(budgets)):
        scatter_variance[i] = scatter.typical_size**2
        if scatter.scale > 0:
            errors[i] += scatter.scale * _scatter_draws(scatter, budgets[i].id, seed, draws)
    # 3. Standard error of each difference.
    total = np.add.outer(np.diag(covariance), np.diag(covariance))
    variance_of_difference = total - 2 * covariance
    variance_of_difference[variance_of_difference <= ROUNDING * total] = 0.0
    variance_of_difference += np.add.outer(scatter_variance, scatter_variance)
    values: Floats = np.log([budget.value for budget in budgets])
    return JointErrors(values, errors, np.sqrt(variance_of_difference))


def _moderated_scatters(budgets: Sequence[Budget]) -> list[BetweenRunScatter]:
    """Return the scatter of each mean of runs, moderated over the table.

    Only scatter that the runs themselves show is moderated: a pair or borrowed scatter has been
    combined with a prior already. Two runs that disagree with their lenders keep what they show.
    """
    own_runs = [_own_runs(budget) for budget in budgets]
    if sum(n >= MIN_LENDER_RUNS for n in own_runs) >= MIN_LENDERS:
        own_runs = [n if n >= MIN_LENDER_RUNS else 0 for n in own_runs]
    lenders = [run_variance(budget) for budget, n in zip(budgets, own_runs, strict=True) if n]
    shrunk = iter(
        moderated_variances([variance for variance, _ in lenders], [n - 1 for _, n in lenders])
    )
    moderated = []
    for budget, n in zip(budgets, own_runs, strict=True):
        scatter = budget.logarithmic().run_scatter
        if scatter is None:
            scatter = BetweenRunScatter(0.0, math.inf, log=True)
        elif n:
            variance, dof = next(shrunk)
            scale = math.sqrt(variance / run_variance(budget)[1])
            scatter = replace(scatter, scale=scale, dof=dof)
        moderated.append(scatter)
    return moderated


def _own_runs(budget: Budget) -> int:
    """Return the number of runs that show the scatter of a mean; 0 where others show it."""
    scatter = budget.run_scatter
    if scatter is None or scatter.source != "own runs":
        return 0
    return run_variance(budget)[1]


def _scatter_draws(scatter: BetweenRunScatter, entry_id: str, seed: int, draws: int) -> Floats:
    if scatter.mixture is None:
        return student_t(seed, entry_id, scatter.dof, draws)
    return mixture_draws(seed, entry_id, scatter.mixture, draws).astype(np.float64)


def _errors_without_scatter(budget: Budget, seed: int, draws: int) -> Floats:
    """Return errors of ln(energy) without scatter between runs, centred on 0."""
    values = draw(replace(budget, run_scatter=None), seed=seed, draws=draws)
    logs = np.log(np.maximum(values, 1e-12 * budget.value))
    centred: Floats = logs - logs.mean()
    return centred


def _undominated_shares(drawn_values: Floats, entries: Sequence[Contender]) -> list[float]:
    """Return for each entry the share of draws in which nobody at least as good needs less energy.

    Args:
        drawn_values: Draws of ln(energy per unit), shape (k, draws).
        entries: The entries.
    """
    goods = [_column([entry.performance for entry in entries])]
    goods.append(_column([entry.quality for entry in entries]))
    lowest, highest = drawn_values.min(axis=1), drawn_values.max(axis=1)
    shares = []
    for i, values in enumerate(drawn_values):
        # 1. Those that reach its performance and quality; what is unknown reaches nothing.
        is_rival = np.ones(len(entries), bool)
        is_rival[i] = False
        for good in goods:
            if not np.isnan(good[i]):
                is_rival &= good >= good[i]
        # 2. One that needs less in every draw settles it; those that never do are left out.
        if (highest[is_rival] < lowest[i]).any():
            shares.append(0.0)
            continue
        is_rival &= lowest < highest[i]
        best = drawn_values[is_rival].min(axis=0, initial=np.inf)
        shares.append(float((best >= values).mean()))
    return shares


def _column(values: Sequence[float | None]) -> Floats:
    """Return values with NaN for those that are unknown."""
    return np.array([np.nan if value is None else value for value in values], np.float64)
