"""From an entry to its result: energy of each run, the budget, the interval, what stands beside it, in this order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from harness.carbon.co2e import Co2e
from harness.energy.evaluation import Evaluation, evaluate
from harness.energy.run import UNKNOWN_CLOCK_S, RunEnergy
from harness.formats.base import Entry, Quality, Quantity
from harness.formats.defects import DefectCode
from harness.formats.mlperf.loadgen_log import samples_per_query
from harness.formats.reference.benchmarks import benchmarks
from harness.scoring import mlperf_formulas as compat
from harness.scoring.mlperf_metrics import compatibility, kept_runs
from harness.scoring.repeated_runs import (
    RANKED,
    Pooled,
    counted,
    mean_budget,
    mean_power,
    pool,
    ratio,
    work,
)
from harness.scoring.training_steps import Training, progress, training
from harness.scoring.training_steps import views as step_views
from harness.traces.channel import Channel
from harness.traces.instruments import instruments
from harness.uncertainty.budget import Budget, BudgetRow, rows_of
from harness.uncertainty.estimate import LEVEL, Estimate, OutputQuantity, estimates
from harness.uncertainty.monte_carlo import DRAWS, SEED


class TableKey(NamedTuple):
    """What results that compare share.

    unit: of energy per unit of work; simulated: whether they say that they are simulated; division: "" where not said
    """

    task: str
    benchmark: str
    scenario: str
    unit: str
    measurement_class: str
    simulated: bool
    division: str


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one entry: what `score` prints and the leaderboard ranks.

    budget: the budget behind energy; per_unit_budget: the one behind energy_per_unit; both None without energy
    per_correct: energy per correct answer, where quality is a share of right answers
    training: energy per step and steps to the target, where the logs count steps
    co2e: emissions, where a grid was given
    """

    entry: Entry
    measurement_class: str
    measurand: str
    n_runs: int
    distinct_runs: int
    runs: tuple[RunEnergy, ...]
    energy: Estimate
    mean_power: Estimate
    energy_per_unit: Estimate
    units_per_joule: float | None
    performance: Quantity | None
    quality: Quality | None
    coverage: float
    estimated_share: float
    compat: Mapping[str, Any]
    notes: tuple[str, ...]
    budget: Budget | None = None
    per_unit_budget: Budget | None = None
    rows: tuple[BudgetRow, ...] = field(default=())
    per_correct: Estimate | None = None
    training: Training | None = None
    co2e: Co2e | None = None

    @property
    def efficiencies(self) -> set[float]:
        """Declared efficiencies that its readings were multiplied by."""
        return _efficiencies(self.runs)

    @property
    def table(self) -> TableKey:
        """What it compares with."""
        entry, unit, by = self.entry, self.energy_per_unit.unit, self.measurement_class
        return TableKey(
            entry.task, entry.benchmark, entry.scenario, unit, by, entry.simulated, entry.division
        )

    @property
    def inferred(self) -> bool:
        """Whether it is taken from a run of another scenario."""
        return any(defect.code == DefectCode.SCENARIO_INFERRED for defect in self.entry.defects)


def score_all(
    entries: Iterable[Entry],
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
    evaluations: Iterable[Evaluation] | None = None,
) -> list[Result]:
    """Results of entries that are looked at together: those with one or two runs borrow the scatter of the others.

    evaluations: energies of each entry, where they are known already
    """
    entries = tuple(entries)
    evaluated = tuple(map(evaluate, entries) if evaluations is None else evaluations)
    results = [
        score(entry, level=level, seed=seed, draws=draws, evaluation=evaluation)
        for entry, evaluation in zip(entries, evaluated, strict=True)
    ]
    tables: dict[TableKey, list[Budget]] = {}
    for result in results:
        if result.budget is not None and result.distinct_runs >= 3:
            tables.setdefault(result.table, []).append(result.budget)
    pooled = {table: pool(budgets) for table, budgets in tables.items()}
    return [
        score(
            entry,
            level=level,
            seed=seed,
            draws=draws,
            pooled=pooled[result.table],
            evaluation=evaluation,
        )
        if 0 < result.distinct_runs <= 2 and result.table in pooled
        else result
        for result, entry, evaluation in zip(results, entries, evaluated, strict=True)
    ]


