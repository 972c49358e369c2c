"""Audit and score the entries of a tree with any executor.

1. The executor reads each place (`open_entry`). This process keeps outlines, and no readings.
2. It compares the outlines: which traces are copies, what scatter each table lends, what is wrong
   with the submissions that hold the entries. Traces that look like near copies are read again.
3. The executor audits and scores each entry, given that (`finish_entry`).

The outcome is the same as that of `harness.api` for a tree in memory, for every executor.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from harness.auditing.outlines.gathered import Fetch, Gathered, TracesOfRuns
from harness.auditing.outlines.outline import unpack
from harness.auditing.relations import Compared, compare_within
from harness.auditing.submission import with_submission_defects
from harness.batch.examined import Examined
from harness.batch.kept_relations import KeptRelations
from harness.batch.work import (
    Context,
    Finished,
    FinishTask,
    Opened,
    OpenTask,
    Plan,
    fetch_traces,
    finish_entry,
    not_finished,
    open_entry,
)
from harness.core.executors.base import Executor, Home
from harness.core.progress import NO_PROGRESS, Progress
from harness.formats.base import Defect
from harness.formats.discovery import Found, Skipped
from harness.formats.load import died
from harness.scoring.entry_budget import Lender, scatter_by_table
from harness.scoring.result import TableKey
from harness.signing.trust import Trust

T = TypeVar("T")

PART_ENTRIES = 1000
"""Entries whose results are held together, where they are asked for in parts."""


def examine(
    places: Iterable[Found | Skipped],
    executor: Executor,
    plan: Plan,
    *,
    trust: Trust | None = None,
    progress: Progress = NO_PROGRESS,
) -> Examined:
    """Audit and score what discovery found.

    Args:
        places: What discovery found.
        executor: Where the work is done.
        plan: What is done with each entry.
        trust: Whose signatures count; None checks none.
        progress: Receives each phase.

    Raises:
        JoulemarkError: The executor cannot work.
    """
    parts = examine_in_parts(
        places, executor, plan, trust=trust, progress=progress, part_entries=None
    )
    *_, whole = parts
    return whole


def examine_in_parts(
    places: Iterable[Found | Skipped],
    executor: Executor,
    plan: Plan,
    *,
    trust: Trust | None = None,
    progress: Progress = NO_PROGRESS,
    part_entries: int | None = PART_ENTRIES,
) -> Iterator[Examined]:
    """Yield what comes of some entries at a time, so that not all results are held together.

    Args:
        places: What discovery found.
        executor: Where the work is done.
        plan: What is done with each entry.
        trust: Whose signatures count; None checks none.
        progress: Receives each phase.
        part_entries: Entries of a part; None for all in one.
    """
    places = list(places)
    executor.check_paths(_roots(places))
    progress.phase("Reading", len(places))
    name = secrets.token_hex(8)
    opening = _Opening(plan)
    tasks = (OpenTask((name, number), place, plan) for number, place in enumerate(places))
    for number, home, outcome in executor.each(
        open_entry, tasks, lost=lambda task: died(task.place)
    ):
        opening.add(number, home, outcome)
        progress.advance()
    unreadable, skipped = opening.passed_over()

    progress.phase("Comparing traces")
    entries = opening.entries()
    compared, contexts = _contexts(entries, opening, places, executor, plan, trust)

    progress.phase("Judging" if plan.judges else "Scoring", len(entries))
    size = part_entries or max(1, len(entries))
    for start in range(0, max(1, len(entries)), size):
        part = entries[start : start + size]
        finish_tasks = (
            FinishTask(
                OpenTask((name, item.number), places[item.number], plan),
                item.entry,
                contexts(item),
                item.fingerprint,
            )
            for item in part
        )
        finished = executor.share(
            finish_entry,
            progress.track(finish_tasks),
            lost=not_finished,
            homes=[item.home for item in part],
        )
        is_first = start == 0
        yield _examined(
            [outcome for _, outcome in finished],
            compared,
            unreadable if is_first else (),
            skipped if is_first else (),
        )


def _roots(places: Sequence[Found | Skipped]) -> list[str]:
    """Return the first and the last folder: one that sees them sees what lies between."""
    folders = [str(place.directory) for place in places if isinstance(place, Found)]
    return list(dict.fromkeys([*folders[:1], *folders[-1:]]))


class _Read(NamedTuple):
    """What is held of an entry that was read, while the others are read.

    Attributes:
        number: Number of its place.
        id: Its id.
        home: The process that read it.
        entry: The entry without its runs, packed.
        table: Table of its result; None where it is not scored.
        may_borrow: Whether its own runs do not show its scatter.
        fingerprint: Fingerprint of its files; "" where it is not cached.
        is_native: Whether it is a run directory.
    """

    number: int
    id: str
    home: Home
    entry: bytes
    table: TableKey | None
    may_borrow: bool
    fingerprint: str
    is_native: bool


class _Opening:
    """Takes in the places that were read, in whatever order.

    Args:
        plan: What is done with each entry.

    Attributes:
        gathered: What is compared of the entries, in the order in which they came.
        positions: Number of the place of each of them.
        lenders: What entries lend to others of their tables.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._read: list[_Read] = []
        self._passed_over: dict[int, Skipped | tuple[str, str]] = {}
        self._shared: dict[Hashable, Any] = {}
        self.gathered = Gathered()
        self.positions: list[int] = []
        self.lenders: list[Lender] = []

    def add(self, number: int, home: Home, outcome: Opened | Skipped | tuple[str, str]) -> None:
        """Take in one place."""
        if not isinstance(outcome, Opened):
            self._passed_over[number] = outcome
            return
        entry_id = ""
        if outcome.outline is not None:
            entry_id = outcome.outline.id
            self.gathered.add(outcome.outline)
            self.positions.append(number)
        if outcome.lender is not None:
            lender = outcome.lender
            self.lenders.append(lender._replace(table=self._once(lender.table)))
        self._read.append(
            _Read(
                number=number,
                id=entry_id,
                home=self._once(home),
                entry=outcome.entry,
                table=self._once(outcome.table),
                may_borrow=outcome.may_borrow,
                fingerprint=outcome.fingerprint,
                is_native=outcome.is_native,
            )
        )

    def _once(self, item: T) -> T:
        """Return the first of equal items, so that many entries hold one."""
        first: T = self._shared.setdefault(item, item)
        return first

    def entries(self) -> list[_Read]:
        """Return the entries in the order of the tree."""
        self._read.sort(key=lambda item: item.number)
        return self._read

    def passed_over(self) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
        """Return path and reason of what could not be read, and of what is no entry."""
        outcomes = [outcome for _, outcome in sorted(self._passed_over.items())]
        unreadable = tuple(item for item in outcomes if isinstance(item, tuple))
        skipped = tuple((item.path, item.reason) for item in outcomes if isinstance(item, Skipped))
        return unreadable, skipped


