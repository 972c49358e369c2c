"""From an entry to its result.

1. Energy of each run, and which runs count (`harness.energy.run`, `repeated_runs`).
2. The budget of their mean, and the quantities derived from it: energy, power, energy per unit of
   work, per step (`entry_budget`).
3. Scatter between runs that entries with few runs borrow from the others of their table.
4. One Monte Carlo for all quantities of an entry; energy per correct answer has one of its own,
   with the accuracy in its budget.
5. What stands beside the numbers: performance, quality, MLPerf's metrics, notes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from harness.core.errors import shorten
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.energy.evaluation import Evaluation, evaluate
from harness.energy.run import RunEnergy
from harness.formats.base import Entry, Quality, Quantity, Run
from harness.formats.mlperf.loadgen_log import samples_per_query
from harness.formats.reference.benchmarks import benchmarks
from harness.scoring.correct_answers import PerCorrect, energy_per_correct
from harness.scoring.endpoint.provision import package_provision
from harness.scoring.entry_budget import EntryBudget, entry_budget, with_borrowed_scatter
from harness.scoring.mlperf_metrics import kept_runs, mlperf_metrics, olympic_mean
from harness.scoring.notes import result_notes
from harness.scoring.repeated_runs import WorkAmounts
from harness.scoring.result import Result, measurement_class
from harness.scoring.run_scatter import summary
from harness.scoring.training_steps import StepCounts, Training, decompose_training
from harness.uncertainty.budget import Budget
from harness.uncertainty.closed_form import budget_rows
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.estimate import Estimate, estimate_all
from harness.uncertainty.monte_carlo import DRAWS, SEED

T = TypeVar("T")

NOT_SCORED = "not scored:"
"""Begin of the note of an entry that broke, or took too long."""
NO_BUDGET = Budget("", ())
"""Stands for the budget of an entry without energy."""


def score_all(
    entries: Iterable[Entry],
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
    evaluations: Iterable[Evaluation] | None = None,
    timeout_s: float | None = None,
) -> list[Result]:
    """Return the results of entries scored together.

    Those with one or two runs borrow the scatter of the others of their table. What each may
    borrow is known from the budgets, before anything is drawn, so each entry is drawn once. An
    entry that cannot be scored, or not in time, has a result without energy, and stops no other.

    Args:
        entries: The evidence.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.
        evaluations: Energies of each entry, where they are known already.
        timeout_s: How long integrating, and then drawing, one entry may take [s].
    """
    entries = tuple(entries)
    energies: Iterable[Evaluation | None] = evaluations or [None] * len(entries)
    attempts = [
        budget_within(entry, evaluation, timeout_s)
        for entry, evaluation in zip(entries, energies, strict=True)
    ]
    borrowed = with_borrowed_scatter([attempt.item for attempt in attempts])
    return [
        draw_within(
            replace(attempt, item=item), level=level, seed=seed, draws=draws, timeout_s=timeout_s
        )
        for attempt, item in zip(attempts, borrowed, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class BudgetAttempt:
    """An entry before it is drawn, or why it has no budget.

    Attributes:
        entry: The evidence.
        item: What is known of it; without runs where it could not be integrated.
        reason: Why it could not; "" where it could.
    """

    entry: Entry
    item: EntryBudget
    reason: str = ""


def budget_within(
    entry: Entry, evaluation: Evaluation | None, timeout_s: float | None
) -> BudgetAttempt:
    """Return the budget of an entry, or the reason why it cannot be had, or not in time.

    Args:
        entry: The evidence.
        evaluation: Its energies, where they are known already.
        timeout_s: How long integrating may take [s].
    """
    item, reason = _attempt(partial(_budget_of, entry, evaluation), timeout_s)
    if item is None:
        return BudgetAttempt(entry, _nothing_counted(entry), reason)
    return BudgetAttempt(entry, item)


def draw_within(
    attempt: BudgetAttempt, *, level: float, seed: int, draws: int, timeout_s: float | None
) -> Result:
    """Return the result of an entry; without energy where it cannot be drawn, or not in time.

    Args:
        attempt: The entry, with the scatter that it borrows.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.
        timeout_s: How long drawing may take [s].
    """
    draw = partial(_result, attempt.item, level=level, seed=seed, draws=draws)
    result, reason = _attempt(draw, timeout_s)
    reason = attempt.reason or reason
    if result is None:
        nothing = _nothing_counted(attempt.item.entry)
        result = _result(nothing, level=level, seed=seed, draws=draws)
    return _without_energy(result, attempt.entry, reason) if reason else result


def without_energy(
    entry: Entry, reason: str, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> Result:
    """Return what stands for the result of an entry that could not be scored."""
    result = _result(_nothing_counted(entry), level=level, seed=seed, draws=draws)
    return _without_energy(result, entry, reason)


def _nothing_counted(entry: Entry) -> EntryBudget:
    """Return what stands for an entry that cannot be integrated or drawn."""
    return entry_budget(replace(entry, runs=(), ranging=None), ())


def _budget_of(entry: Entry, evaluation: Evaluation | None) -> EntryBudget:
    """Return the budget of an entry, integrating its runs if that was not done yet."""
    return entry_budget(entry, (evaluation or evaluate(entry)).all_runs())


def _attempt(make: Callable[[], T], timeout_s: float | None) -> tuple[T | None, str]:
    """Return what `make` returns, or None and the reason why it did not."""
    try:
        with deadline(timeout_s):
            return make(), ""
    except TimeLimitExceeded as error:
        return None, f"{NOT_SCORED} {error}"
    except MemoryError:
        raise  # the tree needs more than there is
    except Exception as error:  # noqa: BLE001 - whatever an entry holds, the others are scored
        return None, f"{NOT_SCORED} {type(error).__name__}: {shorten(error)}"


def _without_energy(result: Result, entry: Entry, reason: str) -> Result:
    """Give the reason why an entry has no energy wherever a reader looks for it."""
    return replace(
        result,
        entry=entry,
        measurement_class=measurement_class(entry),
        energy=replace(result.energy, note=reason),
        mean_power=replace(result.mean_power, note=reason),
        energy_per_unit=replace(result.energy_per_unit, note=reason),
        notes=(reason, *result.notes),
    )


def score(entry: Entry, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS) -> Result:
    """Return the result of an entry by itself, which borrows nothing.

    Args:
        entry: The evidence.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.
    """
    (result,) = score_all([entry], level=level, seed=seed, draws=draws)
    return result


def _result(item: EntryBudget, *, level: float, seed: int, draws: int) -> Result:
    """Draw an entry, and return its result."""
    entry, runs, counted, budget = item.entry, item.runs, item.counted, item.budget
    quality = _worst_quality(entry)
    estimates: dict[str, Estimate] = {}
    per_correct: PerCorrect | None = None
    if budget is not None:
        drawn = estimate_all(budget, item.outputs, level=level, seed=seed, draws=draws)
        estimates = {name: _not_negative(estimate) for name, estimate in drawn.items()}
        per_correct = energy_per_correct(
            entry,
            counted,
            budget,
            quality,
            _samples(entry, item.amounts),
            item.evidence,
            level=level,
            seed=seed,
            draws=draws,
        )
    per_unit_budget = item.per_unit_budget
    scattering = per_unit_budget or budget or NO_BUDGET
    scatter = scattering.run_scatter
    notes = result_notes(entry, runs, counted, scatter)
    missing = _missing_estimates(budget, item.amounts, notes, level)

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
        per_correct=None if per_correct is None else per_correct.estimate,
        per_correct_budget=None if per_correct is None else per_correct.budget,
        scatter=summary(scatter, len(counted), scattering.value),
        training=_training(entry, counted, item.counts, estimates),
        provision=package_provision(entry),
    )


def _missing_estimates(
    budget: Budget | None, amounts: WorkAmounts, notes: Sequence[str], level: float
) -> dict[str, Estimate]:
    """Return what stands in place of an estimate that cannot be had, with the reason."""
    no_energy = notes[0] if notes else "no energy"
    no_amount = no_energy if budget is None else "the log does not say how much was done"
    return {
        "energy": Estimate(None, None, None, "J", level, no_energy),
        "mean_power": Estimate(None, None, None, "W", level, no_energy),
        "per_unit": Estimate(None, None, None, amounts.energy_unit, level, no_amount),
    }


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


def _performance(entry: Entry) -> Quantity | None:
    stated = [run.performance for run in entry.runs if run.performance is not None]
    if not stated or entry.task == "inference":
        return _mean_quantity(stated)
    seconds = [_seconds_of_training(run) for run in entry.runs]
    time_to_train = olympic_mean(seconds, kept_runs(entry), entry.scaling_factor)
    if time_to_train is None:
        return _mean_quantity(stated)
    return Quantity(time_to_train / 60, "min", "time to train, Olympic mean, scaled")


def _seconds_of_training(run: Run) -> float | None:
    """Return the time of one training [s]; a run may do several, one after the other."""
    if run.seconds is None or run.work is None or run.work.unit != "run" or run.work.count <= 1:
        return run.seconds
    return run.seconds / run.work.count


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
            lower_is_better = (
                item.better == "lower" if reference is None else reference.lower(item.metric)
            )
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
