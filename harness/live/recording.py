"""The run directory of a live run: claimed first, complete last, and readable at every moment between."""

from __future__ import annotations

import contextlib
import errno
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.errors import JoulemarkError, UsageError
from harness.core.files import read_bytes, sha256
from harness.core.schemas import write_document
from harness.formats.base import Defect, Entry, Run
from harness.formats.defects import DefectCode
from harness.formats.evidence import Evidence, RecordingEvidence, evidence_from_facts
from harness.formats.run_directory import INCOMPLETE, SAMPLES, record, write_run
from harness.runners.base import Outcome
from harness.traces.channel import Channel
from harness.traces.journal_reader import Samples, read_samples
from harness.traces.trace import Trace, Window

PREPARED = "prepared"
"""Folder of what a workload makes once for all its runs, in the entry."""
UNEXPLAINED = "it was not recorded to its end: whoever recorded it stopped without a word (killed, or power lost)"
"""What an incomplete run says of itself until somebody knows better."""
LEVELS = {"rack": 0, "pdu": 1, "wall": 1, "psu": 2, "node": 2, "psu-output": 3, "psys": 3}
"""What contains what: a boundary contains all of a higher level; those that are not listed contain nothing."""
INNERMOST = 4


class RunFailed(JoulemarkError):
    """A run was not recorded to its end; its folder says so."""


def claim(folder: Path, entry: Entry) -> None:
    """Make a run directory that is ours alone, and say in it that it is not complete. Raises JoulemarkError."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except FileExistsError:
        raise UsageError(
            "there is a run already",
            where=str(folder),
            fix="Choose another --out; nothing there was changed.",
        ) from None
    except OSError as error:
        raise unwritable(folder, error) from None
    tell(folder, entry, UNEXPLAINED)


def tell(folder: Path, entry: Entry, reason: str) -> None:
    """Write why the run is not complete. Raises JoulemarkError."""
    evidence = Evidence(recording=RecordingEvidence(incomplete=reason))
    run = Run(id=folder.name, window=None, evidence=evidence)
    try:
        write_document("run", record(entry, run, "timed"), folder / INCOMPLETE)
    except OSError as error:
        raise unwritable(folder, error) from None


def unwritable(folder: Path, error: OSError) -> RunFailed:
    """The error of a folder that does not take what is written to it."""
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
def recorded(folder: Path, entry: Entry) -> Iterator[None]:
    """A run directory is claimed; where the block fails, the reason is told in it, and the error goes on."""
    claim(folder, entry)
    try:
        yield
    except BaseException as error:
        reason = (
            "it was interrupted"
            if isinstance(error, KeyboardInterrupt)
            else str(error) or type(error).__name__
        )
        with contextlib.suppress(JoulemarkError):  # a full disk: what was told at the begin stays
            tell(folder, entry, reason)
        if isinstance(error, RunFailed):  # a rank of it said so already
            raise
        if isinstance(error, OSError):
            raise unwritable(folder, error) from error
        if isinstance(error, JoulemarkError):
            raise RunFailed(
                f"the run is not complete: {error.message}",
                where=error.where or str(folder),
                got=error.got,
                expected=error.expected,
                fix=error.fix or f"{folder} keeps what was recorded; leave it out.",
            ) from error
        raise


def complete(folder: Path, entry: Entry, outcome: Outcome, idle: Mapping[str, Window]) -> Run:
    """Turn journals into traces, and write the record last. Raises JoulemarkError, OSError."""
    journals = [read_samples(path) for path in sorted((folder / SAMPLES).glob("*.csv"))]
    facts = _facts(outcome, journals, idle) | {"prepared": _prepared(entry.directory / PREPARED)}
    evidence, _ = evidence_from_facts(facts)
    run = Run(
        id=folder.name,
        window=outcome.window,
        traces=tuple(traces_of(journals)),
        work=outcome.work,
        performance=outcome.performance,
        quality=outcome.quality,
        seconds=outcome.seconds if outcome.seconds is not None else outcome.window.seconds,
        success=outcome.success,
        evidence=evidence,
    )
    simulated = entry.simulated or any(samples.about.get("simulated") for samples in journals)
    noted = tuple(
        defect
        for samples in journals
        for defect in _defects(samples, folder.relative_to(entry.directory))
    )
    write_run(replace(entry, simulated=simulated, defects=noted), run, folder)
    (folder / INCOMPLETE).unlink()
    return run


def _prepared(folder: Path) -> list[dict[str, str]]:
    """Files that were made once for all runs, with their hashes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        {"path": str(path.relative_to(folder.parent)), "sha256": sha256(read_bytes(path))}
        for path in files
    ]


