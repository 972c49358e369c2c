"""How much single runs may scatter before their order is no longer resolved."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.ranking.rank_sets import Contender
from harness.uncertainty.budget import Budget, run_variance
from harness.uncertainty.closed_form import coverage_factor
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.monte_carlo import SEED, draw
from harness.uncertainty.random_draws import Floats

PAIR_DRAWS = 10_000


def break_even_cvs(
    entries: Sequence[Contender], *, level: float = LEVEL, seed: int = SEED
) -> list[float | None]:
    """Return for each entry the break-even to the nearer of its neighbours in the order of energy.

    Args:
        entries: Entries of one table.
        level: Level at which two neighbours are told apart.
        seed: Seed of the draws.

    Returns:
        Coefficient of variation of one run, in the order given; 0 where the meters alone leave the
        order open, ``None`` where there is no neighbour.
    """
    order = sorted(range(len(entries)), key=lambda i: entries[i].budget.value)
    limits: list[float | None] = [None] * len(entries)
    logs = (_fixed_logs(entries[i].budget, seed) for i in order)  # each drawn once, two kept
    for (i, j), (logs_i, logs_j) in zip(
        itertools.pairwise(order), itertools.pairwise(logs), strict=True
    ):
        fixed = float((logs_i - logs_j).std())
        limit = _break_even_cv(entries[i].budget, entries[j].budget, fixed, level)
        for neighbour in (i, j):
            before = limits[neighbour]
            limits[neighbour] = limit if before is None else min(before, limit)
    return limits


def break_even_cv(a: Budget, b: Budget, level: float = LEVEL, seed: int = SEED) -> float:
    """Return the scatter of single runs at which two results are no longer told apart.

    Args:
        a: Budget of the first result, per unit of work.
        b: Budget of the second.
        level: Level at which they are told apart.
        seed: Seed of the draws.
    """
    return _break_even_cv(a, b, fixed_error(a, b, seed), level)


def fixed_error(a: Budget, b: Budget, seed: int = SEED) -> float:
    """Return the standard uncertainty of ln(A/B) that no further run reduces."""
    return float((_fixed_logs(a, seed) - _fixed_logs(b, seed)).std())


def _break_even_cv(a: Budget, b: Budget, fixed: float, level: float) -> float:
    """Return the break-even of two results whose `fixed_error` is known.

    Their difference is resolved while k sqrt(u^2 + c^2 (1/n_a + 1/n_b)) is below it, with u from
    the meters and the windows, and c the coefficient of variation of a run.
    """
    difference = abs(math.log(a.value / b.value))
    k = coverage_factor(level, math.inf)
    left_for_runs = (difference / k) ** 2 - fixed**2
    if left_for_runs <= 0:
        return 0.0
    runs = sum(1 / run_variance(budget)[1] for budget in (a, b))
    return math.sqrt(left_for_runs / runs)


def _fixed_logs(budget: Budget, seed: int) -> Floats:
    """Draw ln(energy) without scatter between runs, shape (PAIR_DRAWS,)."""
    energies = draw(replace(budget, run_scatter=None), seed=seed, draws=PAIR_DRAWS)
    return np.log(np.maximum(energies, 1e-300))