def _contexts(
    entries: Sequence[_Read],
    opening: _Opening,
    places: Sequence[Found | Skipped],
    executor: Executor,
    plan: Plan,
    trust: Trust | None,
) -> tuple[Compared, Callable[[_Read], Context]]:
    """Return what the entries show of each other, and a function from one to its part."""
    compared = Compared(None)
    defects: dict[int, tuple[Defect, ...]] = {}
    if plan.judges:
        fetch = _fetching(opening.positions, places, executor, plan)
        compared = _compared(entries, opening.gathered, fetch, plan)
        packed = [item for item in entries if item.is_native or trust is not None]
        with_defects = with_submission_defects(
            [unpack(item.entry) for item in packed], trust, plan.timeout_s
        )
        for item, entry in zip(packed, with_defects, strict=True):
            if entry.defects:
                defects[item.number] = entry.defects
    scatters = scatter_by_table(opening.lenders)

    def context(item: _Read) -> Context:
        borrowed = scatters.get(item.table) if item.may_borrow and item.table else None
        if not plan.judges:
            return Context(borrowed=borrowed)
        return Context(defects.get(item.number, ()), *compared.of_entry(item.id), borrowed)

    return compared, context


def _fetching(
    positions: Sequence[int],
    places: Sequence[Found | Skipped],
    executor: Executor,
    plan: Plan,
) -> Fetch:
    """Return a function that lets the executor read some entries again."""
    read = functools.partial(fetch_traces, timeout_s=plan.timeout_s)

    def fetch(wanted: Sequence[int]) -> dict[int, TracesOfRuns]:
        sources = [places[positions[position]] for position in wanted]
        traces = executor.share(read, sources, lost=lambda _: None)
        return {
            position: runs
            for position, (_, runs) in zip(wanted, traces, strict=True)
            if runs is not None
        }

    return fetch


def _compared(entries: Sequence[_Read], gathered: Gathered, fetch: Fetch, plan: Plan) -> Compared:
    """Compare the entries with each other, unless a cache knows the outcome for all of them."""
    key = ""
    if plan.cache is not None and all(item.fingerprint for item in entries):
        key = plan.cache.key("compared", [item.fingerprint for item in entries])
        kept = plan.cache.get(key, KeptRelations)
        if kept is not None:
            return Compared(kept.relations())
    compared = compare_within(gathered, fetch, plan.timeout_s)
    if plan.cache is not None and key and not compared.left_out:
        plan.cache.put(key, KeptRelations.build(compared, [item.id for item in entries]))
    return compared


def _examined(
    finished: Sequence[Finished],
    compared: Compared,
    unreadable: tuple[tuple[str, str], ...],
    skipped: tuple[tuple[str, str], ...],
) -> Examined:
    reports = [compared.judged(item.report) for item in finished if item.report is not None]
    results = [item.result.result(item.co2e) for item in finished if item.result is not None]
    return Examined(tuple(reports), tuple(results), unreadable, skipped)
