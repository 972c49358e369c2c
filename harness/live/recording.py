"""The run directory of a live run: created first, completed last, readable at every moment between.

From the first moment the directory holds `incomplete.json`, which says why there is no result yet.
Only when everything is on disk does `run.json` take its place.
"""

from __future__ import annotations

import contextlib
import errno
import secrets
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from harness.core.documents import write_document
from harness.core.errors import JoulemarkError, UsageError
from harness.core.files import read_bytes, sha256
from harness.formats.base import Defect, Entry, Rated, Run
from harness.formats.defects import DefectCode
from harness.formats.evidence import Evidence, RecordingEvidence
from harness.formats.evidence_facts import evidence_from_facts
from harness.formats.run_directory import INCOMPLETE, SAMPLES
from harness.formats.run_directory_writer import record, write_run
from harness.live.sensors.checks import CheckedSensors, check_sensors
from harness.live.sensors.shared_equipment import PREFIX, shared_channel, with_shared
from harness.meters.base import NoteKind, Unavailable
from harness.meters.context import summary, unsteady, write_series
from harness.runners.base import Outcome
from harness.traces.channel import Channel
from harness.traces.journal.reader import Samples, journal_paths, read_samples
from harness.traces.trace import Trace, Window

CONTEXT = "context.csv"
"""Temperatures, clocks, power limits and throttling during the run, a value a line."""
LEFT_PROCESSES = "left_processes"
"""Fact of a run: what the workload left running, and what became of it."""
PREPARED = "prepared"
"""Folder in the entry for what a workload makes once for all its runs."""
NO_REASON = (
    "it was not recorded to its end: the recording process stopped without stating a reason"
    " (killed, or power lost)"
)
"""What an incomplete run states until a better reason is known."""


RESERVE = ".reserve"
"""File that keeps room on the disk for the reason of a failure; removed when the run ends."""
RESERVE_BYTES = 8192


class RunFailed(JoulemarkError):
    """A run was not recorded to its end; its folder says why."""


