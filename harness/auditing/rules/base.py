"""The contract of a rule: what it is given, what it yields, and how it is declared.

A rule is a module with a function ``check`` and an object ``RULE``::

    def check(context: RuleContext) -> Iterator[Violation]:
        for run in context.runs:
            if run.coverage < context.limits["coverage_min"]:
                yield Violation(location(run.run), f"{run.coverage:.4f}", "at least 0.95", FIX)

    RULE = Rule(id="coverage", title=..., applies_to=EVERY_FAMILY, check=check, ...)

The engine adds the rule's id, its clause and its severity. A rule never raises, prints or asserts.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from harness.auditing.report import Location, Severity
from harness.core.timestamps import NS
from harness.energy.run import RunEnergy
from harness.formats.base import NATIVE, Defect, Entry, Run
from harness.formats.ptdaemon.power_session import Session
from harness.formats.run_directory import RECORD, SAMPLES
from harness.traces.clean import SAME_TIME, number_or_nan
from harness.traces.trace import Ints, Trace

POWER_SESSION = frozenset({"mlperf-inference"})
"""MLPerf inference results, with the files of a PTDaemon session."""
TRAINING_LOGS = frozenset({"mlperf-training"})
"""MLPerf training results, with a power log for each node."""
RECORDED_RUNS = frozenset({NATIVE, "csv"})
"""Run directories and plain CSV traces."""
TINY_WINDOWS = frozenset({"mlperf-tiny"})
"""MLPerf Tiny results, each window with its raw trace."""
EVERY_FAMILY = POWER_SESSION | TRAINING_LOGS | RECORDED_RUNS | TINY_WINDOWS


# What a rule yields

Outcome = Severity | Literal["note", "skip"]
"""What a violation can be: a breach, a note that is no fault, or a reason for not judging."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A breach of a rule, or a reason why it could not be applied.

    Attributes:
        where: The place in the evidence, or words for what is no file, run or channel.
        got: What was found.
        expected: What the rule asks for.
        fix: What the submitter can do.
        unit: Unit of `got` and `expected`, "" where they have none.
        status: None takes the severity of the rulebook. A milder severity stands, a more severe
            one is cut to that of the rulebook. `note` tells something that is no fault; `skip`
            says that the rule could not be applied.
    """

    where: Location | str
    got: str
    expected: str
    fix: str
    unit: str = ""
    status: Outcome | None = None


def location(run: Run, trace: Trace | None = None) -> Location:
    """Return where a run, or one trace of it, lies in the evidence.

    Args:
        run: The run.
        trace: One of its traces; None for the run as a whole.
    """
    if trace is None:
        return Location(run=run.id, file=run.sources[0] if run.sources else None)
    return Location(run=run.id, channel=trace.channel.id, file=trace.channel.source or None)


# Evidence from other entries


class TraceAddress(NamedTuple):
    """Where a trace is in all that is audited together.

    Attributes:
        entry: Id of the entry.
        run: Id of the run.
        file: Path of the file that holds the trace, relative to the entry; "" where unknown.
        channel: Id of the channel.
        owner: Submitter and system.
        machine: Digest of the machine's description; "" where there is none.
    """

    entry: str
    run: str
    file: str
    channel: str
    owner: tuple[str, str]
    machine: str = ""

    def is_from_other_machine(self, address: TraceAddress) -> bool:
        """Return whether two traces are known to come from two machines.

        One machine may be entered under two names, as in the suites for edge and for data centre:
        its descriptions then say the same.
        """
        if not all((*self.owner, *address.owner)) or self.owner == address.owner:
            return False
        same_submitter = self.owner[0] == address.owner[0]
        return not (same_submitter and self.machine and self.machine == address.machine)

    @property
    def location(self) -> Location:
        """The place within the entry."""
        return Location(run=self.run, channel=self.channel, file=self.file or None)


class EntryAddresses:
    """Give the addresses of the traces of one entry; its description is read once.

    Args:
        entry: The entry.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry_id = entry.id
        self._owner = (entry.submitter, entry.system)
        self._machine = _machine_digest(entry.system_description or {})

    def address(self, run: Run, trace: Trace) -> TraceAddress:
        """Return the address of a trace among all that is audited together."""
        channel = trace.channel
        return TraceAddress(
            entry=self._entry_id,
            run=run.id,
            file=channel.source or "",
            channel=channel.id,
            owner=self._owner,
            machine=self._machine,
        )


