"""From an entry to its result.

1. Energy of each run, and which runs count (`harness.energy.run`, `repeated_runs`).
2. The budget of their mean.
3. The quantities derived from it: energy, power, energy per unit of work, per correct answer, per
   step.
4. One Monte Carlo for all of them.
5. What stands beside the numbers: performance, quality, MLPerf's metrics, notes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from harness.energy.evaluation import Evaluation, evaluate
from harness.energy.run import RunEnergy
from harness.formats.base import Entry, Quality, Quantity
from harness.formats.mlperf.loadgen_log import samples_per_query
from harness.formats.reference.benchmarks import benchmarks
from harness.scoring.correct_answers import energy_per_correct
from harness.scoring.mlperf_metrics import kept_runs, mlperf_metrics, olympic_mean
from harness.scoring.notes import result_notes
from harness.scoring.repeated_runs import (
    WorkAmounts,
    energy_per_amount,
    mean_budget,
    mean_power,
    valid_runs,
    work_amounts,
)
from harness.scoring.result import Result, TableKey
from harness.scoring.run_scatter import (
    MIN_LENDER_RUNS,
    PooledScatter,
    ScatterEvidence,
    pair_difference,
    pooled_scatter,
    summary,
)
from harness.scoring.training_steps import (
    StepCounts,
    Training,
    decompose_training,
    energy_at_reference,
    energy_per_step,
    step_counts,
)
from harness.traces.instruments import instruments
from harness.uncertainty.budget import Budget, budget_rows
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.estimate import Estimate, OutputQuantity, estimate_all
from harness.uncertainty.monte_carlo import DRAWS, SEED

NO_BUDGET = Budget("", ())
"""Stands for the budget of an entry without energy."""


def score_all(
    entries: Iterable[Entry],
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
    evaluations: Iterable[Evaluation] | None = None,
) -> list[Result]:
    """Return the results of entries scored together.

    Those with one or two runs borrow the scatter of the others of their table.

    Args:
        entries: The evidence.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.
        evaluations: Energies of each entry, where they are known already.
    """
    entries = tuple(entries)
    evaluated = tuple(map(evaluate, entries) if evaluations is None else evaluations)
    results = [
        score(entry, level=level, seed=seed, draws=draws, evaluation=evaluation)
        for entry, evaluation in zip(entries, evaluated, strict=True)
    ]
    scatters = _scatter_by_table(results)
    for i, (entry, evaluation) in enumerate(zip(entries, evaluated, strict=True)):
        borrowed = scatters.get(results[i].table)
        if borrowed is not None and results[i].may_borrow:
            results[i] = score(
                entry, level=level, seed=seed, draws=draws, borrowed=borrowed, evaluation=evaluation
            )
    return results


def _scatter_by_table(results: Iterable[Result]) -> dict[TableKey, PooledScatter]:
    lenders: dict[TableKey, list[Budget]] = {}
    for result in results:
        if result.per_unit_budget is not None and result.distinct_runs >= MIN_LENDER_RUNS:
            lenders.setdefault(result.table, []).append(result.per_unit_budget)
    scatters = {table: pooled_scatter(budgets) for table, budgets in lenders.items()}
    return {table: scatter for table, scatter in scatters.items() if scatter is not None}


def score(
    entry: Entry,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
    borrowed: PooledScatter | None = None,
    evaluation: Evaluation | None = None,
) -> Result:
    """Return the result of an entry.

    Args:
        entry: The evidence.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.
        borrowed: Scatter between runs of comparable results, for an entry with one or two runs.
        evaluation: Energies of the entry, where they are known already.
    """
    runs = (evaluation or evaluate(entry)).all_runs()
    counted = valid_runs(runs)
    evidence = ScatterEvidence(borrowed, _pair_difference(entry, counted))
    budget = mean_budget(entry, counted, evidence)
    amounts = work_amounts(entry, counted)
    quality = _worst_quality(entry)
    counts = step_counts(entry, counted)

    outputs: dict[str, OutputQuantity] = {}
    estimates: dict[str, Estimate] = {}
    per_correct: Estimate | None = None
    if budget is not None:
        outputs = _output_quantities(entry, counted, budget, amounts, counts, evidence)
        drawn = estimate_all(budget, outputs, level=level, seed=seed, draws=draws)
        estimates = {name: _not_negative(item) for name, item in drawn.items()}
        per_correct = energy_per_correct(
            entry,
            counted,
            budget,
            quality,
            _samples(entry, amounts),
            evidence,
            level=level,
            seed=seed,
            draws=draws,
        )
    per_unit_budget = _per_unit_budget(budget, outputs.get("per_unit"))
    scattering = per_unit_budget or budget or NO_BUDGET
    scatter = scattering.run_scatter
    notes = result_notes(entry, runs, counted, scatter)
    missing = _missing_estimates(budget, amounts, notes, level)

    return Result(
        entry=entry,
        measurement_class=measurement_class(entry),
        measurand="long-run mean" if len(counted) > 1 else "realised",
        n_runs=len(runs),
        distinct_runs=len(counted),
        runs=runs,
        energy=estimates.get("energy", missing["energy"]),
        mean_power=estimates.get("mean_power", missing["mean_power"]),
        energy_per_unit=estimates.get("per_unit", missing["per_unit"]),
        units_per_joule=_units_per_joule(counted),
        performance=_performance(entry),
        quality=quality,
        coverage=min((run.coverage for run in runs), default=0.0),
        estimated_share=_estimated_share(counted),
        compat=mlperf_metrics(entry, runs, level),
        notes=tuple(notes),
        budget=budget,
        per_unit_budget=per_unit_budget,
        rows=tuple(budget_rows(budget)) if budget else (),
        per_correct=per_correct,
        scatter=summary(scatter, len(counted), scattering.value),
        training=_training(entry, counted, counts, estimates),
    )


def _pair_difference(entry: Entry, runs: Sequence[RunEnergy]) -> float | None:
    """Return how far the ranging run of a single timed run of inference differs from it."""
    if entry.task != "inference" or len(runs) != 1:
        return None
    return pair_difference(entry, runs[0])


def _output_quantities(
    entry: Entry,
    runs: Sequence[RunEnergy],
    budget: Budget,
    amounts: WorkAmounts,
    counts: StepCounts | None,
    evidence: ScatterEvidence,
) -> dict[str, OutputQuantity]:
    """Return the quantities that one Monte Carlo of the budget estimates, by name."""
    outputs: dict[str, OutputQuantity | None] = {
        "energy": OutputQuantity("J", run_scatter=budget.run_scatter),
        "mean_power": mean_power(runs, budget),
    }
    if amounts.counts:
        unit = f"J/{amounts.unit}"
        per_unit = energy_per_amount(unit, runs, budget, amounts.counts, evidence)
        outputs["per_unit"] = per_unit
    if counts is not None:
        per_step = energy_per_step(runs, budget, counts)
        outputs["per_step"] = per_step
        outputs["at_reference"] = energy_at_reference(entry, counts, per_step)
    return {name: output for name, output in outputs.items() if output is not None}


def _missing_estimates(
    budget: Budget | None, amounts: WorkAmounts, notes: Sequence[str], level: float
) -> dict[str, Estimate]:
    """Return what stands in place of an estimate that cannot be had, with the reason."""
    no_energy = notes[0] if notes else "no energy"
    no_amount = no_energy if budget is None else "the log does not say how much was done"
    return {
        "energy": Estimate(None, None, None, "J", level, no_energy),
        "mean_power": Estimate(None, None, None, "W", level, no_energy),
        "per_unit": Estimate(None, None, None, f"J/{amounts.unit}", level, no_amount),
    }


def _per_unit_budget(budget: Budget | None, per_unit: OutputQuantity | None) -> Budget | None:
    if budget is None or per_unit is None:
        return None
    return budget.scaled(per_unit.factor, per_unit.run_scatter)


def _not_negative(estimate: Estimate) -> Estimate:
    """Cut an interval at zero: with two runs the tails of t go below, and no energy does."""
    positive = estimate.value is not None and estimate.value > 0
    below = estimate.low is not None and estimate.low < 0
    return replace(estimate, low=0.0) if positive and below else estimate


def _samples(entry: Entry, amounts: WorkAmounts) -> list[float]:
    """Return the samples that each run answered; empty where its work counts no samples."""
    if amounts.unit not in ("query", "sample"):
        return []
    per_unit = _samples_per_unit(entry, amounts.unit)
    return [count * per_unit for count in amounts.counts]


def _samples_per_unit(entry: Entry, unit: str) -> float:
    """Return the samples in a unit of work, as LoadGen's log has it; 1 where there is none."""
    if unit != "query":
        return 1.0
    logs = (run.evidence.loadgen for run in entry.runs)
    values = next((log for log in logs if log), None)
    return samples_per_query(dict(values), entry.scenario) if values else 1.0