def score(
    entry: Entry,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
    pooled: Pooled | None = None,
    evaluation: Evaluation | None = None,
) -> Result:
    """The result of an entry.

    level: of the intervals; seed, draws: of the Monte Carlo
    pooled: scatter between runs of comparable results, for an entry with one or two runs
    evaluation: energies of the entry, where they are known already
    """
    evaluation = evaluate(entry) if evaluation is None else evaluation
    runs = evaluation.all_runs()
    measured = counted(runs)
    notes = [
        *_told(entry, DefectCode.RUN_INCOMPLETE),
        *_notes(runs, measured, pooled),
        *_told(entry, *TOLD),
    ]
    budget = mean_budget(entry, measured, pooled)
    unit, amounts = work(entry, measured)
    total, power, per_unit = (
        Estimate(None, None, None, of, level, notes[0] if notes else "no energy")
        for of in ("J", "W", f"J/{unit}")
    )
    unit_budget = per_correct = taken = None
    quality = _quality(entry)
    counts = progress(entry, measured)
    if budget is not None:
        seen = {
            "energy": OutputQuantity("J", run=budget.run),
            "power": mean_power(measured, budget),
        }
        if amounts:
            seen["unit"] = ratio(f"J/{unit}", measured, budget, amounts, pooled)
            unit_budget = budget.scaled(seen["unit"].factor, seen["unit"].run)
            seen |= zip(
                ["correct"],
                _per_correct(seen["unit"], quality, _samples(entry, unit)),
                strict=False,
            )
        seen |= zip(
            ("step", "reference"), step_views(entry, measured, budget, counts), strict=False
        )
        drawn = estimates(budget, list(seen.values()), level=level, seed=seed, draws=draws)
        found = dict(zip(seen, map(_not_negative, drawn), strict=True))
        total, power, per_correct = found["energy"], found["power"], found.get("correct")
        missing = Estimate(
            None, None, None, f"J/{unit}", level, "the log does not say how much was done"
        )
        per_unit = found.get("unit", missing)
        if counts is not None:
            taken = training(entry, measured, counts, found["step"], found.get("reference"))
    done = math.fsum(run.run.work.count for run in measured if run.run.work)
    energy_j = math.fsum(run.energy_j or 0.0 for run in measured)
    return Result(
        entry=entry,
        measurement_class=measurement_class(entry),
        measurand="long-run mean" if len(measured) > 1 or (measured and pooled) else "realised",
        n_runs=len(runs),
        distinct_runs=len(measured),
        runs=runs,
        energy=total,
        mean_power=power,
        energy_per_unit=per_unit,
        units_per_joule=done / energy_j if done and energy_j else None,
        performance=_performance(entry),
        quality=quality,
        coverage=min((run.coverage for run in runs), default=0.0),
        estimated_share=_share(math.fsum(run.estimated_j for run in measured), energy_j),
        compat=compatibility(entry, runs, level),
        notes=tuple(notes),
        budget=budget,
        per_unit_budget=unit_budget,
        rows=tuple(rows_of(budget)) if budget else (),
        per_correct=per_correct,
        training=taken,
    )


TOLD = (
    DefectCode.SCENARIO_INFERRED,
    DefectCode.SCENARIO_DIFFERS,
    DefectCode.COUNT_DERIVED,
    DefectCode.COUNT_MISSING,
    DefectCode.ROUND_DIFFERS,
    DefectCode.LOCAL_TIME,
)
"""Defects that a reader must know beside the number."""


def _told(entry: Entry, *codes: str) -> list[str]:
    return [defect.got for defect in entry.defects if defect.code in codes]


def _not_negative(item: Estimate) -> Estimate:
    """With two runs the tails of t go below zero; no energy does."""
    below = item.value is not None and item.value > 0 and item.low is not None and item.low < 0
    return replace(item, low=0.0) if below else item


def _per_correct(
    view: OutputQuantity, quality: Quality | None, samples: float
) -> list[OutputQuantity]:
    """Energy per correct answer: per sample, over the share of right answers (method, section 5).

    samples: samples in a unit of work
    """
    if quality is None or quality.metric != "accuracy" or view.unit not in ("J/query", "J/sample"):
        return []
    share = quality.value / 100 if quality.value > 1 else quality.value
    if not 1e-6 < share <= 1:
        return []
    return [OutputQuantity("J/correct-answer", view.factor / share / samples, view.run)]


def _samples(entry: Entry, unit: str) -> float:
    """Samples in a unit of work, as LoadGen's log has it; 1 where there is none."""
    if unit != "query":
        return 1.0
    values = next((run.evidence.loadgen for run in entry.runs if run.evidence.loadgen), {})
    return samples_per_query(dict(values), entry.scenario) if values else 1.0


def measurement_class(entry: Entry) -> str:
    """analyzer, sensor, modelled or declared: results of different classes are never ranked together."""
    traces = [trace for run in entry.runs for trace in run.outer]
    if not traces:
        return "declared"
    if any(trace.channel.kind == "estimate" for trace in traces):
        return "modelled"
    table = instruments()
    classes = {
        table[t.channel.meter].measurement_class if t.channel.meter in table else "sensor"
        for t in traces
    }
    return next(name for name in ("modelled", "sensor", "analyzer") if name in classes)


