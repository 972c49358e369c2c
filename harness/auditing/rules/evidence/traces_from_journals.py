"""Traces of a live run are what its journals hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, place, run_folder
from harness.core.errors import JoulemarkError, shorten
from harness.core.timestamps import to_iso
from harness.formats.base import Run
from harness.formats.run_directory import RECORD, SAMPLES
from harness.live.merge_ranks import RANKS, journal_folders, journalled
from harness.traces.trace import Trace

FIX = "Submit the traces that joulemark made when the run ended, beside their journals."


def check(case: RuleContext) -> Iterator[Violation]:
    held = False
    for run in case.entry.runs:
        folder = run_folder(case.entry, run)
        try:
            journals = journal_folders(folder, run)
        except JoulemarkError as error:
            yield Violation(place(run), str(error), "what each rank said of itself", FIX)
            continue
        held = held or bool(journals)
        if (
            journals and (folder / RECORD).is_file()
        ):  # traces of a run without one are read from the journals
            yield from _compare(run, folder)
        elif not journals and (run.evidence.samplers or (folder / RANKS).is_dir()):
            yield Violation(
                place(run),
                "recorded live, and no journals",
                f"a folder {SAMPLES}",
                FIX,
                status="warn",
            )
    if not held:
        yield Violation(
            "result",
            "no journals here",
            "those of a live run",
            "Audit the original run.",
            status="skip",
        )


def _compare(run: Run, folder: Path) -> Iterator[Violation]:
    """Each trace against the one that its journal gives today."""
    try:
        given = {trace.channel.id: trace for trace in journalled(folder, run)}
    except JoulemarkError as error:
        yield Violation(f"{run.id}/{SAMPLES}", str(error), "journals that can be read", FIX)
        return
    found = {trace.channel.id: trace for trace in run.traces}
    for name in sorted(given.keys() | found.keys()):
        where = f"{run.id}/traces/{name}"
        if name not in found:
            yield Violation(where, "no such trace", "the channel that a journal holds", FIX)
        elif name not in given:
            yield Violation(
                where, "a trace that no journal holds", "traces of the journals only", FIX
            )
        elif difference := _difference(found[name], given[name]):
            yield Violation(where, *difference, FIX)


def _difference(found: Trace, given: Trace) -> tuple[str, str] | None:
    """The first thing in which a trace differs from its journal: (in the trace, in the journal)."""
    for item in fields(found.channel):
        ours, theirs = getattr(found.channel, item.name), getattr(given.channel, item.name)
        if ours != theirs:
            return (
                f"{item.name} {shorten(ours)}",
                f"{item.name} {shorten(theirs)}, as its journal states",
            )
    if found.content_sha256 != given.content_sha256:
        both = min(len(found), len(given))
        unequal = (found.t_ns[:both] != given.t_ns[:both]) | (
            found.value[:both] != given.value[:both]
        )
        at = int(np.argmax(unequal)) if unequal.any() else both
        return _reading(found, at), f"{_reading(given, at)}, as its journal holds"
    if found.dropped != given.dropped:
        return (
            f"{len(found.dropped)} failed readings",
            f"the {len(given.dropped)} that its journal holds",
        )
    return None


def _reading(trace: Trace, at: int) -> str:
    if at >= len(trace):
        return f"no reading {at}"
    return (
        f"reading {at}: {trace.value[at]:.9g} {trace.channel.unit} at {to_iso(int(trace.t_ns[at]))}"
    )


RULE = Rule(
    id="traces-from-journals",
    title="Traces are what the journals hold",
    why="The journal is what the sampler wrote reading by reading, bound by its chain; the trace is made from it "
    "when the run ends. Who edits the trace and leaves the journal wants another energy.",
    evidence="Traces of each live run, its channels, readings and failed readings, against those that its journals "
    "give. Runs that were imported or replayed have no journals.",
    remedy="Submit traces and journals as they were recorded.",
    check=check,
)
