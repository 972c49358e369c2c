"""An audit in several processes: each entry is judged where it was read, and only what shows copies travels.

Sending whole entries to one process that looks for copies, and back, would cost more than a tenth of the audit.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from harness.auditing.engine import Task, cross_entry_relations, judge, report_lost
from harness.auditing.report import EntryReport, Report
from harness.auditing.submission import vouched
from harness.core.process_pool import share
from harness.formats.base import Entry, Run
from harness.formats.discovery import Found, Skipped
from harness.formats.load import died, load_one, sorted_out
from harness.signing.trust import Trust
from harness.traces.trace import Trace

_audits = itertools.count()
_kept: dict[tuple[int, int], Entry] = {}
"""In a process that reads: the entries of this audit that it has read and not yet judged, by audit and index."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One item to read. key: number of the audit, and of the item in it"""

    key: tuple[int, int]
    item: Found | Skipped
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class _Judging:
    """One entry to judge where it was read. task: its entry has no runs, and of its defects those of its submission"""

    reading: _Reading
    task: Task


def audit_apart(
    found: Iterable[Found | Skipped],
    jobs: int,
    *,
    round_name: str | None = None,
    chosen: Collection[str] | None = None,
    timeout_s: float | None = None,
    trust: Trust | None = None,
) -> Report:
    """What `load`, `vouched` and `audit_entries` say of what `search` found, by `jobs` processes.

    Raises JoulemarkError where no process starts.
    """
    audit = next(_audits)
    todo, readings = itertools.tee(
        _Reading((audit, number), item, timeout_s) for number, item in enumerate(found)
    )
    read = share(_read, todo, jobs, lost=lambda reading: died(reading.item))
    tree = sorted_out(brief for _, brief in read)
    related = cross_entry_relations(tree.entries)
    places = [
        (home, reading)
        for reading, (home, brief) in zip(readings, read, strict=True)
        if isinstance(brief, Entry)
    ]
    judgings = [
        _Judging(
            reading,
            Task(replace(brief, runs=()), *related(brief.id), round_name, chosen, timeout_s),
        )
        for brief, (_, reading) in zip(vouched(tree.entries, trust), places, strict=True)
    ]
    reports = share(
        _judge,
        judgings,
        jobs,
        lost=lambda judging: report_lost(judging.task),
        homes=[home for home, _ in places],
    )
    return Report(tuple(report for _, report in reports), tree.unreadable, tree.skipped)


def _read(reading: _Reading) -> Entry | Skipped | tuple[str, str]:
    """Read and keep an entry; what is sent is its brief."""
    for key in [
        key for key in _kept if key[0] != reading.key[0]
    ]:  # an audit that did not come to its end
        del _kept[key]
    entry = load_one(reading.item, reading.timeout_s)
    if not isinstance(entry, Entry):
        return entry
    _kept[reading.key] = entry
    return _brief(entry)


def _judge(judging: _Judging) -> EntryReport:
    """Judge an entry that this process keeps, or reads again where another, which has ended, had kept it."""
    reading = judging.reading
    entry = _kept.pop(reading.key, None) or load_one(reading.item, reading.timeout_s)
    if not isinstance(entry, Entry):
        return report_lost(judging.task)
    return judge(
        replace(
            judging.task,
            entry=replace(entry, defects=(*entry.defects, *judging.task.entry.defects)),
        )
    )


def _brief(entry: Entry) -> Entry:
    """An entry without what only its own judgement needs: enough to see copies, twins and its submission."""
    runs = tuple(
        Run(id=run.id, window=run.window, traces=_outer(run), sources=run.sources[:1])
        for run in entry.runs
    )
    return replace(entry, runs=runs, ranging=None, defects=())


def _outer(run: Run) -> tuple[Trace, ...]:
    """Its outer traces, readings only."""
    traces = tuple(Trace(t.channel, t.t_ns, t.value) for t in run.outer)
    for trace in traces:
        _ = trace.content_sha256  # computed here, it travels with the trace
    return traces
