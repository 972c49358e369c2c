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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from harness.auditing.cross_entry import CrossEntryEvidence, TraceAddress
from harness.auditing.report import Location, Severity
from harness.core.timestamps import NS
from harness.energy.run import RunEnergy
from harness.formats.base import NATIVE, Defect, Entry, Run
from harness.formats.ptdaemon.power_session import Session
from harness.formats.run_directory import RECORD, SAMPLES
from harness.traces.clean import SAME_TIME, number_or_nan
from harness.traces.columns import spans
from harness.traces.journal.reader import JournalReader
from harness.traces.trace import Ints, Trace

POWER_SESSION = frozenset({"mlperf-inference"})
"""MLPerf inference results, with the files of a PTDaemon session."""
TRAINING_LOGS = frozenset({"mlperf-training"})
"""MLPerf training results, with a power log for each node."""
RECORDED_RUNS = frozenset({NATIVE, "csv"})
"""Run directories and plain CSV traces."""
TINY_WINDOWS = frozenset({"mlperf-tiny"})
"""MLPerf Tiny results, each window with its raw trace."""
ENDPOINT_PACKAGES = frozenset({"mlperf-endpoints"})
"""Points of MLPerf Endpoints packages: rated power, and no readings."""
EVERY_FAMILY = POWER_SESSION | TRAINING_LOGS | RECORDED_RUNS | TINY_WINDOWS
"""All families with readings."""


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
        journals: Reads each journal of the entry once, for all rules.
    """

    entry: Entry
    runs: tuple[RunEnergy, ...]
    limits: Mapping[str, float] = field(default_factory=dict)
    copies: Mapping[str, Sequence[TraceAddress]] = field(default_factory=dict)
    cross_entry: CrossEntryEvidence = field(default_factory=CrossEntryEvidence)
    round: str = ""
    accepts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    journals: JournalReader = field(default_factory=JournalReader)

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
    if len(trace) < 2:
        return False
    return not any(np.any(trace.t_ns[rows] % NS) for rows in spans(0, len(trace)))
