"""Audit and score the entries of a tree with any executor.

1. The executor reads each place (`open_entry`).
2. This process compares the outlines: which traces are copies, what scatter each table lends, what
   is wrong with the submissions that hold the entries.
3. The executor audits and scores each entry, given that (`finish_entry`).

The outcome is the same as that of `harness.api` for a tree in memory, for every executor.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from harness.auditing.relations import Compared, compare_within
from harness.auditing.submission import with_submission_defects
from harness.batch.examined import Examined
from harness.batch.kept_relations import KeptRelations
from harness.batch.work import (
    Context,
    Finished,
    FinishTask,
    OpenTask,
    Outline,
    Plan,
    finish_entry,
    not_finished,
    open_entry,
)
from harness.core.executors.base import Executor, Home
from harness.core.progress import NO_PROGRESS, Progress
from harness.formats.discovery import Found, Skipped
from harness.formats.load import died
from harness.scoring.entry_budget import scatter_by_table
from harness.signing.trust import Trust

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
    tasks = [OpenTask((name, number), place, plan) for number, place in enumerate(places)]
    opened = executor.share(open_entry, progress.track(tasks), lost=lambda task: died(task.place))

    progress.phase("Comparing traces")
    outlines = [outline for _, outline in opened if isinstance(outline, Outline)]
    compared, contexts = _contexts(outlines, plan, trust)
    entries = [
        (task, home, outline)
        for task, (home, outline) in zip(tasks, opened, strict=True)
        if isinstance(outline, Outline)
    ]
    finish_tasks = [
        FinishTask(task, replace(outline.entry, runs=()), context, outline.fingerprint)
        for (task, _, outline), context in zip(entries, contexts, strict=True)
    ]
    homes: list[Home] = [home for _, home, _ in entries]
    unreadable = tuple(item for _, item in opened if isinstance(item, tuple))
    skipped = tuple((item.path, item.reason) for _, item in opened if isinstance(item, Skipped))
    del opened, outlines, contexts, entries  # the readings are not needed any more

    progress.phase("Judging" if plan.judges else "Scoring", len(finish_tasks))
    size = part_entries or max(1, len(finish_tasks))
    for start in range(0, max(1, len(finish_tasks)), size):
        part = slice(start, start + size)
        finished = executor.share(
            finish_entry,
            progress.track(finish_tasks[part]),
            lost=not_finished,
            homes=homes[part],
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


def _contexts(
    outlines: Sequence[Outline], plan: Plan, trust: Trust | None
) -> tuple[Compared, list[Context]]:
    """Return what the entries show of each other, and of each entry its part."""
    entries = [outline.entry for outline in outlines]
    compared = Compared(None)
    contexts = [Context() for _ in outlines]
    if plan.judges:
        compared = _compared(outlines, plan)
        with_defects = with_submission_defects(entries, trust, plan.timeout_s)
        contexts = [Context(entry.defects, *compared.of_entry(entry.id)) for entry in with_defects]
    scatters = scatter_by_table(outline.lender for outline in outlines if outline.lender)
    return compared, [
        replace(context, borrowed=scatters.get(outline.table))
        if outline.may_borrow and outline.table
        else context
        for outline, context in zip(outlines, contexts, strict=True)
    ]


def _compared(outlines: Sequence[Outline], plan: Plan) -> Compared:
    """Compare the entries with each other, unless a cache knows the outcome for all of them."""
    key = ""
    if plan.cache is not None and all(outline.fingerprint for outline in outlines):
        key = plan.cache.key("compared", [outline.fingerprint for outline in outlines])
        kept = plan.cache.get(key, KeptRelations)
        if kept is not None:
            return Compared(kept.relations())
    entries = [outline.entry for outline in outlines]
    compared = compare_within(entries, plan.timeout_s)
    if plan.cache is not None and key and not compared.left_out:
        plan.cache.put(key, KeptRelations.build(compared, [entry.id for entry in entries]))
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
