"""What is done with one entry, in two steps, between which the entries are compared.

1. `open_entry` reads it, and returns what the other entries must know of it.
2. `finish_entry` audits and scores it, given what the others show.

Both depend on the files of the entry and on their task alone. A process keeps some of the entries
that it read for the second step; where it does not, the entry is read again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from harness.auditing.cross_entry import CrossEntryEvidence
from harness.auditing.engine import Task, judge, report_lost
from harness.auditing.outlines.outline import EntryOutline, pack, unpack
from harness.auditing.relations import NO_CROSS_ENTRY_EVIDENCE, Copies
from harness.auditing.report import EntryReport
from harness.batch.cache import Cache
from harness.batch.fingerprint import fingerprint
from harness.batch.records import EntryRecord, ResultRecord
from harness.carbon.co2e import Inputs
from harness.core.process_pool import DIED
from harness.emissions.result_emissions import with_co2e
from harness.energy.evaluation import Evaluation, evaluate_within
from harness.formats.base import Defect, Entry
from harness.formats.discovery import Found, Skipped
from harness.formats.load import load_one
from harness.scoring.entry_budget import Lender, borrowing, lender_of
from harness.scoring.result import TableKey
from harness.scoring.run_scatter import PooledScatter
from harness.scoring.score import (
    NOT_SCORED,
    BudgetAttempt,
    budget_within,
    draw_within,
    without_energy,
)
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
        cache: Where outcomes are kept; None keeps none.
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
    cache: Cache | None = None


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
class Opened:
    """What the comparison with other entries, and their tables, need of an entry that was read.

    Attributes:
        entry: The entry without its runs, packed.
        outline: What is compared with other entries; None where it is not audited.
        table: Table of its result; None where it is not scored.
        may_borrow: Whether its own runs do not show its scatter.
        lender: What it lends to others of its table; None from too few runs.
        fingerprint: Fingerprint of its files; "" where it is not cached.
        is_native: Whether it is a run directory, which may be packed in a submission.
    """

    entry: bytes
    outline: EntryOutline | None = None
    table: TableKey | None = None
    may_borrow: bool = False
    lender: Lender | None = None
    fingerprint: str = ""
    is_native: bool = False


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

    def document(self) -> list[Any]:
        """Return it as plain data, to be hashed."""
        evidence = self.cross_entry
        return [
            self.defects,
            sorted((self.copies or {}).items()),
            sorted(evidence.near_duplicates.items()),
            sorted(evidence.ac_dc_pairs.items()),
            sorted(evidence.calibration_claims.items(), key=lambda item: item[0]),
            self.borrowed,
        ]


@dataclass(frozen=True, slots=True)
class FinishTask:
    """One entry to audit and to score.

    Attributes:
        opened: How it was read.
        entry: The entry without its runs, packed; stands for it where it can no longer be read.
        context: What the other entries show of it.
        fingerprint: Fingerprint of its files; "" where it is not cached.
    """

    opened: OpenTask
    entry: bytes
    context: Context
    fingerprint: str = ""


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
    co2e: Any = None  # a Co2e, which is not encoded

    @property
    def is_final(self) -> bool:
        """Whether nothing broke, and no time limit ended it: then it would be the same again."""
        broken = self.report is not None and any(
            finding.status == "error" for finding in self.report.findings
        )
        unscored = self.result is not None and (self.result.energy.note or "").startswith(
            NOT_SCORED
        )
        return not broken and not unscored


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


def open_entry(task: OpenTask) -> Opened | Skipped | tuple[str, str]:
    """Read an entry, and return what others must know of it; what is no entry stays as it is."""
    _forget_other_work(task.key[0])
    mark = _fingerprint(task)
    if mark:
        opened = kept_opened(task.plan, mark)
        if opened is not None:
            return opened
    kept = _read(task)
    if not isinstance(kept, _Kept):
        return kept
    _keep(task.key, kept)
    mark = mark if mark == _fingerprint(task) else ""  # else it changed while it was read
    opened = _opened(kept, task.plan, mark)
    if mark:
        keep_opened(task.plan, kept.entry, opened)
    return opened


def fetch_traces(place: Found, timeout_s: float | None) -> tuple[tuple[Trace, ...], ...] | None:
    """Read an entry again, and return the outer traces of each run; None where it cannot be read.

    Args:
        place: Where the entry is.
        timeout_s: How long it may take [s].
    """
    entry = load_one(place, timeout_s)
    if not isinstance(entry, Entry):
        return None
    return tuple(tuple(map(_columns, run.outer)) for run in entry.runs)


def _columns(trace: Trace) -> Trace:
    """Return a trace without what cleaning noted."""
    return Trace(trace.channel, trace.t_ns, trace.value)


def _fingerprint(task: OpenTask) -> str:
    """Return the fingerprint of an entry; "" where it is not cached."""
    if task.plan.cache is None or not isinstance(task.place, Found):
        return ""
    return fingerprint(task.place) or ""


def _opened(kept: _Kept, plan: Plan, mark: str) -> Opened:
    entry = kept.entry
    item = None if kept.budget is None else kept.budget.item
    return Opened(
        entry=pack(_without_runs(entry)),
        outline=EntryOutline.build(entry) if plan.judges else None,
        table=None if item is None else item.table,
        may_borrow=item is not None and item.may_borrow,
        lender=None if item is None else lender_of(item),
        fingerprint=mark,
        is_native=entry.is_native,
    )


def _without_runs(entry: Entry) -> Entry:
    """Return what is needed of an entry where it can no longer be read."""
    return replace(entry, runs=(), ranging=None, defects=())


def finish_entry(task: FinishTask) -> Finished:
    """Audit and score an entry."""
    plan = task.opened.plan
    key = kept_key(plan, task.fingerprint, task.context)
    if plan.cache is not None and key:
        finished = plan.cache.get(key, Finished)
        if finished is not None:
            return finished
    kept_here, _ = _kept.pop(task.opened.key, (None, 0))
    kept = kept_here or _read(task.opened)
    if not isinstance(kept, _Kept):
        return not_finished(task)
    finished = _finished(kept, task)
    if key and finished.is_final and task.fingerprint == _fingerprint(task.opened):
        assert plan.cache is not None
        plan.cache.put(key, finished)
    return finished


def _finished(kept: _Kept, task: FinishTask) -> Finished:
    plan, context = task.opened.plan, task.context
    report = None
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
    plan, entry = task.opened.plan, unpack(task.entry)
    report = result = None
    if plan.judges:
        report = report_lost(_judgement(entry, plan, task.context, None))
    if plan.scores:
        result = ResultRecord.build(without_energy(entry, f"{NOT_SCORED} {DIED}", plan.level))
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


# The cache


@dataclass(frozen=True, slots=True)
class _KeptOpened:
    """The encoded form of an entry that was read; attributes as in `Opened`."""

    entry: EntryRecord
    outline: EntryOutline | None
    table: TableKey | None
    may_borrow: bool
    lender: Lender | None


def kept_opened(plan: Plan, mark: str) -> Opened | None:
    """Return what a cache keeps of an entry that was read; None where it keeps nothing."""
    assert plan.cache is not None
    kept = plan.cache.get(_opened_key(plan, mark), _KeptOpened)
    if kept is None:
        return None
    entry = kept.entry.entry()
    return Opened(
        entry=pack(entry),
        outline=kept.outline,
        table=kept.table,
        may_borrow=kept.may_borrow,
        lender=kept.lender,
        fingerprint=mark,
        is_native=entry.is_native,
    )


def keep_opened(plan: Plan, entry: Entry, opened: Opened) -> None:
    """Keep in the cache what others must know of an entry."""
    assert plan.cache is not None
    record = EntryRecord.build(_without_runs(entry))
    kept = _KeptOpened(record, opened.outline, opened.table, opened.may_borrow, opened.lender)
    plan.cache.put(_opened_key(plan, opened.fingerprint), kept)


def _opened_key(plan: Plan, mark: str) -> str:
    assert plan.cache is not None
    return plan.cache.key("opened", mark, plan.judges, plan.scores)


def kept_key(plan: Plan, mark: str, context: Context) -> str:
    """Return the key of what came of an entry; "" where it is not cached."""
    if plan.cache is None or not mark or plan.carbon is not None:
        return ""
    chosen = None if plan.chosen is None else sorted(plan.chosen)
    options = [plan.judges, plan.scores, plan.round_name, chosen, plan.level, plan.seed, plan.draws]
    return plan.cache.key("finished", mark, options, context.document())
