"""Replay recorded runs of any format through the same pipeline: same bytes in, same bytes out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.core.errors import UnreadableError
from harness.core.timestamps import NS
from harness.formats.base import Entry, Run
from harness.formats.defects import DefectCode
from harness.formats.load import read
from harness.formats.run_directory_writer import write_entry


def replay(
    *paths: str | Path, out: Path, realtime: bool = False, notify: Callable[[str], None]
) -> Iterator[Path]:
    """Write the runs below some paths as run directories.

    Args:
        *paths: Folders that hold recorded runs.
        out: Folder to write to.
        realtime: Take as long as the runs took.
        notify: Called with a line for the user.

    Raises:
        UnreadableError: A path cannot be read, or a run is incomplete.
    """
    tree = read(*paths)
    if tree.unreadable:
        where, reason = tree.unreadable[0]
        raise UnreadableError("cannot be replayed", where=where, got=reason)
    for entry in tree.entries:
        _refuse_incomplete(entry)
        if realtime:
            for run in entry.runs:
                pace(run, notify)
        yield from write_entry(entry, out / entry.id)
        notify(f"{entry.id}: {len(entry.runs)} runs replayed")


def _refuse_incomplete(entry: Entry) -> None:
    for defect in entry.defects:
        if defect.code == DefectCode.RUN_INCOMPLETE:
            raise UnreadableError(
                "the run is not complete",
                where=defect.where,
                got=defect.got,
                expected="a run that was recorded to its end",
                fix="Leave it out.",
            )


def pace(
    run: Run, notify: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Let the duration of a run pass, and report its power once for each second of it."""
    trace = next((trace for trace in run.outer if len(trace) > 1), None)
    if trace is None:
        return
    first_ns, reported_s = int(trace.t_ns[0]), -1
    started = time.monotonic()
    for t_ns, value in zip(trace.t_ns.tolist(), trace.value.tolist(), strict=True):
        elapsed_s = (t_ns - first_ns) / NS
        remaining_s = elapsed_s - (time.monotonic() - started)
        if remaining_s > 0:
            sleep(remaining_s)
        if int(elapsed_s) > reported_s:
            reported_s = int(elapsed_s)
            notify(f"{run.id}: {elapsed_s:.0f} s, {value:.5g} {trace.channel.unit}")
