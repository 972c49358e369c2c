"""What is known of an entry before anything is drawn.

These are the runs that count, the budget of their mean, and the quantities derived from it.
Entries with one or two runs borrow the scatter of the others of their table, so it must be known
of all entries before the first one is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.energy.run import RunEnergy
from harness.formats.base import Entry
from harness.scoring.repeated_runs import (
    WorkAmounts,
    energy_per_amount,
    mean_budget,
    mean_power,
    valid_runs,
    work_amounts,
)
from harness.scoring.result import TableKey, measurement_class, table_key
from harness.scoring.run_scatter import (
    MIN_LENDER_RUNS,
    PooledScatter,
    ScatterEvidence,
    pair_difference,
    pooled_scatter,
)
from harness.scoring.training_steps import (
    StepCounts,
    energy_at_reference,
    energy_per_step,
    step_counts,
)
from harness.uncertainty.budget import Budget, run_variance
from harness.uncertainty.estimate import OutputQuantity


@dataclass(frozen=True, slots=True)
class EntryBudget:
    """An entry before it is drawn.

    Attributes:
        entry: The evidence.
        runs: Energy of all its runs.
        counted: Runs that count for the mean.
        amounts: How much work each of them did.
        counts: What the logs of a training result count; ``None`` where they do not agree.
        evidence: What shows the scatter between runs besides the runs.
        budget: Budget of their mean energy; ``None`` without a run that counts.
        outputs: Quantities that one Monte Carlo of the budget estimates, by name.
    """

    entry: Entry
    runs: tuple[RunEnergy, ...]
    counted: tuple[RunEnergy, ...]
    amounts: WorkAmounts
    counts: StepCounts | None
    evidence: ScatterEvidence
    budget: Budget | None
    outputs: Mapping[str, OutputQuantity]

    @property
    def per_unit_budget(self) -> Budget | None:
        """Budget of the energy per unit of work; ``None`` where the work is not known."""
        per_unit = self.outputs.get("per_unit")
        if self.budget is None or per_unit is None:
            return None
        return self.budget.scaled(per_unit.factor, per_unit.run_scatter)

    @property
    def table(self) -> TableKey:
        """What another entry must share to lend its scatter."""
        unit = self.amounts.energy_unit
        return table_key(self.entry, unit, measurement_class(self.entry))

    @property
    def may_borrow(self) -> bool:
        """Whether its own runs do not show its scatter: one run without a pair, or two."""
        one_alone = len(self.counted) == 1 and self.evidence.pair_difference is None
        return one_alone or len(self.counted) == 2


class Lender(NamedTuple):
    """What an entry shows of the scatter between runs of its table.

    Attributes:
        table: The table.
        variance: Variance of ln(energy of a run).
        runs: Number of its runs.
    """

    table: TableKey
    variance: float
    runs: int


def entry_budget(entry: Entry, runs: tuple[RunEnergy, ...]) -> EntryBudget:
    """Return what is known of an entry before it is drawn.

    Args:
        entry: The evidence.
        runs: Energy of each of its runs.
    """
    counted = tuple(valid_runs(runs))
    amounts = work_amounts(entry, counted)
    counts = step_counts(entry, counted)
    evidence = ScatterEvidence(pair_difference=_pair_difference(entry, counted))
    budget = mean_budget(entry, counted, evidence)
    outputs = _output_quantities(entry, counted, budget, amounts, counts, evidence)
    return EntryBudget(entry, runs, counted, amounts, counts, evidence, budget, outputs)


def with_borrowed_scatter(items: Sequence[EntryBudget]) -> list[EntryBudget]:
    """Let entries with too few runs borrow the scatter of the others of their table."""
    scatters = scatter_by_table(lender for item in items if (lender := lender_of(item)))
    return [borrowing(item, scatters.get(item.table)) for item in items]


def borrowing(item: EntryBudget, borrowed: PooledScatter | None) -> EntryBudget:
    """Return an entry with the scatter of its table, if it needs it and the table lends any."""
    if borrowed is None or not item.may_borrow:
        return item
    evidence = replace(item.evidence, borrowed=borrowed)
    budget = mean_budget(item.entry, item.counted, evidence)
    outputs = _output_quantities(
        item.entry, item.counted, budget, item.amounts, item.counts, evidence
    )
    return replace(item, evidence=evidence, budget=budget, outputs=outputs)


def lender_of(item: EntryBudget) -> Lender | None:
    """Return what an entry lends to the others of its table; ``None`` from too few runs."""
    if len(item.counted) < MIN_LENDER_RUNS:
        return None
    budget = item.per_unit_budget
    return None if budget is None else Lender(item.table, *run_variance(budget))


def scatter_by_table(lenders: Iterable[Lender]) -> dict[TableKey, PooledScatter]:
    """Return the scatter that each table lends; a table with too few lenders is left out."""
    variances: dict[TableKey, list[tuple[float, int]]] = {}
    for lender in lenders:
        variances.setdefault(lender.table, []).append((lender.variance, lender.runs))
    scatters = {table: pooled_scatter(items) for table, items in variances.items()}
    return {table: scatter for table, scatter in scatters.items() if scatter is not None}


def _pair_difference(entry: Entry, runs: Sequence[RunEnergy]) -> float | None:
    """Return how far the ranging run of a single timed run of inference differs from it."""
    if entry.task != "inference" or len(runs) != 1:
        return None
    return pair_difference(entry, runs[0])


def _output_quantities(
    entry: Entry,
    runs: Sequence[RunEnergy],
    budget: Budget | None,
    amounts: WorkAmounts,
    counts: StepCounts | None,
    evidence: ScatterEvidence,
) -> dict[str, OutputQuantity]:
    """Return the quantities that one Monte Carlo of the budget estimates, by name."""
    if budget is None:
        return {}
    outputs: dict[str, OutputQuantity | None] = {
        "energy": OutputQuantity("J", run_scatter=budget.run_scatter),
        "mean_power": mean_power(runs, budget),
    }
    if amounts.counts:
        per_unit = energy_per_amount(amounts.energy_unit, runs, budget, amounts.counts, evidence)
        outputs["per_unit"] = per_unit
    if counts is not None:
        per_step = energy_per_step(runs, budget, counts)
        outputs["per_step"] = per_step
        outputs["at_reference"] = energy_at_reference(entry, counts, per_step)
    return {name: output for name, output in outputs.items() if output is not None}
