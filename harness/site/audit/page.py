"""The page of the audit: counts by rule and submitter, then every entry with its findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from typing import Any

from harness.auditing.report import SEVERITIES, VERDICTS, EntryReport
from harness.auditing.summary import severity_of
from harness.site.audit.entries import AuditedEntry, rule_page_name
from harness.site.entries import Site, rule_title

MAX_PICTURES = 250
"""Entries with a picture of their trace on the page, the worst first."""
MAX_ROWS = 12
"""Rows of a count that stand open; the others are behind them."""
WORST_FIRST = ("invalid", "questioned", "unjudged", "valid")


def verdict_counts(site: Site) -> list[tuple[str, int]]:
    """Return each verdict with its number; what cannot be read counts as unjudged."""
    counts = Counter(entry.verdict for entry in site.entries)
    counts["unjudged"] += len(site.unreadable)
    return [(name, counts[name]) for name in VERDICTS]


def audit_context(site: Site, audited: Sequence[AuditedEntry]) -> dict[str, Any]:
    """Return what the template of the audit page needs.

    Args:
        site: The site.
        audited: Its entries with their findings.
    """
    groups = []
    with_finding = [item for item in audited if item.findings or item.entry.verdict != "valid"]
    for verdict in WORST_FIRST:
        items = [item for item in with_finding if item.entry.verdict == verdict]
        groups.append({"verdict": verdict, "entries": items})
    named = {item.findings[0].rule for entry in with_finding for item in entry.findings}
    rules = _rule_rows(site, named)
    submitters = _submitter_rows(site)
    return {
        "verdicts": verdict_counts(site),
        "submitters": submitters,
        "rules": rules,
        "max_rows": MAX_ROWS,
        "filter_rules": sorted(named),
        "filter_submitters": _submitters_of(with_finding),
        "severities": _severities_of(with_finding),
        "groups": groups,
        "clean": len(audited) - len(with_finding),
        "unreadable": site.unreadable,
        "skipped": site.skipped,
    }


def _submitters_of(audited: Sequence[AuditedEntry]) -> list[str]:
    names = {item.entry.result.entry.submitter for item in audited} - {""}
    return sorted(names, key=str.lower)


def _severities_of(audited: Sequence[AuditedEntry]) -> list[str]:
    """Return the severities that occur, the worst first."""
    present = {numbered.severity for item in audited for numbered in item.findings}
    return [name for name in ("fail", "error", "question", "warn") if name in present]


def _submitter_rows(site: Site) -> list[dict[str, Any]]:
    rows = []
    for file, entries in site.by_submitter().items():
        counts = Counter(entry.verdict for entry in entries)
        name = entries[0].result.entry.submitter
        row: dict[str, Any] = {verdict: counts[verdict] for verdict in VERDICTS}
        rows.append(row | {"file": file, "name": name})
    return sorted(rows, key=lambda row: (-row["invalid"], -row["questioned"], row["name"].lower()))


def _rule_rows(site: Site, named: Set[str]) -> list[dict[str, Any]]:
    """Return how many entries each rule fails, questions or warns of, the worst first.

    Args:
        site: The site.
        named: Rules that have a page.
    """
    counts: dict[str, Counter[str]] = {}
    for entry in site.entries:
        for rule, severity in _worst_by_rule(entry.report).items():
            counts.setdefault(rule, Counter())[severity] += 1
    rows = [
        {
            "rule": rule,
            "page": rule_page_name(rule) if rule in named else "",
            "title": rule_title(rule),
            "failed": count["fail"],
            "questioned": count["question"],
            "warned": count["warn"],
        }
        for rule, count in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row["failed"], -row["questioned"], -row["warned"]))


def _worst_by_rule(report: EntryReport | None) -> dict[str, str]:
    """Return the worst severity of each rule that an entry breaks."""
    worst: dict[str, str] = {}
    if report is None:
        return worst
    for severity in reversed(SEVERITIES):
        for finding in report.findings:
            if severity_of(finding) == severity:
                worst[finding.rule] = severity
    return worst
