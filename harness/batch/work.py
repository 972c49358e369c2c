"""What is done with one entry, in two steps, between which the entries are compared.

1. `open_entry` reads it, and returns an outline: what the other entries must know of it.
2. `finish_entry` audits and scores it, given what the others show.

Both depend on the files of the entry and on their task alone. A process keeps some of the entries
that it read for the second step; where it does not, the entry is read again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from harness.auditing.cross_entry import CrossEntryEvidence
from harness.auditing.engine import Task, judge, report_lost
from harness.auditing.relations import NO_CROSS_ENTRY_EVIDENCE, Copies
from harness.auditing.report import EntryReport
from harness.batch.records import ResultRecord
from harness.carbon.co2e import Co2e, Inputs
from harness.core.process_pool import DIED
from harness.emissions.result_emissions import with_co2e
from harness.energy.evaluation import Evaluation, evaluate_within
from harness.formats.base import Defect, Entry, Run
from harness.formats.discovery import Found, Skipped
from harness.formats.load import load_one
from harness.scoring.entry_budget import Lender, borrowing, lender_of
from harness.scoring.result import TableKey
from harness.scoring.run_scatter import PooledScatter
from harness.scoring.score import BudgetAttempt, budget_within, draw_within, without_energy
from harness.traces.trace import Trace
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.monte_carlo import DRAWS, SEED

MAX_KEPT_ENTRIES = 500
"""Entries that a process keeps for the second step."""
MAX_KEPT_READINGS = 2**23
"""Readings of all entries that a process keeps: 128 MiB of columns."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with each entry.

    Attributes:
        judges: Whether it is audited.
        scores: Whether it is scored.
        round_name: Round whose rulebook judges; None for the round that the entry states.
        chosen: Ids of the rules to apply; None for all.
        timeout_s: How long each step may take for one entry [s]; None for no limit.
        level: Coverage probability of the intervals, 0 to 1.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.
        carbon: Grid and PUE of the emissions; None computes none.
    """

    judges: bool = True
    scores: bool = True
    round_name: str | None = None
    chosen: Collection[str] | None = None
    timeout_s: float | None = None
    level: float = LEVEL
    seed: int = SEED
    draws: int = DRAWS
    carbon: Inputs | None = None


@dataclass(frozen=True, slots=True)
class OpenTask:
    """One place to read.

    Attributes:
        key: The work it belongs to, and the place's number in it.
        place: What discovery found.
        plan: What is done with the entry.
    """

    key: tuple[str, int]
    place: Found | Skipped
    plan: Plan


@dataclass(frozen=True, slots=True)
class Outline:
    """What the other entries must know of one.

    Attributes:
        entry: The entry without what its logs state; its traces have their readings if it is
            audited, to find copies.
        table: Table of its result; None where it is not scored.
        may_borrow: Whether its own runs do not show its scatter.
        lender: What it lends to others of its table; None from too few runs.
    """

    entry: Entry
    table: TableKey | None = None
    may_borrow: bool = False
    lender: Lender | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What the other entries show of one.

    Attributes:
        defects: Defects of the submission that it is packed in.
        copies: Equal traces.
        cross_entry: Other relations.
        borrowed: Scatter between runs that its table lends; None where it needs none.
    """

    defects: tuple[Defect, ...] = ()
    copies: Copies | None = None
    cross_entry: CrossEntryEvidence = NO_CROSS_ENTRY_EVIDENCE
    borrowed: PooledScatter | None = None


