"""The page of a submitter: what to mend, the worst first, and all its results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.auditing.report import VERDICTS
from harness.render.numbers import estimate_text
from harness.site.audit.entries import AuditedEntry, AuditLine, rule_page_name
from harness.site.audit.rules import SEVERITY_ORDER
from harness.site.entries import SiteEntry

MAX_PLACES = 20
"""Entries of one rule that the page names; the page of the rule has all."""


@dataclass(slots=True)
class BrokenRule:
    """A rule that entries of one submitter break.

    Attributes:
        severity: What the breach means.
        rule: Id of the rule.
        page: Name of its page.
        title: What should hold.
        fix: The remedy.
        clause: The clause that demands it.
        places: The finding of each entry that breaks it.
        more: How many more entries there are.
    """

    severity: str
    rule: str
    page: str
    title: str
    fix: str
    clause: str
    places: list[tuple[SiteEntry, AuditLine]] = field(default_factory=list)
    more: int = 0

    def add(self, entry: SiteEntry, line: AuditLine) -> None:
        """Add an entry; those beyond `MAX_PLACES` are counted."""
        if len(self.places) < MAX_PLACES:
            self.places.append((entry, line))
        else:
            self.more += 1


def submitter_context(audited: Sequence[AuditedEntry]) -> dict[str, Any]:
    """Return what the template of a submitter's page needs."""
    entries = [item.entry for item in audited]
    counts = Counter(entry.verdict for entry in entries)
    parts = [f"{counts[name]} {name}" for name in VERDICTS if counts[name]]
    return {
        "heading": entries[0].result.entry.submitter or "Submitter not stated",
        "summary": f"{len(entries)} result{'s' * (len(entries) != 1)}: {', '.join(parts)}.",
        "wrong": _broken_rules(audited),
        "rows": [
            {"entry": entry, "energy": estimate_text(entry.result.energy_per_unit)}
            for entry in entries
        ],
    }


def _broken_rules(audited: Sequence[AuditedEntry]) -> list[BrokenRule]:
    """Return the rules that entries break, the worst first, each with its places."""
    broken: dict[tuple[str, str], BrokenRule] = {}
    for item in audited:
        for numbered, line in zip(item.findings, item.lines, strict=True):
            first = numbered.findings[0]
            rule = broken.setdefault(
                (line.rule, line.severity),
                BrokenRule(
                    line.severity,
                    line.rule,
                    rule_page_name(line.rule),
                    line.title,
                    first.fix,
                    first.clause,
                ),
            )
            rule.add(item.entry, line)
    return sorted(broken.values(), key=lambda item: SEVERITY_ORDER.index(item.severity))