def _training(
    entry: Entry,
    runs: Sequence[RunEnergy],
    counts: StepCounts | None,
    estimates: Mapping[str, Estimate],
) -> Training | None:
    if counts is None or "per_step" not in estimates:
        return None
    per_step, at_reference = estimates["per_step"], estimates.get("at_reference")
    return decompose_training(entry, runs, counts, per_step, at_reference)


def measurement_class(entry: Entry) -> str:
    """Return analyzer, sensor, modelled or declared; classes are never ranked together."""
    channels = [trace.channel for run in entry.runs for trace in run.outer]
    if not channels:
        return "declared"
    if any(channel.kind == "estimate" for channel in channels):
        return "modelled"
    table = instruments()
    classes = {
        table[channel.meter].measurement_class if channel.meter in table else "sensor"
        for channel in channels
    }
    return next(name for name in ("modelled", "sensor", "analyzer") if name in classes)


def _performance(entry: Entry) -> Quantity | None:
    stated = [run.performance for run in entry.runs if run.performance is not None]
    if not stated or entry.task == "inference":
        return _mean_quantity(stated)
    seconds = [run.seconds for run in entry.runs]
    time_to_train = olympic_mean(seconds, kept_runs(entry), entry.scaling_factor)
    if time_to_train is None:
        return _mean_quantity(stated)
    return Quantity(time_to_train / 60, "min", "time to train, Olympic mean, scaled")


