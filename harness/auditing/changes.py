"""Compare two reports of one tree: which verdicts and which findings changed.

The earlier report is the document that ``joulemark audit --json`` printed, perhaps by another
release, so only fields that every version of the schema has are used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.auditing.report import Report
from harness.auditing.rules import BY_NAME


@dataclass(frozen=True, slots=True)
class Change:
    """What changed for one entry.

    Attributes:
        id: Id of the entry.
        before: Verdict of the earlier report, None where the entry was not in it.
        after: Verdict of this report, None where the entry is gone.
        appeared: Rules with more failures or warnings than before, each as "status rule".
        disappeared: Rules with fewer, likewise.
    """

    id: str
    before: str | None
    after: str | None
    appeared: tuple[str, ...] = ()
    disappeared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The verdict on one entry, and how many findings it has by status and rule."""

    verdict: str | None
    findings: Counter[str]


_ABSENT = _Outcome(None, Counter())


def changes_since(earlier: Mapping[str, Any], report: Report) -> list[Change]:
    """Return the entries whose verdict or findings differ, sorted by id.

    Args:
        earlier: The document of an earlier audit.
        report: This audit.
    """
    before = _outcomes_of_document(earlier)
    after = _outcomes(report)
    differences = []
    for entry_id in sorted(before.keys() | after.keys()):
        old, new = before.get(entry_id, _ABSENT), after.get(entry_id, _ABSENT)
        if old != new:
            appeared = tuple(sorted((new.findings - old.findings).keys()))
            disappeared = tuple(sorted((old.findings - new.findings).keys()))
            differences.append(Change(entry_id, old.verdict, new.verdict, appeared, disappeared))
    return differences


def _outcomes(report: Report) -> dict[str, _Outcome]:
    outcomes = {
        entry.id: _Outcome(entry.verdict, _count((f.status, f.rule) for f in entry.findings))
        for entry in report.entries
    }
    return outcomes | {path: _Outcome("unjudged", Counter()) for path, _ in report.unreadable}


def _outcomes_of_document(document: Mapping[str, Any]) -> dict[str, _Outcome]:
    outcomes = {}
    for entry in document["entries"]:
        findings = _count((f["status"], _current_id(f["rule"])) for f in entry["findings"])
        outcomes[entry["id"]] = _Outcome(entry["verdict"], findings)
    unreadable = document.get("unreadable", ())
    return outcomes | {item["path"]: _Outcome("unjudged", Counter()) for item in unreadable}


def _current_id(rule: str) -> str:
    """Return the id that a rule has today; a rule that was only renamed did not change."""
    return BY_NAME[rule].id if rule in BY_NAME else rule


def _count(findings: Iterable[tuple[str, str]]) -> Counter[str]:
    return Counter(f"{status} {rule}" for status, rule in findings if status in ("fail", "warn"))
