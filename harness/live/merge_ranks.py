"""One run of the ranks that made it: their traces on the clock of rank 0, the energy of all machines together."""

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
from harness.formats.run_directory import FORMAT, INCOMPLETE, RECORD, SAMPLES, write_run
from harness.live.distributed.clock_offset import Clock
from harness.live.recording import UNEXPLAINED, RunFailed, traces_of
from harness.traces.channel import Channel
from harness.traces.journal_reader import read_samples
from harness.traces.trace import Trace

RANKS = "ranks"
"""Folder of the run directories of all ranks, in the run directory of a run on several machines."""
ALTERED = (
    DefectCode.TRACE_UNREADABLE,
    DefectCode.FILE_UNREADABLE,
    DefectCode.FILE_CHANGED,
    DefectCode.CHAIN_BROKEN,
)
"""Defects of a rank that is not merged."""


def merge(folder: Path) -> Run:
    """Make a run directory whole from those of its ranks, and write its record last. Raises JoulemarkError, OSError."""
    entry = _claimed(folder)
    ranks = list(_ranks(folder, entry.id))
    runs = [rank.runs[0] for rank in ranks]
    placed = [
        trace
        for rank in ranks
        for trace in _placed(rank.runs[0].traces, _said(rank), rank.directory)
    ]
    run = replace(runs[0], id=folder.name, traces=tuple(placed), evidence=_merged_evidence(runs))
    defects = tuple(dict.fromkeys(defect for rank in ranks for defect in rank.defects))
    write_run(
        replace(entry, simulated=any(rank.simulated for rank in ranks), defects=defects),
        run,
        folder,
    )
    (folder / INCOMPLETE).unlink()
    return run


def _claimed(folder: Path) -> Entry:
    """The entry that the run was begun for."""
    if (folder / RECORD).is_file():
        raise UsageError("is a whole run already", where=str(folder))
    if not (folder / RANKS / "0").is_dir():
        raise UsageError(
            "is no run of several ranks",
            where=str(folder),
            expected=f"a run directory with {INCOMPLETE} and {RANKS}/0",
        )
    told = read_document("run", folder / INCOMPLETE)["entry"]
    entry = FORMAT.read(folder, str(told.get("origin", {}).get("id", folder.parent.name)))
    return replace(entry, directory=folder.parent)


def _ranks(folder: Path, entry_id: str) -> Iterator[Entry]:
    """The entry of each rank, all of one meeting."""
    first = _rank(folder / RANKS / "0", entry_id)
    said = _said(first)
    yield first
    for number in range(1, said["of"]):
        found = _rank(folder / RANKS / str(number), entry_id)
        if _said(found) | {"node": "", "clock": None} != said | {
            "number": number,
            "node": "",
            "clock": None,
        }:
            raise UnreadableError(
                f"is not rank {number} of this run",
                where=str(folder / RANKS / str(number)),
                got=shorten(_said(found)),
                fix="Take the folder that this run made.",
            )
        yield found


def _rank(folder: Path, entry_id: str) -> Entry:
    if not (folder / RECORD).is_file():
        why = (
            read_document("run", folder / INCOMPLETE)["facts"]
            if (folder / INCOMPLETE).is_file()
            else None
        )
        raise RunFailed(
            f"rank {folder.name} "
            + ("was not recorded to its end" if why else "has no record here"),
            where=str(folder),
            got=shorten(why.get("incomplete", UNEXPLAINED), 300) if why else "no folder",
            expected=RECORD,
            fix="Leave this run out." if why else "Copy the folder here from that rank's --out.",
        )
    found = FORMAT.read(folder, entry_id)
    for defect in found.defects:
        if defect.code in ALTERED:
            raise UnreadableError(
                "is not as it was recorded",
                where=defect.where,
                got=defect.got,
                fix="Take the folder that this run made.",
            )
    return found


def journal_folders(folder: Path, run: Run) -> list[Path]:
    """The folders of journals in a run directory: its own, or one of each rank that samples. Raises UnreadableError."""
    found = [where / SAMPLES for where, _ in _parts(folder, run)]
    return [path for path in found if path.is_dir() and not path.is_symlink()]


def journalled(folder: Path, run: Run) -> Iterator[Trace]:
    """The traces that the journals of a run directory give today, those of all its ranks. Raises JoulemarkError."""
    for where, said in _parts(folder, run):
        traces = traces_of([read_samples(path) for path in sorted((where / SAMPLES).glob("*.csv"))])
        yield from traces if said is None else _placed(traces, said, where)


def _parts(folder: Path, run: Run) -> Iterator[tuple[Path, Mapping[str, Any] | None]]:
    """Where each part of a run was recorded, and what its rank said of itself; None where there is one part only."""
    recording = run.evidence.recording
    if recording is None or recording.ranks is None:
        yield folder, None
        return
    for said in recording.ranks:
        yield folder / RANKS / str(_checked(said, folder)["number"]), said


def _said(entry: Entry) -> dict[str, Any]:
    """What a rank said of itself. Raises UnreadableError."""
    recording = entry.runs[0].evidence.recording if entry.runs else None
    return _checked(recording.rank if recording else None, entry.directory)


def _checked(said: Any, where: Path) -> dict[str, Any]:
    if isinstance(said, dict) and isinstance(said.get("node"), str):
        known: dict[str, Any] = said
        if all(type(known.get(name)) is int and known[name] >= 0 for name in ("number", "of")):
            return known
    raise UnreadableError(
        "is not the record of a rank", where=str(where), expected="facts.rank as joulemark wrote it"
    )


def _placed(traces: Iterable[Trace], said: Mapping[str, Any], folder: Path) -> Iterator[Trace]:
    """The traces of a rank on the clock of rank 0, each named by its machine."""
    for trace in traces:
        named = _named(trace.channel, said["node"])
        if said["number"] == 0:
            yield replace(trace, channel=named)
            continue
        clock = Clock.from_facts(said.get("clock") or {}, str(folder))
        yield replace(clock.place(trace), channel=_compared(named, clock))


def _named(channel: Channel, node: str) -> Channel:
    holder = f"{node}-{channel.part_of}" if channel.part_of else None
    return replace(channel, id=f"{node}-{channel.id}", part_of=holder, node=node)


def _compared(channel: Channel, clock: Clock) -> Channel:
    """A channel with the error of a clock that was compared; of one that is unknown it stays unknown."""
    own = channel.clock_error_s
    error = None if own is None else (own**2 + clock.error_s**2) ** 0.5
    return replace(
        channel, clock=f"{channel.node} at {to_iso(clock.before.at_ns)}", clock_error_s=error
    )


def _merged_evidence(runs: list[Run]) -> Evidence:
    """Return what rank 0 recorded of the run, with the ranks and the samplers of all machines."""
    first = runs[0].evidence
    ranks = [_recording(run).rank or {} for run in runs]
    samplers = [
        {**item, "node": rank["node"]}
        for run, rank in zip(runs, ranks, strict=True)
        for item in run.evidence.samplers
    ]
    recording = replace(
        _recording(runs[0]), rank=None, ranks=tuple(ranks), samplers=tuple(samplers)
    )
    return replace(first, recording=recording)


def _recording(run: Run) -> RecordingEvidence:
    return run.evidence.recording or RecordingEvidence()