def _facts(
    outcome: Outcome, journals: Sequence[Samples], idle: Mapping[str, Window]
) -> dict[str, object]:
    return dict(outcome.facts) | {
        "advice": list(outcome.advice),
        "idle": {
            name: {"start_ns": span.start_ns, "stop_ns": span.stop_ns}
            for name, span in idle.items()
        },
        "sampler": [samples.statistics() for samples in journals],
    }


def traces_of(journals: Sequence[Samples]) -> Iterator[Trace]:
    """All traces: ids made unique, what lies inside another made part of it, the clock's error as it was seen."""
    counts = Counter(trace.channel.id for samples in journals for trace in samples.traces)
    named: list[tuple[Trace, Channel]] = []
    for samples in journals:
        steps = max((abs(step.step_s) for step in samples.steps()), default=0.0)
        for trace in samples.traces:
            channel = _renamed(trace.channel, samples.path.stem, counts)
            if steps:
                channel = replace(channel, clock_error_s=max(channel.clock_error_s or 0.0, steps))
            named.append((trace, channel))
    holders = nest([channel for _, channel in named])
    for trace, channel in named:
        yield replace(trace, channel=replace(channel, part_of=holders[channel.id]))


def _renamed(channel: Channel, meter: str, counts: Counter[str]) -> Channel:
    def name(id_: str) -> str:
        return id_ if counts[id_] == 1 else f"{meter}-{id_}"

    return replace(
        channel, id=name(channel.id), part_of=name(channel.part_of) if channel.part_of else None
    )


def nest(channels: Sequence[Channel]) -> dict[str, str | None]:
    """The channel that contains each: as its meter says, or one at the outermost boundary that any meter has.

    A model of what is measured too is part of the measurement: an estimate is never added to it.
    """
    outer = [channel for channel in channels if channel.part_of is None]
    level = min((LEVELS.get(channel.boundary, INNERMOST) for channel in outer), default=INNERMOST)
    holder = next((c.id for c in outer if LEVELS.get(c.boundary, INNERMOST) == level), None)
    measured = {c.boundary: c.id for c in outer if c.kind != "estimate"}
    found: dict[str, str | None] = {}
    for channel in channels:
        inside = channel.part_of
        if inside is None and LEVELS.get(channel.boundary, INNERMOST) > level:
            inside = holder
        if inside is None and channel.kind == "estimate":
            inside = measured.get(channel.boundary)
        found[channel.id] = inside
    return found


def _defects(samples: Samples, folder: Path) -> Iterator[Defect]:
    where = f"{folder.as_posix()}/{SAMPLES}/{samples.path.name}"
    for step in samples.steps():
        yield Defect(
            DefectCode.CLOCK_STEP,
            where,
            f"the wall clock went {step.step_s:+.3f} s against the monotonic clock",
        )
    if samples.end is None or samples.cut:
        got = (
            f"the sampler ended before it was told to; its chain goes to line {samples.links.last}"
        )
        yield Defect(DefectCode.SAMPLES_CUT, where, got, max(samples.cut, 1))
    elif samples.end.get("hung"):
        yield Defect(DefectCode.METER_HUNG, where, "the meter did not answer when the run ended")