def _mean_quantity(quantities: Sequence[Quantity]) -> Quantity | None:
    if len(quantities) < 2:
        return quantities[0] if quantities else None
    mean = math.fsum(quantity.value for quantity in quantities) / len(quantities)
    return Quantity(mean, quantities[0].unit, quantities[0].name)


def _worst_quality(entry: Entry) -> Quality | None:
    """Return the worst quality of the runs, metric by metric: each run must reach the target."""
    reference = benchmarks().get((entry.task, entry.benchmark))
    worst: dict[str, Quality] = {}
    for run in entry.runs:
        for item in run.quality.all if run.quality else ():
            lower_is_better = reference is not None and reference.lower(item.metric)
            choose_worse = max if lower_is_better else min
            before = worst.get(item.metric, item)
            worst[item.metric] = choose_worse(before, item, key=lambda quality: quality.value)
    if not worst:
        return None
    first, *others = (replace(item, others=()) for item in worst.values())
    return replace(first, others=tuple(others))


def _units_per_joule(runs: Sequence[RunEnergy]) -> float | None:
    work_done = math.fsum(run.run.work.count for run in runs if run.run.work)
    energy_j = math.fsum(run.energy_j or 0.0 for run in runs)
    return work_done / energy_j if work_done and energy_j else None


def _estimated_share(runs: Sequence[RunEnergy]) -> float:
    energy_j = math.fsum(run.energy_j or 0.0 for run in runs)
    return math.fsum(run.estimated_j for run in runs) / energy_j if energy_j > 0 else 0.0
