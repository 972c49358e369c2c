"""Merge the parts of a run on several machines.

Each rank records its own part below `ranks/N`. Merging puts all traces on the clock of rank 0 and
writes one record, so that the energy of all machines adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.schemas import read_document
from harness.core.timestamps import to_iso
from harness.formats.base import Entry, Run
from harness.formats.defects import DefectCode
from harness.formats.evidence import Evidence, RecordingEvidence
from harness.formats.run_directory import FORMAT, INCOMPLETE, RECORD, SAMPLES
from harness.formats.run_directory_writer import write_run
from harness.live.distributed.clock_offset import Clock
from harness.live.recording import NO_REASON, RunFailed, traces_of
from harness.traces.channel import Channel
from harness.traces.journal_reader import journal_paths, read_samples
from harness.traces.trace import Trace

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
    traces: list[Trace] = []
    for part in parts:
        traces += _on_common_clock(part.runs[0].traces, _rank_facts(part), part.directory)
    defects = dict.fromkeys(defect for part in parts for defect in part.defects)
    simulated = any(part.simulated for part in parts)
    evidence = _merged_evidence(runs)
    run = replace(runs[0], id=folder.name, traces=tuple(traces), evidence=evidence)
    write_run(replace(entry, simulated=simulated, defects=tuple(defects)), run, folder)
    (folder / INCOMPLETE).unlink()
    return run


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
    """Return what must be equal in all ranks of one run, their number aside."""
    return {name: value for name, value in facts.items() if name not in ("node", "clock")}


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


def journalled(folder: Path, run: Run) -> Iterator[Trace]:
    """Yield the traces that the journals of a run directory give today, of all its ranks.

    Raises:
        JoulemarkError: A journal or the record of a rank cannot be read.
    """
    for part, rank_facts in _parts_of(folder, run):
        journals = [read_samples(path) for path in journal_paths(part / SAMPLES)]
        traces = traces_of(journals)
        if rank_facts is None:
            yield from traces
        else:
            yield from _on_common_clock(traces, rank_facts, part)


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


def _on_common_clock(
    traces: Iterable[Trace], rank_facts: Mapping[str, Any], folder: Path
) -> Iterator[Trace]:
    """Put the traces of a rank on the clock of rank 0, and name each by its machine."""
    for trace in traces:
        channel = _of_node(trace.channel, rank_facts["node"])
        if rank_facts["number"] == 0:
            yield replace(trace, channel=channel)
        else:
            clock = Clock.from_facts(rank_facts.get("clock") or {}, str(folder))
            yield replace(clock.shift_trace(trace), channel=_with_clock(channel, clock))


def _of_node(channel: Channel, node: str) -> Channel:
    parent = f"{node}-{channel.part_of}" if channel.part_of else None
    return replace(channel, id=f"{node}-{channel.id}", part_of=parent, node=node)


def _with_clock(channel: Channel, clock: Clock) -> Channel:
    """Add the error of the clock comparison; an unknown error stays unknown."""
    error_s = channel.clock_error_s
    if error_s is not None:
        error_s = (error_s**2 + clock.error_s**2) ** 0.5
    name = f"{channel.node} at {to_iso(clock.before.at_ns)}"
    return replace(channel, clock=name, clock_error_s=error_s)


def _merged_evidence(runs: list[Run]) -> Evidence:
    """Return what rank 0 recorded of the run, with the ranks and the samplers of all machines."""
    ranks = [_recording(run).rank or {} for run in runs]
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