@dataclass(frozen=True, slots=True)
class FinishTask:
    """One entry to audit and to score.

    Attributes:
        opened: How it was read.
        outline: What stands for it where it can no longer be read, without readings.
        context: What the other entries show of it.
    """

    opened: OpenTask
    outline: Entry
    context: Context


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of one entry.

    Attributes:
        report: Its audit; None where it is not audited.
        result: Its score; None where it is not scored.
        co2e: Its emissions; None where none were computed.
    """

    report: EntryReport | None
    result: ResultRecord | None
    co2e: Co2e | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """An entry that was read, and what is known of it.

    Attributes:
        entry: The evidence.
        evaluation: Energies of its runs, for audit and score together; None for one of them.
        budget: The entry before it is drawn; None where it is not scored.
    """

    entry: Entry
    evaluation: Evaluation | None
    budget: BudgetAttempt | None


_kept: dict[tuple[str, int], tuple[_Kept, int]] = {}
"""Entries that this process keeps, each with the number of its readings."""


def open_entry(task: OpenTask) -> Outline | Skipped | tuple[str, str]:
    """Read an entry, and return its outline; what is no entry stays as it is."""
    _forget_other_work(task.key[0])
    kept = _read(task)
    if not isinstance(kept, _Kept):
        return kept
    _keep(task.key, kept)
    outline = _outline(kept.entry, with_readings=task.plan.judges)
    if kept.budget is None:
        return Outline(outline)
    item = kept.budget.item
    return Outline(outline, item.table, item.may_borrow, lender_of(item))


def finish_entry(task: FinishTask) -> Finished:
    """Audit and score an entry."""
    kept_here, _ = _kept.pop(task.opened.key, (None, 0))
    kept = kept_here or _read(task.opened)
    if not isinstance(kept, _Kept):
        return not_finished(task)
    plan, context = task.opened.plan, task.context
    report = result = None
    if plan.judges:
        entry = replace(kept.entry, defects=(*kept.entry.defects, *context.defects))
        report = judge(_judgement(entry, plan, context, kept.evaluation))
    if kept.budget is None:
        return Finished(report, None)
    item = borrowing(kept.budget.item, context.borrowed)
    result = draw_within(
        replace(kept.budget, item=item),
        level=plan.level,
        seed=plan.seed,
        draws=plan.draws,
        timeout_s=plan.timeout_s,
    )
    if plan.carbon is not None:
        options = {"level": plan.level, "seed": plan.seed, "draws": plan.draws}
        result = with_co2e(result, plan.carbon, **options)  # type: ignore[arg-type]
    return Finished(report, ResultRecord.build(result), result.co2e)


def not_finished(task: FinishTask) -> Finished:
    """Return what stands for an entry that ends each process that audits or scores it."""
    plan, entry = task.opened.plan, task.outline
    report = result = None
    if plan.judges:
        report = report_lost(_judgement(entry, plan, task.context, None))
    if plan.scores:
        result = ResultRecord.build(without_energy(entry, f"not scored: {DIED}", plan.level))
    return Finished(report, result)


def _read(task: OpenTask) -> _Kept | Skipped | tuple[str, str]:
    """Read an entry, and integrate its runs if it is scored."""
    plan = task.plan
    entry = load_one(task.place, plan.timeout_s)
    if not isinstance(entry, Entry):
        return entry
    if not plan.scores:
        return _Kept(entry, None, None)
    evaluation = evaluate_within(entry, plan.timeout_s) if plan.judges else None
    return _Kept(entry, evaluation, budget_within(entry, evaluation, plan.timeout_s))


def _keep(key: tuple[str, int], kept: _Kept) -> None:
    """Keep an entry, if there is room; those that were read first are needed first."""
    readings = sum(len(trace) for run in kept.entry.runs for trace in run.traces)
    total = readings + sum(number for _, number in _kept.values())
    if len(_kept) < MAX_KEPT_ENTRIES and total <= MAX_KEPT_READINGS:
        _kept[key] = kept, readings


def _forget_other_work(name: str) -> None:
    """Drop the entries of work that was interrupted."""
    for key in [key for key in _kept if key[0] != name]:
        del _kept[key]


def _judgement(entry: Entry, plan: Plan, context: Context, evaluation: Evaluation | None) -> Task:
    copies = context.copies or {}
    return Task(
        entry,
        copies,
        context.cross_entry,
        plan.round_name,
        plan.chosen,
        plan.timeout_s,
        evaluation,
    )


def _outline(entry: Entry, *, with_readings: bool) -> Entry:
    """Return an entry with no more than is needed to find copies, pairs and its submission."""
    runs = tuple(
        Run(
            id=run.id,
            window=run.window,
            traces=_outer_traces(run) if with_readings else (),
            sources=run.sources[:1],
        )
        for run in entry.runs
    )
    return replace(entry, runs=runs, ranging=None, defects=())


def _outer_traces(run: Run) -> tuple[Trace, ...]:
    """Return the outer traces of a run with their readings, without what cleaning noted."""
    traces = tuple(Trace(trace.channel, trace.t_ns, trace.value) for trace in run.outer)
    for trace in traces:
        _ = trace.content_sha256  # computed here, it travels with the trace
    return traces
