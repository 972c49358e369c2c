"""The contract of a rule, what it is given, and what it finds."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from harness.auditing.report import Status
from harness.core.timestamps import NS
from harness.energy.run import RunEnergy
from harness.formats.base import Defect, Entry, Run
from harness.formats.ptdaemon.power_session import Session
from harness.formats.run_directory import RECORD, SAMPLES
from harness.traces.clean import SAME_TIME, number_or_nan
from harness.traces.trace import Ints, Trace


@dataclass(frozen=True, slots=True)
class Violation:
    """What a rule yields; the engine adds the rule's id, clause and severity.

    status: only where it differs from the severity that the rulebook gives the rule
    """

    where: str
    got: str
    expected: str
    fix: str
    unit: str = ""
    status: Status | None = None


class Place(NamedTuple):
    """Where a trace stands: entry and run by id, file or channel, and (submitter, system) that own it."""

    entry: str
    run: str
    file: str
    owner: tuple[str, str]


class NearDuplicate(NamedTuple):
    """A trace that is not equal to another, and yet its copy: readings again at other times, thinned, or scaled.

    kind: "repeat" the same readings at another time or on another node, "resample" every nth of them, "scale" the
    same course times a factor
    shift_s: its time minus the other's [s]; share: of the shorter trace's readings that recur, or the correlation
    of the steps; factor: its readings over the other's, or readings of one for each of the other
    """

    other: Place
    kind: Literal["repeat", "resample", "scale"]
    shift_s: float
    share: float
    factor: float


class AcDcPair(NamedTuple):
    """The same run in another entry, measured before the supplies there and behind them here.

    above: readings that exceed the other's at the same stamp; of: readings that share their stamp with one
    ratio: mean of the readings behind the supplies over that before them
    """

    run: str
    other: str
    above: int
    of: int
    ratio: float


@dataclass(frozen=True, slots=True)
class CrossEntryEvidence:
    """What entries that are audited together have to do with each other.

    near: copies of a trace that are not equal to it, by its place; twins: of an entry, by its id
    """

    near: Mapping[Place, Sequence[NearDuplicate]] = field(default_factory=dict)
    twins: Mapping[str, Sequence[AcDcPair]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What a rule works on, frozen: the evidence, its energies, the limits of its round, and copies elsewhere.

    copies: content hash of a trace -> all places in the audited trees that hold the same readings
    kin: what else the entry has in common with those that are audited with it; round: the one it is judged by
    accepts: lists of texts that the round accepts
    """

    entry: Entry
    runs: tuple[RunEnergy, ...]
    limits: Mapping[str, float] = field(default_factory=dict)
    copies: Mapping[str, Sequence[Place]] = field(default_factory=dict)
    cross_entry: CrossEntryEvidence = field(default_factory=CrossEntryEvidence)
    round: str = ""
    accepts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def summed(self) -> Iterator[tuple[RunEnergy, Trace]]:
        """All traces that count, with their run."""
        for run in self.runs:
            for reading in run.readings:
                yield run, reading.trace

    def defects(self, *codes: str) -> list[Defect]:
        """What reading met, of these kinds."""
        return [defect for defect in self.entry.defects if defect.code in codes]

    def inside(self, defect: Defect) -> str:
        """The defect's place, relative to the entry."""
        prefix = f"{self.entry.directory}/"
        return defect.where.removeprefix(prefix)


def place(run: Run, trace: Trace | None = None) -> str:
    """Where a finding is, for a person: file, or run and channel."""
    if trace is None:
        return run.sources[0] if run.sources else run.id
    return trace.channel.source or f"{run.id}/{trace.channel.id}"


def run_folder(entry: Entry, run: Run) -> Path:
    """The run directory of a run of joulemark's own."""
    return entry.directory if (entry.directory / RECORD).is_file() else entry.directory / run.id


def live_runs(entry: Entry) -> list[Run]:
    """Runs that joulemark itself recorded: their record tells of a sampler, or their journals are there."""
    if not entry.is_native:
        return []
    return [
        run
        for run in entry.runs
        if run.evidence.samplers or (run_folder(entry, run) / SAMPLES).is_dir()
    ]


def from_training_logs(entry: Entry) -> bool:
    """Whether an entry is an MLPerf training result, or was imported from one."""
    return entry.task == "training" and entry.family == "mlperf-training"


def second_readings_ns(trace: Trace) -> Ints:
    """Stamps of readings that were dropped for their stamp alone: they differ from the one that stayed [ns].

    The same value at the same time is one reading of the sensor, polled twice.
    """
    same = [item for item in trace.dropped if item.reason == SAME_TIME and item.t_ns is not None]
    t_ns = np.array([item.t_ns for item in same], np.int64)
    if not len(t_ns) or not len(trace):
        return t_ns[:0]
    value = np.array([number_or_nan(item.raw.encode()) for item in same])
    kept = np.searchsorted(trace.t_ns, t_ns).clip(max=len(trace) - 1)
    return np.compress(trace.value[kept] != value, t_ns)


def whole_seconds(trace: Trace) -> bool:
    """Whether stamps are cut to seconds: a poll every 1.05 s then shows steps of 1 s and, now and then, of 2 s."""
    return len(trace) > 1 and not np.any(trace.t_ns % NS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: one object in a file of its own.

    why, evidence, remedy: paragraphs of rules.md; limits: names of the limits it takes from the rulebook
    accepts: names of the lists of accepted texts it takes from there; aliases: ids that it had in earlier releases
    """

    id: str
    title: str
    why: str
    evidence: str
    remedy: str
    check: Callable[[RuleContext], Iterator[Violation]]
    limits: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()


def for_session(
    check: Callable[[RuleContext, Session], Iterator[Violation]],
) -> Callable[[RuleContext], Iterator[Violation]]:
    """A check of the files of an MLPerf power session; it is skipped where the entry has none."""

    @functools.wraps(check)
    def wrapped(case: RuleContext) -> Iterator[Violation]:
        session = case.entry.runs[0].evidence.session if case.entry.runs else None
        if session is not None:
            yield from check(case, session)
        else:
            yield Violation(
                "result",
                "no files of a power session here",
                "its logs",
                "Audit those.",
                status="skip",
            )

    return wrapped


def worst(hits: Sequence[tuple[float, Violation]], of: int) -> Iterator[Violation]:
    """The worst of one run's hits, which says how many of the run's channels it stands for.

    hits: (how bad, hit) of each channel at fault; of: channels of the run
    """
    if hits:
        hit = max(hits, key=lambda item: item[0])[1]
        yield (
            hit
            if of == 1
            else replace(hit, got=f"{hit.got}; {len(hits)} of {of} channels at fault")
        )
