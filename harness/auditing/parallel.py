"""Audit in several processes: each entry is judged in the process that read it.

1. The processes read the entries and keep them; each sends back an outline, which is enough to
   find copies.
2. This process compares the outlines with each other and with the manifests of their submissions.
3. Each process judges the entries that it kept.

Sending whole entries to one process, and back, would cost more than a tenth of the audit.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from harness.auditing.engine import Task, judge, report_lost
from harness.auditing.relations import compare_within
from harness.auditing.report import EntryReport, Report
from harness.auditing.submission import with_submission_defects
from harness.core.process_pool import share
from harness.core.progress import NO_PROGRESS, Progress
from harness.formats.base import Entry, Run
from harness.formats.discovery import Found, Skipped
from harness.formats.load import died, load_one, sorted_out
from harness.signing.trust import Trust
from harness.traces.trace import Trace

_audit_numbers = itertools.count()
_kept_entries: dict[tuple[int, int], Entry] = {}
"""In a process that reads: the entries read and not yet judged, by number of audit and item."""


@dataclass(frozen=True, slots=True)
class _ReadTask:
    """One item to read.

    Attributes:
        key: Number of the audit, and of the item in it.
        item: What discovery found.
        timeout_s: How long reading may take [s]; None for no limit.
    """

    key: tuple[int, int]
    item: Found | Skipped
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class _JudgeTask:
    """One entry to judge in the process that read it.

    Attributes:
        reading: How it was read, for a process that has to read it again.
        task: The judgement; its entry is an outline with the defects of its submission.
    """

    reading: _ReadTask
    task: Task


def audit_in_parallel(
    items: Iterable[Found | Skipped],
    jobs: int,
    *,
    round_name: str | None = None,
    chosen: Collection[str] | None = None,
    timeout_s: float | None = None,
    trust: Trust | None = None,
    progress: Progress = NO_PROGRESS,
) -> Report:
    """Read and judge what discovery found, in `jobs` processes.

    The report is the same as that of one process.

    Raises:
        JoulemarkError: No process could be started.
    """
    audit_number = next(_audit_numbers)
    progress.phase("Reading")
    pending, read_tasks = itertools.tee(
        _ReadTask((audit_number, number), item, timeout_s)
        for number, item in enumerate(progress.track(items))
    )
    outcomes = share(_read, pending, jobs, lost=lambda task: died(task.item))
    tree = sorted_out(outline for _, outline in outcomes)
    readers = [
        (process, read_task)
        for read_task, (process, outline) in zip(read_tasks, outcomes, strict=True)
        if isinstance(outline, Entry)
    ]

    progress.phase("Comparing traces")
    compared = compare_within(tree.entries, timeout_s)
    judge_tasks = []
    outlines = with_submission_defects(tree.entries, trust, timeout_s)
    for outline, (_, read_task) in zip(outlines, readers, strict=True):
        without_runs = replace(outline, runs=())
        task = Task(without_runs, *compared.of_entry(outline.id), round_name, chosen, timeout_s)
        judge_tasks.append(_JudgeTask(read_task, task))

    progress.phase("Judging")
    reports = share(
        _judge,
        judge_tasks,
        jobs,
        lost=lambda judge_task: report_lost(judge_task.task),
        homes=[process for process, _ in readers],
    )
    judged = tuple(compared.judged(report) for _, report in reports)
    return Report(judged, tree.unreadable, tree.skipped)


def _read(task: _ReadTask) -> Entry | Skipped | tuple[str, str]:
    """Read an entry, keep it in this process, and return its outline."""
    _forget_other_audits(task.key[0])
    entry = load_one(task.item, task.timeout_s)
    if not isinstance(entry, Entry):
        return entry
    _kept_entries[task.key] = entry
    return _outline(entry)


def _forget_other_audits(audit_number: int) -> None:
    """Drop the entries of audits that were interrupted."""
    stale = [key for key in _kept_entries if key[0] != audit_number]
    for key in stale:
        del _kept_entries[key]


def _judge(judge_task: _JudgeTask) -> EntryReport:
    """Judge an entry that this process keeps; read it again if the process that kept it ended."""
    read_task, task = judge_task.reading, judge_task.task
    entry = _kept_entries.pop(read_task.key, None) or load_one(read_task.item, read_task.timeout_s)
    if not isinstance(entry, Entry):
        return report_lost(task)
    defects = (*entry.defects, *task.entry.defects)
    return judge(replace(task, entry=replace(entry, defects=defects)))


def _outline(entry: Entry) -> Entry:
    """Return an entry with no more than is needed to find copies, pairs and its submission."""
    runs = tuple(
        Run(id=run.id, window=run.window, traces=_readings_only(run), sources=run.sources[:1])
        for run in entry.runs
    )
    return replace(entry, runs=runs, ranging=None, defects=())


def _readings_only(run: Run) -> tuple[Trace, ...]:
    """Return the outer traces of a run with their readings, without what cleaning noted."""
    traces = tuple(Trace(trace.channel, trace.t_ns, trace.value) for trace in run.outer)
    for trace in traces:
        _ = trace.content_sha256  # computed here, it travels with the trace
    return traces
