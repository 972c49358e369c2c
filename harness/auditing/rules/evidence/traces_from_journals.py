"""Traces of a live run are what its journals hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from harness.auditing.rules.base import (
    RECORDED_RUNS,
    Rule,
    RuleContext,
    Violation,
    location,
    run_folder,
)
from harness.core.errors import JoulemarkError, shorten
from harness.core.timestamps import to_iso
from harness.formats.base import Run
from harness.formats.run_directory import RECORD, SAMPLES
from harness.traces.journal.reader import JournalReader
from harness.traces.trace import Trace

FIX = "Submit the traces that joulemark made when the run ended, beside their journals."


def check(context: RuleContext) -> Iterator[Violation]:
    """Report traces that differ from those that the journals give."""
    # Imported late: `rules` lists the rules without what records runs.
    from harness.live.merge_ranks import RANKS, journal_folders

    has_journals = False
    for run in context.entry.runs:
        folder = run_folder(context.entry, run)
        try:
            journals = journal_folders(folder, run)
        except JoulemarkError as error:
            yield Violation(location(run), str(error), "what each rank said of itself", FIX)
            continue
        if journals:
            has_journals = True
            if (folder / RECORD).is_file():  # without a record the journals are the traces
                yield from _compare(run, folder, context.journals)
        elif run.evidence.samplers or (folder / RANKS).is_dir():
            got = "recorded live, and no journals"
            yield Violation(location(run), got, f"a folder {SAMPLES}", FIX, status="warn")
    if not has_journals:
        yield Violation(
            "result",
            "no journals here",
            "those of a live run",
            "Audit the original run.",
            status="skip",
        )


def _compare(run: Run, folder: Path, reader: JournalReader) -> Iterator[Violation]:
    """Compare each trace with the one that its journal gives today."""
    from harness.live.merge_ranks import journalled

    try:
        traces = journalled(folder, run, reader)
        journal_traces = {trace.channel.id: trace for trace in traces}
    except JoulemarkError as error:
        yield Violation(f"{run.id}/{SAMPLES}", str(error), "journals that can be read", FIX)
        return
    stored_traces = {trace.channel.id: trace for trace in run.traces}
    for name in sorted(journal_traces.keys() | stored_traces.keys()):
        where = f"{run.id}/traces/{name}"
        if name not in stored_traces:
            yield Violation(where, "no such trace", "the channel that a journal holds", FIX)
        elif name not in journal_traces:
            got = "a trace that no journal holds"
            yield Violation(where, got, "traces of the journals only", FIX)
        elif difference := _difference(stored_traces[name], journal_traces[name]):
            yield Violation(where, *difference, FIX)


def _difference(stored: Trace, journal: Trace) -> tuple[str, str] | None:
    """Return the first thing that differs: what the trace has, and what its journal has."""
    for field in fields(stored.channel):
        stored_value = getattr(stored.channel, field.name)
        journal_value = getattr(journal.channel, field.name)
        if stored_value != journal_value:
            return (
                f"{field.name} {shorten(stored_value)}",
                f"{field.name} {shorten(journal_value)}, as its journal states",
            )
    if stored.content_sha256 != journal.content_sha256:
        position = _first_difference(stored, journal)
        return (
            _reading_text(stored, position),
            f"{_reading_text(journal, position)}, as its journal holds",
        )
    if stored.dropped != journal.dropped:
        return (
            f"{len(stored.dropped)} failed readings",
            f"the {len(journal.dropped)} that its journal holds",
        )
    return None


def _first_difference(stored: Trace, journal: Trace) -> int:
    """Return the position of the first reading that differs, or that only one trace has."""
    common = min(len(stored), len(journal))
    other_stamp = stored.t_ns[:common] != journal.t_ns[:common]
    other_value = stored.value[:common] != journal.value[:common]
    differs = other_stamp | other_value
    return int(np.argmax(differs)) if differs.any() else common


def _reading_text(trace: Trace, position: int) -> str:
    if position >= len(trace):
        return f"no reading {position}"
    value, stamp = trace.value[position], to_iso(int(trace.t_ns[position]))
    return f"reading {position}: {value:.9g} {trace.channel.unit} at {stamp}"


RULE = Rule(
    id="traces-from-journals",
    title="Traces are what the journals hold",
    why="The journal is what the sampler wrote reading by reading, secured by a chain of hashes; "
    "the trace is made from it when the run ends. An edited trace beside an unedited journal "
    "claims another energy.",
    evidence="Traces of each live run, its channels, readings and failed readings, against those "
    "that its journals give. Runs that were imported or replayed have no journals.",
    remedy="Submit traces and journals as they were recorded.",
    applies_to=RECORDED_RUNS,
    ties_evidence=True,
    check=check,
)
