"""The page of a rule names each entry that breaks it, by what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.auditing.report import EntryReport, Finding
from harness.site.audit import rules
from harness.site.audit.entries import AuditedEntry, audit_line, rule_page_name
from harness.site.audit.rules import rule_contexts
from harness.site.audit.submitters import submitter_context
from harness.site.entries import SiteEntry, site_entries
from harness.site.plots.finding_marks import numbered_findings
from tests.ranking.test_question_sets import point, tables_of


def finding(rule: str, got: str, severity: str = "warn", expected: str = "1") -> Finding:
    status = "fail" if severity == "fail" else "warn"
    return Finding(rule, status, "place", got, expected, "fix", "clause", "s", None, severity)  # type: ignore[arg-type]


@pytest.fixture
def entries() -> list[SiteEntry]:
    tables = tables_of(point("a", 1, 100.0), point("b", 1, 50.0), point("c", 1, 25.0))
    return [entry for _, items in site_entries(tables, {}) for entry in items]


def audited(entry: SiteEntry, *findings: Finding) -> AuditedEntry:
    report = EntryReport(id=entry.result.entry.id, round="", verdict="valid", findings=findings)
    entry = replace(entry, report=report)
    return AuditedEntry(entry, numbered_findings(entry), frozenset([1]))


def systems(places: Sequence[rules.RulePlace]) -> list[str]:
    return [place.audited.entry.result.entry.system for place in places]


def test_entries_stand_by_what_was_found_and_the_worst_meaning_first(
    entries: list[SiteEntry],
) -> None:
    first, second, third = entries
    (context,) = rule_contexts(
        [
            audited(first, finding("padding", "2")),
            audited(second, finding("padding", "2")),
            audited(third, finding("padding", "3", "fail")),
        ]
    )
    assert context["page"] == context["rule"] == "padding"
    assert [breach.severity for breach in context["breaches"]] == ["fail", "warn"]
    failed, warned = context["breaches"]
    assert (failed.expected, failed.count, warned.count) == ("1 s", 1, 2)
    (names,) = [systems(places) for places in warned.by_got.values()]
    assert names == [item.result.entry.system for item in (first, second)]
    assert list(warned.by_got) == ["2 s"]


def test_entries_beyond_the_limit_are_counted(
    entries: list[SiteEntry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_PLACES", 2)
    (context,) = rule_contexts([audited(entry, finding("padding", "2")) for entry in entries])
    assert (context["breaches"][0].count, context["hidden"]) == (2, 1)


def test_unknown_rule_has_a_harmless_name() -> None:
    assert rule_page_name("largest-gap") == "largest-gap"
    assert Path(rule_page_name("../../<b>")).name == rule_page_name("../../<b>")


def test_line_cuts_long_texts_and_counts_places(entries: list[SiteEntry]) -> None:
    item = audited(entries[0], finding("padding", "x" * 500), finding("padding", "y"))
    (numbered,) = item.findings
    line = audit_line(numbered, item.marked)
    assert (len(line.got), line.got[-1], line.more, line.is_marked) == (200, "…", 1, True)


def test_submitter_sees_the_worst_rule_first(entries: list[SiteEntry]) -> None:
    findings = finding("padding", "2"), finding("coverage", "3", "fail")
    context = submitter_context([audited(entries[0], *findings)])
    assert [(item.severity, item.rule) for item in context["wrong"]] == [
        ("fail", "coverage"),
        ("warn", "padding"),
    ]
    ((_, line),) = context["wrong"][0].places
    assert (line.number, line.got) == (1, "3 s")
