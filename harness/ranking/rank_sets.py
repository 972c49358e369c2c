"""Who is better, who is tied: rank sets from joint draws, with one error rate for the whole table.

Method, section 6: the logarithm of energy per unit; run variances moderated over the table; errors drawn together, so
that what entries share cancels; max-|T| step-down over all pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.uncertainty.budget import Budget, scatter
from harness.uncertainty.estimate import LEVEL, Estimate
from harness.uncertainty.moderated_variance import moderate, prior
from harness.uncertainty.monte_carlo import SEED, draw, student
from harness.uncertainty.multiple_comparisons import differ, rank_sets

Floats = NDArray[np.float64]
MEMORY = 1_000_000
"""Joint draws of all entries together: a small table has many draws, one of 1,000 entries has 1,000 each."""
FEWEST, MOST = 1_000, 20_000


@dataclass(frozen=True, slots=True)
class Rank:
    """Place of one entry in its table.

    low, high: its rank set, [1 + number that are better, entries - number that are worse]
    p_first: share of joint draws in which it needs the least energy
    pareto: share of joint draws in which no other entry is at least as good in all of energy, performance, quality
    """

    low: int
    high: int
    p_first: float
    pareto: float


@dataclass(frozen=True, slots=True)
class Contender:
    """What ranking needs of an entry: its estimate and budget (lower is better), and goodness (higher is better).

    performance, quality: signed so that higher is better; None where unknown, which never dominates
    """

    estimate: Estimate
    budget: Budget
    performance: float | None = None
    quality: float | None = None


def rank(contenders: Sequence[Contender], *, level: float = LEVEL, seed: int = SEED) -> list[Rank]:
    """Ranks of the contenders of one table, in the order given; the result does not depend on that order.

    level: probability that the whole table holds no false order
    """
    if not contenders:
        return []
    order = sorted(range(len(contenders)), key=lambda i: contenders[i].budget.id)
    entries = [contenders[i] for i in order]
    value, error, scale = _errors(entries, seed)
    low, high = rank_sets(value, differ(value, error, scale, level))
    error += value[:, None]
    first = error == error.min(axis=0)
    p_first = (first / first.sum(axis=0)).mean(axis=1)
    ranks = [
        Rank(int(low[i]), int(high[i]), float(p_first[i]), _undominated(error, entries, i))
        for i in range(len(entries))
    ]
    place = {index: position for position, index in enumerate(order)}
    return [ranks[place[i]] for i in range(len(contenders))]


def pairs(
    entries: Sequence[Contender], *, level: float = LEVEL, seed: int = SEED
) -> NDArray[np.bool_]:
    """Which contenders differ, shape (k, k), symmetric: what `rank` makes its rank sets from."""
    return differ(*_errors(entries, seed), level)


def _errors(entries: Sequence[Contender], seed: int) -> tuple[Floats, Floats, Floats]:
    """ln(energy), joint draws of its errors, shape (k, draws), and the standard error of each difference.

    Scatter between runs counts there with its variance, not with that of its draws: with few degrees of freedom
    those have none.
    """
    draws = min(MOST, max(FEWEST, MEMORY // len(entries)))
    runs = [scatter(entry.budget) for entry in entries]
    own_runs = [
        (v, n - 1) for (v, n), entry in zip(runs, entries, strict=True) if not entry.budget.borrows
    ]
    common = prior([variance for variance, _ in own_runs], [dof for _, dof in own_runs])
    error = np.stack([_still(entry.budget, seed, draws) for entry in entries])
    shared = error @ error.T / draws
    own = np.zeros(len(entries))
    for i, (variance, n) in enumerate(runs):
        budget = entries[i].budget
        moderated, dof = (
            (variance, budget.run.dof)
            if budget.run and budget.borrows
            else moderate(variance, n - 1, common)
        )
        own[i] = moderated / n
        if own[i] > 0:
            error[i] += math.sqrt(own[i]) * student(budget.id, dof, seed, draws)
    total = np.add.outer(np.diag(shared), np.diag(shared))
    apart = np.where(
        total - 2 * shared > 1e-12 * total, total - 2 * shared, 0.0
    )  # what both share leaves rounding
    value: Floats = np.log([entry.budget.value for entry in entries])
    return value, error, np.sqrt(apart + np.add.outer(own, own))


def _still(budget: Budget, seed: int, draws: int) -> Floats:
    """Errors of ln(energy) without scatter between runs, centred on 0."""
    values = draw(replace(budget, run=None), seed=seed, draws=draws)
    logs = np.log(np.maximum(values, 1e-12 * budget.value))
    centred: Floats = logs - logs.mean()
    return centred


def _undominated(joint: Floats, entries: Sequence[Contender], i: int) -> float:
    """Share of draws in which nobody that is as good in performance and quality needs less energy."""
    rivals = [j for j, other in enumerate(entries) if j != i and _as_good(other, entries[i])]
    if not rivals:
        return 1.0
    return float((joint[rivals].min(axis=0) >= joint[i]).mean())


def _as_good(one: Contender, other: Contender) -> bool:
    pairs = ((one.performance, other.performance), (one.quality, other.quality))
    return all(b is None or (a is not None and a >= b) for a, b in pairs)