def _performance(entry: Entry) -> Quantity | None:
    found = [run.performance for run in entry.runs if run.performance is not None]
    if not found or entry.task == "inference":
        return found[0] if len(found) == 1 else _mean_quantity(found)
    times = [run.seconds for run in entry.runs]
    value = compat.olympic_mean(times, kept_runs(entry), entry.scaling_factor)
    return (
        _mean_quantity(found)
        if value is None
        else Quantity(value / 60, "min", "time to train, Olympic mean, scaled")
    )


def _mean_quantity(found: Sequence[Quantity]) -> Quantity | None:
    if not found:
        return None
    return Quantity(math.fsum(q.value for q in found) / len(found), found[0].unit, found[0].name)


def _quality(entry: Entry) -> Quality | None:
    """The worst quality of the runs, metric by metric: each run must reach the target."""
    known = benchmarks().get((entry.task, entry.benchmark))
    worst: dict[str, Quality] = {}
    for run in entry.runs:
        for item in run.quality.all if run.quality else ():
            choose = max if known and known.lower(item.metric) else min
            worst[item.metric] = choose(
                worst.get(item.metric, item), item, key=lambda quality: quality.value
            )
    if not worst:
        return None
    first, *others = (replace(item, others=()) for item in worst.values())
    return replace(first, others=tuple(others))


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0


_ASSUMED = {
    False: "the meter is unknown: the widest limit of its class is assumed",
    True: "modelled by watts that nobody declared for this machine: the limit is that of all machines",
}
"""What is said where limits are assumed, by whether the readings are estimates."""


def _notes(
    runs: Sequence[RunEnergy], measured: Sequence[RunEnergy], pooled: Pooled | None
) -> list[str]:
    """What a reader must know beside the number."""
    notes = []
    n = len(measured)
    if not n:
        notes.append("no run has both a window and readings that speak of it")
    elif n < len(runs):
        notes.append(
            f"{len(runs) - n} of {len(runs)} runs do not count: no energy, aborted, or a copy of another run"
        )
    if 0 < n <= 2 and pooled is not None:
        notes.append(
            f"{n} run{'s' if n > 1 else ''}: scatter between runs is that of {pooled.results} other results"
        )
    elif n == 1:
        notes.append("one run: the interval holds for this run, scatter between runs is unknown")
    elif 1 < n < RANKED:
        notes.append(f"{n} runs: with fewer than {RANKED} the rank is provisional")
    readings = [reading.trace.channel for run in measured for reading in run.readings]
    assumed = {channel.kind == "estimate" for channel in readings if channel.accuracy.assumed}
    notes += [_ASSUMED[modelled] for modelled in sorted(assumed)]
    if any(channel.clock_error_s is None for channel in readings):
        notes.append(f"clock error unknown: {UNKNOWN_CLOCK_S} s assumed")
    efficiencies = _efficiencies(measured)
    if efficiencies:
        notes.append(efficiency_note(efficiencies))
    notes += [
        f"calibration {name} is given {len(limits)} sets of limits: each channel keeps its own"
        for name, limits in _limits(readings).items()
        if len(limits) > 1
    ]
    if any(run.estimated_j for run in measured):
        notes.append("part of the energy is estimated, not measured")
    lowest = min((run.coverage for run in measured), default=1.0)
    if lowest < 1:
        notes.append(
            f"readings cover {lowest:.2%} of the window in the worst run; the rest is filled"
        )
    return notes


def efficiency_note(values: Set[float]) -> str:
    """What is said of readings that were multiplied by declared efficiencies."""
    low, high = min(values), max(values)
    return f"readings times a declared conversion efficiency of {low:g}" + (
        f" to {high:g}" if high > low else ""
    )


def _efficiencies(runs: Iterable[RunEnergy]) -> set[float]:
    """Declared efficiencies that the readings of runs were multiplied by."""
    found = {
        reading.trace.channel.conversion_efficiency for run in runs for reading in run.readings
    }
    return {value for value in found if value is not None and value != 1}


def _limits(channels: Iterable[Channel]) -> dict[str, set[tuple[float, float]]]:
    """Limits that the channels of each calibration state; more than one contradict each other."""
    found: dict[str, set[tuple[float, float]]] = {}
    for channel in channels:
        accuracy = channel.accuracy
        limits = accuracy.reading_limit_pct, accuracy.power_factor_limit_pct
        found.setdefault(channel.calibration_id, set()).add(limits)
    return found
