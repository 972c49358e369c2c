"""Replay: recorded runs, of any format that can be read, through the same pipeline again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.core.errors import UnreadableError
from harness.core.timestamps import NS
from harness.formats.base import Entry, Run
from harness.formats.defects import DefectCode
from harness.formats.load import read
from harness.formats.run_directory import write_entry


def replay(
    *paths: str | Path, out: Path, realtime: bool = False, say: Callable[[str], None]
) -> Iterator[Path]:
    """Write the runs below `paths` as run directories below `out`: the same bytes in give the same bytes out.

    realtime: take as long as the runs took. Raises UnreadableError where nothing can be read, or a run is not whole.
    """
    tree = read(*paths)
    if tree.unreadable:
        where, reason = tree.unreadable[0]
        raise UnreadableError("cannot be replayed", where=where, got=reason)
    for entry in tree.entries:
        _refuse_incomplete(entry)
        if realtime:
            for run in entry.runs:
                pace(run, say)
        yield from write_entry(entry, out / entry.id)
        say(f"{entry.id}: {len(entry.runs)} runs replayed")


def _refuse_incomplete(entry: Entry) -> None:
    told = next(
        (defect for defect in entry.defects if defect.code == DefectCode.RUN_INCOMPLETE), None
    )
    if told is not None:
        raise UnreadableError(
            "the run is not complete",
            where=told.where,
            got=told.got,
            expected="a run that was recorded to its end",
            fix="Leave it out.",
        )


def pace(run: Run, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep) -> None:
    """Let the time of a run pass, telling its power once a second of it."""
    trace = next((trace for trace in run.outer if len(trace) > 1), None)
    if trace is None:
        return
    begin, told = int(trace.t_ns[0]), -1
    started = time.monotonic()
    for t_ns, value in zip(trace.t_ns.tolist(), trace.value.tolist(), strict=True):
        elapsed = (t_ns - begin) / NS
        if (left := elapsed - (time.monotonic() - started)) > 0:
            sleep(left)
        if int(elapsed) > told:
            told = int(elapsed)
            say(f"{run.id}: {elapsed:.0f} s, {value:.5g} {trace.channel.unit}")
