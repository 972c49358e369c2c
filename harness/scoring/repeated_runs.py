"""Several runs of one entry: the mean, its budget, and what the scatter between runs says."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.uncertainty.budget import (
    BetweenRunScatter,
    Budget,
    MeteredEnergy,
    UncertaintyComponent,
    scatter,
)
from harness.uncertainty.estimate import OutputQuantity
from harness.uncertainty.moderated_variance import prior

RANKED = 5
"""Runs that a result needs to be ranked without a mark (method, section 4)."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """Scatter between runs of other results of the same table, for one that has too few runs to show its own.

    variance: of the logarithm of a run's energy; dof: its degrees of freedom; results: how many it comes from
    """

    variance: float
    dof: float
    results: int


def counted(runs: Sequence[RunEnergy]) -> list[RunEnergy]:
    """Runs that count for the mean: with an energy, not aborted, and not a copy of an earlier one.

    A run that missed its target trained nothing; where all did, all are shown.
    """
    measured = [run for run in distinct(runs) if run.energy_j is not None]
    reached = [run for run in measured if run.run.success is not False]
    return reached or measured


def distinct(runs: Sequence[RunEnergy]) -> list[RunEnergy]:
    """Runs without those that are copies of an earlier one: same window, same readings."""
    windows = Counter(run.run.window for run in runs)
    seen: set[Any] = set()
    kept = []
    for run in runs:
        same = (
            windows[run.run.window] > 1
        )  # else there is nothing to compare, and no need of a hash
        mark = (
            run.run.window,
            tuple(sorted(r.trace.content_sha256 for r in run.readings)) if same else (),
        )
        if not run.readings or mark not in seen:
            kept.append(run)
        seen.add(mark)
    return kept


def pool(budgets: Sequence[Budget]) -> Pooled:
    """The scatter that several results have in common (moderated; harness.uncertainty.moderated_variance)."""
    known = [scatter(budget) for budget in budgets]
    common = prior([variance for variance, _ in known], [n - 1 for _, n in known])
    dof = min(common.dof or common.pooled, common.pooled)
    return Pooled(common.variance, dof, len(budgets))


def mean_budget(
    entry: Entry, runs: Sequence[RunEnergy], pooled: Pooled | None = None
) -> Budget | None:
    """Budget of the mean energy of the runs; systematic parts add within a key.

    What is new in each run (edges, gaps, sampling) is part of the scatter between runs; it counts by itself where no
    scatter is known.
    """
    if not runs:
        return None
    n = len(runs)
    parts = _merge([part.scaled(1 / n) for run in runs for part in run.parts])
    terms = _average([run.terms for run in runs])
    budget = Budget(entry.id, tuple(parts), tuple(terms))
    between = run_term([run.energy_j or 0.0 for run in runs], pooled, budget.value)
    if between is not None and between.scale:
        terms = [term for term in terms if term.key is not None]
    return Budget(entry.id, tuple(parts), tuple(terms), between)


def run_term(
    energies: Sequence[float], pooled: Pooled | None, value: float
) -> BetweenRunScatter | None:
    """Scatter between runs of the mean [J]: the runs' own, or with one or two of them that of other results."""
    n = len(energies)
    if n <= 2 and pooled is not None:
        return BetweenRunScatter(value * math.sqrt(pooled.variance / n), pooled.dof, n=n)
    return (
        BetweenRunScatter(float(np.std(energies, ddof=1)) / math.sqrt(n), n - 1, n=n)
        if n > 1
        else None
    )


def _merge(parts: Sequence[MeteredEnergy]) -> list[MeteredEnergy]:
    """Parts of one key and one set of limits add up; a key with several limits stays in several parts."""
    found: dict[tuple[Any, ...], MeteredEnergy] = {}
    for part in parts:
        mark = (part.key, round(part.gain_mpe, 12), part.efficiency_limit, part.source)
        before = found.get(mark)
        found[mark] = (
            part
            if before is None
            else MeteredEnergy(
                part.key,
                before.energy + part.energy,
                part.gain_mpe,
                before.offset_mpe_j + part.offset_mpe_j,
                part.efficiency_limit,
                part.source,
            )
        )
    return list(found.values())


def _average(runs: Sequence[Sequence[UncertaintyComponent]]) -> list[UncertaintyComponent]:
    """Mean over runs of their terms: keyed terms add linearly, the others in squares."""
    n = len(runs)
    found: dict[tuple[str, str | None, str], UncertaintyComponent] = {}
    for term in (term.scaled(1 / n) for terms in runs for term in terms):
        mark = (term.name, term.key, term.base)
        before = found.get(mark)
        if before is None:
            found[mark] = term
        elif term.key is None:
            found[mark] = UncertaintyComponent.symmetric(
                term.name, math.hypot(before.up, term.up), term.base, None, term.source
            )
        else:
            found[mark] = UncertaintyComponent(
                term.name,
                before.up + term.up,
                before.down + term.down,
                term.base,
                term.key,
                term.source,
            )
    return list(found.values())


def ratio(
    unit: str,
    runs: Sequence[RunEnergy],
    budget: Budget,
    amounts: Sequence[float],
    pooled: Pooled | None = None,
) -> OutputQuantity:
    """Energy per amount of each run: the budget in that unit, with log-t over the ratios.

    J/run is the mean energy itself.
    """
    if unit == "J/run":
        return OutputQuantity(unit, run=budget.run)
    ratios = [(run.energy_j or 0.0) / amount for run, amount in zip(runs, amounts, strict=True)]
    if min(ratios) <= 0:
        return OutputQuantity(
            unit,
            math.fsum(ratios) / len(ratios) / budget.value if budget.value else 1.0,
            budget.run,
        )
    logs = np.log(ratios)
    n, value = len(logs), float(np.exp(logs.mean()))
    run = None
    if n <= 2 and pooled is not None:
        run = BetweenRunScatter(math.sqrt(pooled.variance / n), pooled.dof, log=True, n=n)
    elif n > 1:
        run = BetweenRunScatter(float(logs.std(ddof=1)) / math.sqrt(n), n - 1, log=True, n=n)
    return OutputQuantity(unit, value / budget.value, run)


def mean_power(runs: Sequence[RunEnergy], budget: Budget) -> OutputQuantity:
    """Mean over the runs of their mean power [W], with its own scatter."""
    powers = [(run.energy_j or 0.0) / run.run.window.seconds for run in runs if run.run.window]
    mean = math.fsum(powers) / len(powers)
    run = budget.run
    if run is not None:
        scale = (
            run.scale * mean / budget.value
            if run.n <= 2
            else float(np.std(powers, ddof=1)) / math.sqrt(len(powers))
        )
        run = replace(run, scale=scale)
    return OutputQuantity("W", mean / budget.value if budget.value else 1.0, run)


def work(entry: Entry, runs: Sequence[RunEnergy]) -> tuple[str, list[float]]:
    """Unit of the work, and how much each run did; nothing where a run does not say."""
    works = [run.run.work for run in runs]
    default = "run" if entry.task == "training" else "sample"
    unit = works[0].unit if works and works[0] else default
    known = [
        work.count for work in works if work is not None and work.count > 0 and work.unit == unit
    ]
    return unit, known if len(known) == len(works) else []
