"""A page for each rule that an entry breaks: what it demands, and every entry that breaks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.auditing.rules import BY_NAME
from harness.site.audit.entries import AuditedEntry, AuditLine, audit_line, rule_page_name
from harness.site.entries import rule_title, with_unit
from harness.site.plots.finding_marks import NumberedFinding

MAX_PLACES = 4000
"""Entries that the page of a rule names."""
SEVERITY_ORDER = ("fail", "error", "question", "warn")


@dataclass(frozen=True, slots=True)
class RulePlace:
    """An entry that breaks the rule.

    Attributes:
        audited: The entry.
        line: Its finding.
    """

    audited: AuditedEntry
    line: AuditLine


@dataclass(slots=True)
class Breach:
    """Findings of one rule with one meaning.

    Attributes:
        severity: What they mean for a verdict.
        expected: What was expected.
        fix: The remedy.
        clause: The clause that demands it.
        by_got: The entries with each text of what was found.
    """

    severity: str
    expected: str
    fix: str
    clause: str
    by_got: dict[str, list[RulePlace]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of entries."""
        return sum(len(places) for places in self.by_got.values())


def rule_contexts(audited: Sequence[AuditedEntry]) -> list[dict[str, Any]]:
    """Return what the template of a rule's page needs, for each rule that is broken."""
    by_rule: dict[str, dict[tuple[str, ...], Breach]] = {}
    listed: Counter[str] = Counter()
    for item in audited:
        for numbered in item.findings:
            rule = numbered.findings[0].rule
            listed[rule] += 1
            if listed[rule] <= MAX_PLACES:
                _add(by_rule.setdefault(rule, {}), item, numbered)
    return [
        _context(rule, list(breaches.values()), max(0, listed[rule] - MAX_PLACES))
        for rule, breaches in sorted(by_rule.items())
    ]


def _add(
    breaches: dict[tuple[str, ...], Breach], item: AuditedEntry, numbered: NumberedFinding
) -> None:
    first = numbered.findings[0]
    key = (numbered.severity, first.expected, first.fix, first.clause)
    if key not in breaches:
        expected = with_unit(first.expected, first.unit)
        breaches[key] = Breach(numbered.severity, expected, first.fix, first.clause)
    line = audit_line(numbered, item.marked)
    breaches[key].by_got.setdefault(line.got, []).append(RulePlace(item, line))


def _context(rule_id: str, breaches: list[Breach], hidden: int) -> dict[str, Any]:
    rule = BY_NAME.get(rule_id)
    breaches.sort(key=lambda item: (SEVERITY_ORDER.index(item.severity), -item.count))
    return {
        "page": rule_page_name(rule_id),
        "rule": rule_id,
        "heading": rule_title(rule_id),
        "why": "" if rule is None else rule.why,
        "evidence": "" if rule is None else rule.evidence,
        "breaches": breaches,
        "hidden": hidden,
    }
