"""Merge the parts of a run on several machines.

Each rank records its own part below `ranks/N`. Merging writes one record of the whole run:

1. The window of the run is made of the windows of its ranks (`distributed.rank_windows`).
2. The traces of all ranks are merged on the clock of rank 0 (`rank_traces`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.documents import read_document
from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.timestamps import from_iso
from harness.formats.base import Defect, Entry, Run
from harness.formats.defects import DefectCode
from harness.formats.evidence import Evidence, RecordingEvidence
from harness.formats.run_directory import FORMAT, INCOMPLETE, RECORD, SAMPLES
from harness.formats.run_directory_writer import write_run
from harness.live.distributed.clock_offset import Clock
from harness.live.distributed.rank_windows import (
    LIFE,
    MARKS,
    common_window,
    read_span,
    span_document,
)
from harness.live.rank_traces import RankTraces, clocks_of, merge_traces
from harness.live.recording import NO_REASON, RESERVE, RunFailed, traces_of
from harness.traces.journal.reader import JournalReader, journal_paths
from harness.traces.trace import Trace, Window

RANKS = "ranks"
"""Folder in the run directory of a distributed run that holds the run directories of all ranks."""
ALTERED = (
    DefectCode.TRACE_UNREADABLE,
    DefectCode.FILE_UNREADABLE,
    DefectCode.FILE_CHANGED,
    DefectCode.CHAIN_BROKEN,
)
"""Defects that keep a part from being merged."""
TAKE_ORIGINAL = "Take the folder that this run made."


def merge(folder: Path) -> Run:
    """Make a run directory whole from the parts of its ranks, and write its record last.

    Raises:
        JoulemarkError: A part is missing, incomplete, altered, or of another run.
        OSError: The folder cannot be written.
    """
    entry = _entry_of(folder)
    parts = _read_parts(folder, entry.id)
    runs = [part.runs[0] for part in parts]
    ranks = _on_common_clock([(_rank_facts(part), part.runs[0].window) for part in parts], folder)
    directories = [part.directory for part in parts]
    merged = merge_traces(
        [
            RankTraces(run.traces, rank, directory)
            for run, rank, directory in zip(runs, ranks, directories, strict=True)
        ]
    )
    defects = dict.fromkeys(defect for part in parts for defect in part.defects)
    for finding in merged.findings:
        defects[Defect(finding.code, folder.name, finding.message)] = None
    simulated = any(part.simulated for part in parts)
    run = replace(
        runs[0],
        id=folder.name,
        traces=tuple(merged.traces),
        evidence=_merged_evidence(runs, ranks),
        success=_common_success(runs),
    )
    window = common_window(ranks)
    if window is not None and window != run.window:
        run = replace(run, window=window, seconds=window.seconds)
    (folder / RESERVE).unlink(missing_ok=True)
    write_run(replace(entry, simulated=simulated, defects=tuple(defects)), run, folder)
    (folder / INCOMPLETE).unlink()
    return run


def machine_count(run: Run) -> int:
    """Return how many machines a merged run is of.

    Two ranks whose instruments are all the same are on one machine, whatever its marks say.
    """
    recording = run.evidence.recording
    ranks = recording.ranks if recording and recording.ranks else ()
    nodes = {str(rank["node"]) for rank in ranks}
    node_of = {trace.channel.id: trace.channel.node for trace in run.traces}
    has_part: dict[str | None, bool] = {}
    for trace in run.traces:
        channel = trace.channel
        parent_node = node_of.get(channel.part_of or "", channel.node)
        is_elsewhere = parent_node is not None and parent_node != channel.node
        has_part[channel.node] = has_part.get(channel.node, False) or not is_elsewhere
    return max(1, len([node for node in nodes if has_part.get(node, True)]))


def _common_success(runs: Sequence[Run]) -> bool | None:
    """Return whether the run succeeded: rank 0 says so, and no rank denies it."""
    return False if any(run.success is False for run in runs) else runs[0].success


def recorded_ranks(directory: Path, run: Run) -> dict[int, Mapping[str, Any]]:
    """Return what each rank of a run recorded of itself, its spans on the clock of rank 0.

    Args:
        directory: The entry.
        run: The merged run.

    Raises:
        JoulemarkError: A record cannot be read.
    """
    folder = directory if (directory / RECORD).is_file() else directory / run.id
    stated = []
    for path in sorted(folder.glob(f"{RANKS}/*/{RECORD}")):
        if path.parent.is_symlink():
            continue
        document = read_document("run", path)
        span = document["window"]
        window = Window(from_iso(span["start"]), from_iso(span["stop"])) if span else None
        stated.append((_checked_facts(document["facts"].get("rank"), path.parent), window))
    return {rank["number"]: rank for rank in _on_common_clock(stated, folder)}


def _on_common_clock(
    stated: Sequence[tuple[Mapping[str, Any], Window | None]], folder: Path
) -> list[dict[str, Any]]:
    """Return the facts of all ranks, their spans on the clock of rank 0.

    Args:
        stated: The facts of each rank, and the window of its record.
        folder: The run, for messages.
    """
    clocks = clocks_of([rank for rank, _ in stated], str(folder))
    ranks = []
    for rank, window in stated:
        clock = clocks.get(rank["node"])
        default_from = LIFE if rank["number"] else MARKS
        facts = dict(rank) | {"window_from": rank.get("window_from", default_from)}
        for name in ("window", "life"):
            span = read_span(rank.get(name)) or window
            if span is not None:
                facts[name] = span_document(_shifted(span, clock))
        ranks.append(facts)
    return ranks


def _shifted(span: Window, clock: Clock | None) -> Window:
    if clock is None:
        return span
    start_ns, stop_ns = clock.to_rank_0(np.array([span.start_ns, span.stop_ns], np.int64)).tolist()
    return Window(start_ns, stop_ns)


def _entry_of(folder: Path) -> Entry:
    """Return the entry that the run was begun for."""
    if (folder / RECORD).is_file():
        raise UsageError("is a complete run already", where=str(folder))
    if not (folder / RANKS / "0").is_dir():
        raise UsageError(
            "is not a run of several ranks",
            where=str(folder),
            expected=f"a run directory with {INCOMPLETE} and {RANKS}/0",
        )
    stated = read_document("run", folder / INCOMPLETE)["entry"]
    entry_id = str(stated.get("origin", {}).get("id", folder.parent.name))
    return replace(FORMAT.read(folder, entry_id), directory=folder.parent)


def _read_parts(folder: Path, entry_id: str) -> list[Entry]:
    """Read the part of each rank, and check that all are of one rendezvous."""
    first = _read_part(folder / RANKS / "0", entry_id)
    first_facts = _rank_facts(first)
    parts = [first]
    for rank in range(1, first_facts["of"]):
        part = _read_part(folder / RANKS / str(rank), entry_id)
        facts = _rank_facts(part)
        if _identity(facts) != _identity(first_facts) | {"number": rank}:
            raise UnreadableError(
                f"is not rank {rank} of this run",
                where=str(folder / RANKS / str(rank)),
                got=shorten(facts),
                fix=TAKE_ORIGINAL,
            )
        parts.append(part)
    return parts


def _identity(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be equal in all ranks of one run, and their number."""
    return {name: facts.get(name) for name in ("number", "of", "meeting")}