NOT_OF_THE_MACHINE = frozenset({"system_type", "schema_version"})
"""Fields of a description that say how a machine is entered, not what it is."""
_PATH = re.compile(r"\S+/\S+")


def _machine_digest(description: Mapping[str, Any]) -> str:
    """Return a digest of what a description says of the machine; "" where it says nothing.

    Paths are left out: they name the folder of the entry.
    """
    if not description.get("system_name"):
        return ""
    stated = {
        name: value
        for name, value in description.items()
        if name not in NOT_OF_THE_MACHINE and not _PATH.fullmatch(str(value))
    }
    text = json.dumps(stated, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


class NearDuplicate(NamedTuple):
    """Another trace that this one was copied from, or the other way round, without being equal.

    Attributes:
        counterpart: Address of the other trace.
        kind: `repeat` for the same readings at another time or on another node, `resample` for
            every nth reading of the other, `scale` for the same course times a factor.
        shift_s: Time stamps of this trace minus those of the other [s].
        share: Share of the shorter trace that recurs; for `scale` the correlation of the steps.
        factor: Readings of this trace over those of the other; for `resample` how many readings of
            one stand for each of the other.
    """

    counterpart: TraceAddress
    kind: Literal["repeat", "resample", "scale"]
    shift_s: float
    share: float
    factor: float


class AcDcPair(NamedTuple):
    """A run that was measured behind the power supplies here and before them in another entry.

    Attributes:
        run: Id of the run.
        ac_entry: Id of the entry that measured before the supplies.
        readings_above: Readings behind the supplies that exceed the one before them.
        readings_compared: Readings of both with the same time stamp.
        mean_ratio: Mean reading behind the supplies over the mean before them.
    """

    run: str
    ac_entry: str
    readings_above: int
    readings_compared: int
    mean_ratio: float


@dataclass(frozen=True, slots=True)
class CalibrationClaim:
    """A calibration that an entry of another submitter names too.

    Attributes:
        calibration: Id of the calibration.
        submitter: The other submitter.
        entry: Id of the other entry.
    """

    calibration: str
    submitter: str
    entry: str


@dataclass(frozen=True, slots=True)
class CrossEntryEvidence:
    """What the entries that are audited together show about each other.

    Attributes:
        near_duplicates: Near duplicates of each trace, by its address.
        ac_dc_pairs: Runs that another entry measured before the supplies, by id of the entry.
        calibration_claims: Calibrations that another submitter names too, by id of the entry.
    """

    near_duplicates: Mapping[TraceAddress, Sequence[NearDuplicate]] = field(default_factory=dict)
    ac_dc_pairs: Mapping[str, Sequence[AcDcPair]] = field(default_factory=dict)
    calibration_claims: Mapping[str, Sequence[CalibrationClaim]] = field(default_factory=dict)


# What a rule is given


@dataclass(frozen=True, slots=True)
class RuleContext:
    """All that a rule may look at.

    Attributes:
        entry: The evidence.
        runs: Energy of each run that could be integrated.
        limits: Limits of the round, by name.
        copies: Addresses of all traces with the same readings, by content hash.
        cross_entry: What else the entry has in common with those audited with it.
        round: The round whose rulebook judges the entry.
        accepts: Texts that the round accepts (tools, meters), by name of the list.
    """

    entry: Entry
    runs: tuple[RunEnergy, ...]
    limits: Mapping[str, float] = field(default_factory=dict)
    copies: Mapping[str, Sequence[TraceAddress]] = field(default_factory=dict)
    cross_entry: CrossEntryEvidence = field(default_factory=CrossEntryEvidence)
    round: str = ""
    accepts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def summed_traces(self) -> Iterator[tuple[RunEnergy, Trace]]:
        """All traces whose energies add up to that of their run, each with its run."""
        for run in self.runs:
            for reading in run.readings:
                yield run, reading.trace

    def defects(self, *codes: str) -> list[Defect]:
        """Return the defects of these kinds that were found while reading the entry."""
        return [defect for defect in self.entry.defects if defect.code in codes]

    def defect_location(self, defect: Defect) -> Location:
        """Return where a defect is, its path relative to the entry."""
        return Location(file=defect.where.removeprefix(f"{self.entry.directory}/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule.

    Attributes:
        id: Name of the rule, as in rulebooks and reports.
        title: What holds where the rule passes, as a sentence without its full stop.
        why: Why the rule exists; a paragraph of rules.md.
        evidence: What the rule looks at, with its measured false alarms; a paragraph of rules.md.
        remedy: What a submitter can do; a paragraph of rules.md.
        check: The function that yields violations.
        applies_to: Families of entries (`Entry.family`) that the rule can judge. A rulebook holds
            all rules of its family, or turns one off with a reason.
        limits: Names of the limits that the rulebook must give.
        accepts: Names of the lists of accepted texts that the rulebook must give.
        ties_evidence: Whether it ties the readings to the session that recorded them. An entry for
            which no such rule could be applied is ranked apart, as one without evidence.
        aliases: Former ids, still understood on the command line and in rulebooks.
    """

    id: str
    title: str
    why: str
    evidence: str
    remedy: str
    check: Callable[[RuleContext], Iterator[Violation]]
    applies_to: frozenset[str] = EVERY_FAMILY
    limits: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    ties_evidence: bool = False
    aliases: tuple[str, ...] = ()


def for_session(
    check: Callable[[RuleContext, Session], Iterator[Violation]],
) -> Callable[[RuleContext], Iterator[Violation]]:
    """Turn a check of a power session into a rule's check, skipped where there is no session."""

    @functools.wraps(check)
    def check_entry(context: RuleContext) -> Iterator[Violation]:
        runs = context.entry.runs
        session = runs[0].evidence.session if runs else None
        if session is not None:
            yield from check(context, session)
        else:
            yield Violation(
                "result",
                "no files of a power session here",
                "its logs",
                "Audit those.",
                status="skip",
            )

    return check_entry


# Helpers that several rules need


def worst_channel(
    violations: Sequence[tuple[float, Violation]], channel_count: int
) -> Iterator[Violation]:
    """Yield the worst of one run's violations, with the number of channels it stands for.

    Args:
        violations: How bad each channel at fault is, and its violation.
        channel_count: Channels of the run, at fault or not.
    """
    if not violations:
        return
    _, worst_violation = max(violations, key=lambda item: item[0])
    if channel_count == 1:
        yield worst_violation
        return
    count = f"{len(violations)} of {channel_count} channels at fault"
    yield replace(worst_violation, got=f"{worst_violation.got}; {count}")


def run_folder(entry: Entry, run: Run) -> Path:
    """Return the run directory of a recorded run."""
    if (entry.directory / RECORD).is_file():
        return entry.directory
    return entry.directory / run.id


def recorded_runs(entry: Entry) -> list[Run]:
    """Return the runs that joulemark itself recorded: those with a sampler or with journals."""
    if not entry.is_native:
        return []
    return [run for run in entry.runs if _was_recorded(entry, run)]


def _was_recorded(entry: Entry, run: Run) -> bool:
    return bool(run.evidence.samplers) or (run_folder(entry, run) / SAMPLES).is_dir()


def from_training_logs(entry: Entry) -> bool:
    """Return whether an entry is an MLPerf training result, or was imported from one."""
    return entry.task == "training" and entry.family in TRAINING_LOGS


def conflicting_readings_ns(trace: Trace) -> Ints:
    """Return the stamps of dropped readings that differ from the one kept at that stamp [ns].

    An equal value at an equal stamp is one reading of the sensor that was polled twice.
    """
    dropped = [item for item in trace.dropped if item.reason == SAME_TIME and item.t_ns is not None]
    t_ns = np.array([item.t_ns for item in dropped], np.int64)
    if not len(t_ns) or not len(trace):
        return t_ns[:0]
    dropped_value = np.array([number_or_nan(item.raw.encode()) for item in dropped])
    kept_index = np.searchsorted(trace.t_ns, t_ns).clip(max=len(trace) - 1)
    return np.compress(trace.value[kept_index] != dropped_value, t_ns)


def has_whole_second_stamps(trace: Trace) -> bool:
    """Return whether stamps are cut to seconds.

    Readings every 1.05 s then show steps of 1 s and, now and then, of 2 s.
    """
    return len(trace) > 1 and not np.any(trace.t_ns % NS)