def create_run_directory(folder: Path, entry: Entry) -> None:
    """Create a run directory that did not exist, marked incomplete.

    Raises:
        UsageError: There is one already.
        RunFailed: The folder cannot be written.
    """
    exists = UsageError(
        "there is a run already",
        where=str(folder),
        fix="Choose another --out; nothing there was changed.",
    )
    if folder.exists():
        raise exists
    # The folder appears with its mark in it: killed at any moment, there is both or neither.
    new = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        new.mkdir(parents=True)
        mark_incomplete(new, entry, NO_REASON, run_id=folder.name)
        with contextlib.suppress(OSError):
            (new / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        new.rename(folder)
    except OSError as error:
        shutil.rmtree(new, ignore_errors=True)
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
            raise exists from None
        raise not_writable(folder, error) from None
    except RunFailed:
        shutil.rmtree(new, ignore_errors=True)
        raise


def mark_incomplete(folder: Path, entry: Entry, reason: str, run_id: str = "") -> None:
    """Write why the run is not complete.

    Args:
        folder: The run directory.
        entry: The entry that the run belongs to.
        reason: Why.
        run_id: Id of the run; "" for the name of the folder.

    Raises:
        RunFailed: The folder cannot be written.
    """
    evidence = Evidence(recording=RecordingEvidence(incomplete=reason))
    run = Run(id=run_id or folder.name, window=None, evidence=evidence)
    document = record(entry, run, "timed")
    try:
        try:
            write_document("run", document, folder / INCOMPLETE)
        except OSError:  # perhaps the disk is full: there is room left for this
            (folder / RESERVE).unlink()
            write_document("run", document, folder / INCOMPLETE)
    except OSError as error:
        raise not_writable(folder, error) from None


def not_writable(folder: Path, error: OSError) -> RunFailed:
    """Return the error for a folder that does not accept what is written, with its remedy."""
    remedies = {
        errno.ENOSPC: "Free space on the disk, or choose another --out.",
        errno.EDQUOT: "Ask for a larger quota, or choose another --out.",
        errno.EFBIG: "Raise the limit on the size of files (ulimit -f), or choose another --out.",
    }
    return RunFailed(
        f"cannot be written: {error.strerror}",
        where=str(error.filename or folder),
        fix=remedies.get(error.errno or 0, "Choose an --out that you may write to."),
    )


@contextlib.contextmanager
def recording(folder: Path, entry: Entry) -> Iterator[None]:
    """Create a run directory; where the block fails, write the reason into it.

    Where a meter cannot be used, nothing is left: the workload has not run.

    Raises:
        RunFailed: The block failed for a reason a person can mend.
        Unavailable: A meter cannot be used.
    """
    create_run_directory(folder, entry)
    try:
        yield
    except BaseException as error:
        if isinstance(error, Unavailable):  # nothing ran: no folder may bar the next start
            shutil.rmtree(folder, ignore_errors=True)
            raise
        interrupted = isinstance(error, KeyboardInterrupt)
        reason = "it was interrupted" if interrupted else str(error) or type(error).__name__
        with contextlib.suppress(JoulemarkError):  # on a full disk the first reason stays
            mark_incomplete(folder, entry, reason)
        with contextlib.suppress(OSError):
            (folder / RESERVE).unlink(missing_ok=True)
        if isinstance(error, RunFailed):  # from a part of the run, which is explicit enough
            raise
        if isinstance(error, OSError):
            raise not_writable(folder, error) from error
        if isinstance(error, JoulemarkError):
            raise _run_failed(folder, error) from error
        raise


def _run_failed(folder: Path, error: JoulemarkError) -> RunFailed:
    failed = RunFailed(
        f"the run is not complete: {error.message}",
        where=error.where or str(folder),
        got=error.got,
        expected=error.expected,
        fix=error.fix or f"{folder} keeps what was recorded; leave it out.",
    )
    failed.exit_code = error.exit_code
    return failed


def finalise(
    folder: Path,
    entry: Entry,
    outcome: Outcome,
    idle: Mapping[str, Window],
    rated: Sequence[Rated] = (),
) -> Run:
    """Turn journals into traces, write the record, and remove the mark of an incomplete run.

    Args:
        folder: The run directory.
        entry: The entry that the run belongs to.
        outcome: What the workload's logs state.
        idle: Idle times before and after the workload.
        rated: Parts that nobody measured.

    Raises:
        JoulemarkError: A journal cannot be read.
        OSError: The folder cannot be written.
    """
    journals = [read_samples(path) for path in journal_paths(folder / SAMPLES)]
    checked = sensors_of(journals)
    prepared = {"prepared": _prepared_files(entry.directory / PREPARED)}
    evidence, _ = evidence_from_facts(_facts(outcome, journals, idle) | prepared)
    seconds = outcome.window.seconds if outcome.seconds is None else outcome.seconds
    run = Run(
        id=folder.name,
        window=outcome.window,
        traces=tuple(checked.traces),
        rated=tuple(rated),
        work=outcome.work,
        performance=outcome.performance,
        quality=outcome.quality,
        seconds=seconds,
        success=outcome.success,
        evidence=evidence,
    )
    looks = [item for samples in journals for item in samples.context]
    if looks:
        write_series(folder / CONTEXT, looks)
    inside = folder.relative_to(entry.directory)
    simulated = entry.simulated or any(samples.about.get("simulated") for samples in journals)
    defects = [defect for samples in journals for defect in _defects(samples, inside)]
    defects += [
        Defect(DefectCode.PROCESSES_LEFT, inside.as_posix(), str(text))
        for text in cast("Sequence[str]", outcome.facts.get(LEFT_PROCESSES, ()))
    ]
    defects += _sensor_defects(journals, checked, inside, outcome.window)
    (folder / RESERVE).unlink(missing_ok=True)
    write_run(replace(entry, simulated=simulated, defects=tuple(defects)), run, folder)
    (folder / INCOMPLETE).unlink()
    return run


def _prepared_files(folder: Path) -> list[dict[str, str]]:
    """List the files that were made once for all runs, with their hashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        {"path": str(path.relative_to(folder.parent)), "sha256": sha256(read_bytes(path))}
        for path in files
    ]


def _facts(
    outcome: Outcome, journals: Sequence[Samples], idle: Mapping[str, Window]
) -> dict[str, object]:
    idle_ns = {
        name: {"start_ns": window.start_ns, "stop_ns": window.stop_ns}
        for name, window in idle.items()
    }
    return dict(outcome.facts) | {
        "advice": list(outcome.advice),
        "idle": idle_ns,
        "sampler": [
            samples.statistics() | _context(samples, outcome.window) for samples in journals
        ],
    }


def traces_of(journals: Sequence[Samples]) -> Iterator[Trace]:
    """Yield the traces of all journals of a run, as they are summed."""
    yield from sensors_of(journals).traces


def sensors_of(journals: Sequence[Samples]) -> CheckedSensors:
    """Return the traces of all journals of a run, checked against each other.

    1. Ids that several meters use are made unique by the name of the meter.
    2. The clock error covers the steps of the wall clock that were seen.
    3. Each channel is assigned the channel that contains it; sensors that measure nothing are
       left out. Equipment that all machines share is not checked against this machine.
    """
    counts = Counter(trace.channel.id for samples in journals for trace in samples.traces)
    traces: list[Trace] = []
    shared: list[Trace] = []
    for samples in journals:
        is_shared = samples.path.stem.startswith(PREFIX)
        largest_step_s = max((abs(step.step_s) for step in samples.steps()), default=0.0)
        for trace in samples.traces:
            channel = with_unique_id(trace.channel, samples.path.stem, counts)
            if largest_step_s:
                clock_error_s = max(channel.clock_error_s or 0.0, largest_step_s)
                channel = replace(channel, clock_error_s=clock_error_s)
            if is_shared:
                shared.append(replace(trace, channel=shared_channel(channel)))
            else:
                traces.append(replace(trace, channel=channel))
    checked = check_sensors(traces)
    if not shared:
        return checked
    return CheckedSensors(with_shared([*checked.traces, *shared]), checked.findings)


def with_unique_id(channel: Channel, meter: str, counts: Counter[str]) -> Channel:
    """Return the channel; an id that several meters use begins with the name of the meter."""

    def unique(id_: str) -> str:
        return id_ if counts[id_] == 1 else f"{meter}-{id_}"

    parent = unique(channel.part_of) if channel.part_of else None
    return replace(channel, id=unique(channel.id), part_of=parent)


NOTE_CODES: Mapping[str, DefectCode] = {
    NoteKind.LEFT_OUT: DefectCode.SENSOR_LEFT_OUT,
    NoteKind.UNMEASURED: DefectCode.BOARD_UNMEASURED,
    NoteKind.BEYOND_WORKLOAD: DefectCode.BOARDS_BEYOND_WORKLOAD,
    NoteKind.OUTDATED: DefectCode.METER_OUTDATED,
}
"""The defect that a meter's note becomes in the record; a remark becomes none."""


def _sensor_defects(
    journals: Sequence[Samples], checked: CheckedSensors, folder: Path, window: Window
) -> Iterator[Defect]:
    """Yield what the meters noted when they were probed, and what their readings show."""
    where = f"{folder.as_posix()}/{SAMPLES}"
    for samples in journals:
        notes = samples.about.get("notes")
        for note in notes if isinstance(notes, list) else []:
            code = NOTE_CODES.get(str(note.get("kind"))) if isinstance(note, dict) else None
            if code is not None:
                got = f"{note.get('channel')}: {note.get('message')}"
                yield Defect(code, f"{where}/{samples.path.name}", got)
        for channel, reason in unsteady(_context(samples, window).get("context")):
            got = f"{channel}: {reason}"
            yield Defect(DefectCode.HARDWARE_UNSTEADY, f"{where}/{samples.path.name}", got)
    for finding in checked.findings:
        yield Defect(finding.code, where, finding.message)


def _context(samples: Samples, window: Window) -> dict[str, Any]:
    """Return what a meter said of temperatures, clocks and limits in the window, for the record."""
    if not samples.context:
        return {}
    return {"context": summary(samples.context, window.start_ns, window.stop_ns)}


def _defects(samples: Samples, folder: Path) -> Iterator[Defect]:
    """Yield what went wrong while a journal was written."""
    where = f"{folder.as_posix()}/{SAMPLES}/{samples.path.name}"
    for step in samples.steps():
        yield Defect(
            DefectCode.CLOCK_STEP,
            where,
            f"the wall clock went {step.step_s:+.3f} s against the monotonic clock",
        )
    if samples.end is None or samples.cut:
        got = f"the sampler ended too early; its chain goes to line {samples.links.last}"
        yield Defect(DefectCode.SAMPLES_CUT, where, got, max(samples.cut, 1))
    elif samples.end.get("hung"):
        yield Defect(DefectCode.METER_HUNG, where, "the meter did not answer when the run ended")
