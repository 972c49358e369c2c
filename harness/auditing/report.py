"""What an audit reports: findings, the verdict on each entry, and the whole report.

These are plain data. `harness.auditing.engine` makes them, `harness.render` prints them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

Severity = Literal["fail", "question", "warn"]
"""What a breach of a rule means for the verdict: invalid, questioned, or nothing."""
Status = Literal["fail", "warn", "skip", "error"]
Verdict = Literal["valid", "questioned", "invalid", "unjudged"]

SEVERITIES: tuple[Severity, ...] = ("fail", "question", "warn")
"""Severities, the worst first."""
STATUSES: tuple[Status, ...] = ("fail", "error", "warn", "skip")
"""Statuses, the worst first."""
VERDICTS: tuple[Verdict, ...] = ("valid", "questioned", "invalid", "unjudged")


@functools.total_ordering
@dataclass(frozen=True, slots=True)
class Location:
    """Where in the evidence of an entry a finding is; parts that are not known are None.

    Attributes:
        run: Id of the run.
        channel: Id of the channel within that run.
        file: Path of the file, relative to the entry.
        line: Line of the file, counted from 1.
    """

    run: str | None = None
    channel: str | None = None
    file: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """Return the file and line where there is a file, else run and channel."""
        name = self.file or "/".join(part for part in (self.run, self.channel) if part)
        return name if self.line is None else f"{name}, line {self.line}"

    def __lt__(self, other: Location) -> bool:
        return str(self) < str(other)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule found in one place of an entry.

    Attributes:
        rule: Id of the rule.
        status: `fail` or `warn` for a breach, `skip` where the rule could not be applied, `error`
            where the rule itself broke.
        where: The place, in words.
        got: What was found: a number in `unit`, or words that name their units.
        expected: What the rule asks for, in `unit`.
        fix: What to do about it.
        clause: The clause of the round's rules that demands it.
        unit: Unit of `got` and `expected`, "" where they have none.
        location: The place as data, None where it is no part of the evidence.
        severity: What the breach means for the verdict, None for `skip` and `error`.
    """

    rule: str
    status: Status
    where: str
    got: str
    expected: str
    fix: str
    clause: str
    unit: str = ""
    location: Location | None = None
    severity: Severity | None = None

    @property
    def expected_with_unit(self) -> str:
        """What the rule asks for, as a person reads it."""
        return f"{self.expected} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class EntryReport:
    """The audit of one entry.

    Attributes:
        id: Id of the entry.
        round: Round whose rulebook judged it.
        verdict: The outcome.
        findings: The worst first; a rule without a finding passed.
        notes: What a reader must know beside the verdict.
        submitter: Who submitted the entry, "" where unknown.
        system: The measured system.
        benchmark: The benchmark.
        scenario: The scenario, "" where the benchmark has none.
        format: The format the entry was read from.
        provisional: Whether the entry states a newer round than any rulebook.
        rules_in_round: How many rules the rulebook holds for this entry.
        without_evidence: Whether nothing ties the readings to the session that recorded them,
            although its round has rules for that.
        session: Digest of the windows and readings; entries with the same one share a measurement.
    """

    id: str
    round: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    submitter: str = ""
    system: str = ""
    benchmark: str = ""
    scenario: str = ""
    format: str = ""
    provisional: bool = False
    rules_in_round: int = 0
    without_evidence: bool = False
    session: str = ""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Ids of the rules behind the verdict; empty for a valid entry."""
        return tuple(dict.fromkeys(finding.rule for finding in self.decisive_findings))

    @property
    def decisive_findings(self) -> tuple[Finding, ...]:
        """The findings that led to the verdict; empty for a valid entry."""
        return tuple(finding for finding in self.findings if _decides(finding, self.verdict))

    @property
    def rules_judged(self) -> int:
        """How many rules of the rulebook could be applied to the evidence."""
        without_result = {f.rule for f in self.findings if f.status in ("skip", "error")}
        with_result = {f.rule for f in self.findings if f.status in ("fail", "warn")}
        return self.rules_in_round - len(without_result - with_result)


def _decides(finding: Finding, verdict: Verdict) -> bool:
    """Return whether a finding is one of those that led to a verdict."""
    if verdict == "invalid":
        return finding.status == "fail"
    if verdict == "unjudged":
        return finding.status == "error"
    return verdict == "questioned" and finding.severity == "question"


def by_status(finding: Finding) -> int:
    """Return where a finding stands among others: failures first, skips last."""
    return STATUSES.index(finding.status)


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    """Return the verdict that findings add up to.

    A failed rule makes an entry invalid, whatever else broke; a broken rule leaves the entry
    unjudged; a rule whose breach is a question makes it questioned.
    """
    statuses = {finding.status for finding in findings}
    if "fail" in statuses:
        return "invalid"
    if "error" in statuses:
        return "unjudged"
    if any(finding.severity == "question" for finding in findings):
        return "questioned"
    return "valid"


@dataclass(frozen=True, slots=True)
class Report:
    """The audit of a tree.

    Attributes:
        entries: The report of each entry, in the order of the tree.
        unreadable: Path and reason of each entry that could not be read.
        skipped: Path and reason of each folder that was passed over.
    """

    entries: tuple[EntryReport, ...]
    unreadable: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]

    def count(self, verdict: Verdict) -> int:
        """Return how many entries have a verdict; unreadable entries count as unjudged."""
        entries = sum(entry.verdict == verdict for entry in self.entries)
        return entries + (len(self.unreadable) if verdict == "unjudged" else 0)