def _read_part(folder: Path, entry_id: str) -> Entry:
    """Read the part of one rank, which must be complete and unaltered."""
    if not (folder / RECORD).is_file():
        raise _part_missing(folder)
    part = FORMAT.read(folder, entry_id)
    for defect in part.defects:
        if defect.code in ALTERED:
            raise UnreadableError(
                "is not as it was recorded", where=defect.where, got=defect.got, fix=TAKE_ORIGINAL
            )
    return part


def _part_missing(folder: Path) -> RunFailed:
    """Say whether a part is absent or was not recorded to its end."""
    if not (folder / INCOMPLETE).is_file():
        return RunFailed(
            f"rank {folder.name} has no record here",
            where=str(folder),
            got="no folder",
            expected=RECORD,
            fix="Copy the folder here from that rank's --out.",
        )
    facts = read_document("run", folder / INCOMPLETE)["facts"]
    return RunFailed(
        f"rank {folder.name} was not recorded to its end",
        where=str(folder),
        got=shorten(facts.get("incomplete", NO_REASON), 300),
        expected=RECORD,
        fix="Leave this run out.",
    )


def journal_folders(folder: Path, run: Run) -> list[Path]:
    """List the folders of journals in a run directory, one for each rank that samples.

    Raises:
        UnreadableError: The record states its ranks in another form than joulemark writes.
    """
    folders = [part / SAMPLES for part, _ in _parts_of(folder, run)]
    return [path for path in folders if path.is_dir() and not path.is_symlink()]


