"""The document of `joulemark audit --json`, described by `schemas/audit-report.schema.json`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from harness.auditing.changes import Change
from harness.auditing.report import VERDICTS, EntryReport, Finding, Report
from harness.auditing.summary import folded_warnings
from harness.core.schemas import SCHEMA_VERSION


def audit_document(
    report: Report, round_name: str | None = None, changes: Sequence[Change] | None = None
) -> dict[str, Any]:
    """Return the report as a document.

    Args:
        report: The audit.
        round_name: The round that was requested for all entries, None where there was none.
        changes: What changed since an earlier report, None where none was given.
    """
    rounds = sorted({entry.round for entry in report.entries})
    summary: dict[str, Any] = {verdict: report.count(verdict) for verdict in VERDICTS}
    summary["by_rule"] = _by_rule(report)
    summary["by_submitter"] = _by_submitter(report)
    summary["notes_of_round"] = [
        {"rule": warning.rule, "text": warning.texts[0][0]}
        for warning in folded_warnings(report)
        if warning.everywhere
    ]
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "round": round_name or ", ".join(rounds),
        "entries": [_entry(entry) for entry in report.entries],
        "unreadable": _paths(report.unreadable),
        "skipped": _paths(report.skipped),
        "summary": summary,
    }
    if changes is not None:
        document["changes"] = [_change(change) for change in changes]
    return document


def _change(change: Change) -> dict[str, Any]:
    return {
        "id": change.id,
        "before": change.before,
        "after": change.after,
        "appeared": list(change.appeared),
        "disappeared": list(change.disappeared),
    }


def _entry(entry: EntryReport) -> dict[str, Any]:
    return {
        "id": entry.id,
        "round": entry.round,
        "provisional": entry.provisional,
        "verdict": entry.verdict,
        "submitter": entry.submitter,
        "system": entry.system,
        "benchmark": entry.benchmark,
        "scenario": entry.scenario,
        "format": entry.format,
        "rules": {"judged": entry.rules_judged, "in_round": entry.rules_in_round},
        "without_evidence": entry.without_evidence,
        "session": entry.session or None,
        "findings": [_finding(finding) for finding in entry.findings],
        "notes": list(entry.notes),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    location = finding.location
    return {
        "rule": finding.rule,
        "status": finding.status,
        "severity": finding.severity,
        "where": finding.where,
        "location": None if location is None else asdict(location),
        "got": finding.got,
        "expected": finding.expected,
        "fix": finding.fix,
        "clause": finding.clause,
        "unit": finding.unit,
    }


def _by_rule(report: Report) -> list[dict[str, Any]]:
    """Count the findings of each rule, the rule with the most failures first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in report.entries:
        for finding in entry.findings:
            if finding.status in ("fail", "warn"):
                counts[finding.rule][finding.status] += 1
    rows = [
        {"rule": rule, "fail": count["fail"], "warn": count["warn"]}
        for rule, count in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row["fail"], -row["warn"], row["rule"]))


def _by_submitter(report: Report) -> list[dict[str, Any]]:
    """Count the verdicts of each submitter, by name."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in report.entries:
        counts[entry.submitter][entry.verdict] += 1
    return [
        {"submitter": submitter} | {verdict: count[verdict] for verdict in VERDICTS}
        for submitter, count in sorted(counts.items())
    ]


def _paths(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"path": path, "reason": reason} for path, reason in pairs]
