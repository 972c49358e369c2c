"""What an audit says: findings, the report of each entry, and the whole. The machinery that says it is `auditing`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["fail", "warn", "skip", "error"]
Verdict = Literal["valid", "invalid", "unjudged"]
VERDICTS: tuple[Verdict, ...] = ("valid", "invalid", "unjudged")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of one rule: where, what was got, what was expected, how to mend it, and the clause behind it."""

    rule: str
    status: Status
    where: str
    got: str
    expected: str
    fix: str
    clause: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class EntryReport:
    """What the audit says of one entry. findings: worst first; a rule without a finding passed."""

    id: str
    round: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The audit of all that was given."""

    entries: tuple[EntryReport, ...]
    unreadable: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]

    def count(self, verdict: Verdict) -> int:
        """Entries with this verdict; what could not be read is unjudged."""
        found = sum(entry.verdict == verdict for entry in self.entries)
        return found + (len(self.unreadable) if verdict == "unjudged" else 0)