def journalled(folder: Path, run: Run, reader: JournalReader) -> Iterator[Trace]:
    """Yield the traces that the journals of a run directory give today, of all its ranks.

    Args:
        folder: The run directory.
        run: The run, as its record states it.
        reader: Reads the journals.

    Raises:
        JoulemarkError: A journal or the record of a rank cannot be read.
    """
    ranks: list[RankTraces] = []
    for part, rank_facts in _parts_of(folder, run):
        journals = [reader.read(path) for path in journal_paths(part / SAMPLES)]
        traces = tuple(traces_of(journals))
        if rank_facts is None:
            yield from traces
        else:
            ranks.append(RankTraces(traces, rank_facts, part))
    yield from merge_traces(ranks).traces


def _parts_of(folder: Path, run: Run) -> Iterator[tuple[Path, Mapping[str, Any] | None]]:
    """Yield where each part of a run was recorded and the facts of its rank.

    The facts are None where the run has one part only. A record may state no ranks, or too few:
    journals that lie there are parts all the same.
    """
    recording = run.evidence.recording
    stated = recording.ranks if recording is not None and recording.ranks is not None else ()
    covered = set()
    for facts in stated:
        part = folder / RANKS / str(_checked_facts(facts, folder)["number"])
        covered.add(part)
        yield part, facts
    if not stated or (folder / SAMPLES).is_dir():
        covered.add(folder)
        yield folder, None
    for samples in sorted(folder.glob(f"{RANKS}/*/{SAMPLES}")):
        if samples.parent not in covered:
            yield samples.parent, None


def _rank_facts(part: Entry) -> dict[str, Any]:
    """Return what the record of a part states of its rank."""
    recording = part.runs[0].evidence.recording if part.runs else None
    return _checked_facts(recording.rank if recording else None, part.directory)


def _checked_facts(facts: Any, where: Path) -> dict[str, Any]:
    """Raise UnreadableError where facts of a rank are not as joulemark writes them."""
    if isinstance(facts, dict) and isinstance(facts.get("node"), str):
        counts = [facts.get(name) for name in ("number", "of")]
        if all(type(count) is int and count >= 0 for count in counts):
            return facts
    raise UnreadableError(
        "is not the record of a rank", where=str(where), expected="facts.rank as joulemark wrote it"
    )


def _merged_evidence(runs: Sequence[Run], ranks: Sequence[Mapping[str, Any]]) -> Evidence:
    """Return what rank 0 recorded of the run, with the ranks and the samplers of all machines."""
    samplers = [
        {**statistics, "node": rank["node"]}
        for run, rank in zip(runs, ranks, strict=True)
        for statistics in run.evidence.samplers
    ]
    recording = replace(
        _recording(runs[0]), rank=None, ranks=tuple(ranks), samplers=tuple(samplers)
    )
    return replace(runs[0].evidence, recording=recording)


def _recording(run: Run) -> RecordingEvidence:
    return run.evidence.recording or RecordingEvidence()
