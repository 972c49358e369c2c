"""The audit, each submitter and each benchmark as pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.auditing.report import SEVERITIES, VERDICTS, EntryReport, Finding
from harness.auditing.summary import severity_of, sorted_findings
from harness.ranking.question_sets import question_sets
from harness.render.numbers import estimate_text
from harness.render.terminal.question_sets import (
    HEAD,
    LEGEND,
    has_front,
    set_cells,
    set_title,
)
from harness.site.entries import Site, SiteEntry, rule_title, with_unit
from harness.site.index_page import table_facts, table_heading, table_id
from harness.site.plots.tables import table_figures

MAX_PLACES = 20
"""Entries of one rule that the page of a submitter names."""
MAX_LISTED = 500
"""Entries of one verdict that the audit page lists; the index has all."""
WORST_FIRST = ("invalid", "questioned", "unjudged")


@dataclass(slots=True)
class Place:
    """Where an entry breaks a rule.

    Attributes:
        entry: The entry.
        where: The first place in it.
        got: What was found there.
        more: How many more places it has.
    """

    entry: SiteEntry
    where: str
    got: str
    more: int = 0


@dataclass(slots=True)
class BrokenRule:
    """A rule that entries of one submitter break.

    Attributes:
        severity: What the breach means.
        rule: Id of the rule.
        title: What should hold.
        fix: The remedy.
        clause: The clause that demands it.
        places: Where it is broken, entry by entry.
        more: How many more places there are.
    """

    severity: str
    rule: str
    title: str
    fix: str
    clause: str
    places: list[Place] = field(default_factory=list)
    more: int = 0

    def add(self, entry: SiteEntry, finding: Finding) -> None:
        """Add a place; those of one entry are counted."""
        if self.places and self.places[-1].entry is entry:
            self.places[-1].more += 1
        elif len(self.places) < MAX_PLACES:
            got = with_unit(finding.got, finding.unit)
            self.places.append(Place(entry, finding.where, got))
        else:
            self.more += 1


def verdict_counts(site: Site) -> list[tuple[str, int]]:
    """Return each verdict with its number; what cannot be read counts as unjudged."""
    counts = Counter(entry.verdict for entry in site.entries)
    counts["unjudged"] += len(site.unreadable)
    return [(name, counts[name]) for name in VERDICTS]


def audit_context(site: Site) -> dict[str, Any]:
    """Return what the template of the audit page needs."""
    groups = [
        (name, [entry for entry in site.entries if entry.verdict == name][:MAX_LISTED])
        for name in WORST_FIRST
    ]
    return {
        "verdicts": verdict_counts(site),
        "submitters": _submitter_rows(site),
        "rules": _rule_rows(site),
        "groups": groups,
        "unreadable": site.unreadable,
        "skipped": site.skipped,
    }


def _submitter_rows(site: Site) -> list[dict[str, Any]]:
    rows = []
    for file, entries in site.by_submitter().items():
        counts = Counter(entry.verdict for entry in entries)
        name = entries[0].result.entry.submitter
        row: dict[str, Any] = {verdict: counts[verdict] for verdict in VERDICTS}
        rows.append(row | {"file": file, "name": name})
    return sorted(rows, key=lambda row: (-row["invalid"], -row["questioned"], row["name"].lower()))


def _rule_rows(site: Site) -> list[dict[str, Any]]:
    """Return how many entries each rule fails, questions or warns of, the worst first."""
    counts: dict[str, Counter[str]] = {}
    for entry in site.entries:
        for rule, severity in _worst_by_rule(entry.report).items():
            counts.setdefault(rule, Counter())[severity] += 1
    rows = [
        {
            "rule": rule,
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


# Submitters


def submitter_context(entries: Sequence[SiteEntry]) -> dict[str, Any]:
    """Return what the template of a submitter's page needs."""
    counts = Counter(entry.verdict for entry in entries)
    parts = [f"{counts[name]} {name}" for name in VERDICTS if counts[name]]
    return {
        "heading": entries[0].result.entry.submitter or "Submitter not stated",
        "summary": f"{len(entries)} result{'s' * (len(entries) != 1)}: {', '.join(parts)}.",
        "wrong": _broken_rules(entries),
        "rows": [
            {"entry": entry, "energy": estimate_text(entry.result.energy_per_unit)}
            for entry in entries
        ],
    }


def _broken_rules(entries: Sequence[SiteEntry]) -> list[BrokenRule]:
    """Return the rules that entries break, the worst first, each with its places."""
    broken: dict[tuple[str, str], BrokenRule] = {}
    for entry in entries:
        findings = sorted_findings(entry.report) if entry.report is not None else []
        for finding in findings:
            severity = _label(finding)
            if severity is None:
                continue
            item = broken.setdefault((finding.rule, severity), _broken_rule(finding, severity))
            item.add(entry, finding)
    order = ("fail", "error", "question", "warn")
    return sorted(broken.values(), key=lambda item: order.index(item.severity))


def _label(finding: Finding) -> str | None:
    """Return the severity of a finding, or that its rule broke; ``None`` for what is no fault."""
    return severity_of(finding) or ("error" if finding.status == "error" else None)


def _broken_rule(finding: Finding, severity: str) -> BrokenRule:
    title = rule_title(finding.rule)
    return BrokenRule(severity, finding.rule, title, finding.fix, finding.clause)


# Models of LLM endpoints


def models_context(site: Site) -> dict[str, Any]:
    """Return what the template of the models' page needs; no sets where no endpoint is."""
    pages = {id(entry.row): entry.page for entry in site.entries}
    sets = []
    for questions in question_sets([table for table, _ in site.tables]):
        rows = [
            {"page": pages[id(row.row)], "cells": set_cells(row), "verdict": row.row.verdict}
            for row in questions.rows
        ]
        notes = LEGEND if has_front(questions) else ()
        sets.append({"title": set_title(questions), "rows": rows, "notes": notes})
    return {"head": HEAD, "sets": sets}


# Benchmarks


def benchmark_context(site: Site, name: str) -> dict[str, Any]:
    """Return what the template of a benchmark's page needs.

    Args:
        site: The site.
        name: Name of the page.
    """
    on_page = [(table, entries) for table, entries in site.tables if entries[0].benchmark == name]
    tables: list[Mapping[str, Any]] = [
        {
            "id": table_id(table),
            "title": table_heading(table),
            "facts": table_facts(table),
            "figures": table_figures(entries),
        }
        for table, entries in on_page
    ]
    first = on_page[0][0]
    return {
        "heading": first.benchmark,
        "task": first.task.capitalize(),
        "tables": tables,
        "count": sum(len(entries) for _, entries in on_page),
    }
