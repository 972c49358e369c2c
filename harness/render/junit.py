"""Audit findings as JUnit XML: a suite for each entry, a case for each rule of its round."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from harness.auditing.report import EntryReport, Finding, Report
from harness.auditing.rules import RULES
from harness.auditing.rules.rulebook import rulebook
from harness.render.escape import plain


def junit_text(report: Report, *, strict: bool = False) -> str:
    """The whole report. strict: a warning is a failure, else it is output of a case that passes."""
    suites = [_suite(entry, strict) for entry in report.entries]
    suites += [_unreadable(path, reason) for path, reason in report.unreadable]
    totals = [sum(numbers) for numbers in zip(*(counts for counts, _ in suites), strict=True)] or [
        0,
        0,
        0,
        0,
    ]
    body = "\n".join(text for _, text in suites)
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="joulemark audit"{_counts(totals[:3])}>'
    return f"{head}\n{body}\n</testsuites>\n"


def _counts(numbers: Sequence[int]) -> str:
    """Attributes that count; the schema of Jenkins has no `skipped` at the root."""
    names = ("tests", "failures", "errors", "skipped")
    return "".join(f' {name}="{number}"' for name, number in zip(names, numbers, strict=False))


def _suite(entry: EntryReport, strict: bool) -> tuple[list[int], str]:
    book, found = rulebook(entry.round)["rules"], {finding.rule for finding in entry.findings}
    cases, counts = [], [0, 0, 0, 0]
    for rule in RULES:
        if rule.id in book or rule.id in found:
            kind, text = _case(
                entry, rule.id, [f for f in entry.findings if f.rule == rule.id], strict
            )
            counts[0] += 1
            counts[kind] += kind > 0
            cases.append(text)
    return counts, f"<testsuite name={_quoted(entry.id)}{_counts(counts)}>\n" + "\n".join(
        cases
    ) + "\n</testsuite>"


def _case(
    entry: EntryReport, rule: str, findings: Sequence[Finding], strict: bool
) -> tuple[int, str]:
    """(0 passed, 1 failed, 2 error, 3 skipped; the element)"""
    statuses = [finding.status for finding in findings]
    head = f"<testcase classname={_quoted(entry.id)} name={_quoted(rule)}>"
    text = "\n".join(_line(finding) for finding in findings)
    if "fail" in statuses or (strict and "warn" in statuses):
        return (
            1,
            f"{head}<failure message={_quoted(_line(findings[0]))}>{escape(text)}</failure></testcase>",
        )
    if "error" in statuses:
        return (
            2,
            f"{head}<error message={_quoted(_line(findings[0]))}>{escape(text)}</error></testcase>",
        )
    if statuses and set(statuses) == {"skip"}:
        return 3, f"{head}<skipped message={_quoted(_line(findings[0]))}/></testcase>"
    out = f"<system-out>{escape(text)}</system-out>" if findings else ""
    return 0, f"{head}{out}</testcase>"


def _line(finding: Finding) -> str:
    unit = f" {finding.unit}" if finding.unit else ""
    text = f"{finding.where}: got {finding.got}, expected {finding.expected}{unit}. {finding.fix} [{finding.clause}]"
    return f"{finding.status}: {plain(text)}"


def _quoted(text: str) -> str:
    return quoteattr(plain(text))


def _unreadable(path: str, reason: str) -> tuple[list[int], str]:
    counts = [1, 0, 1, 0]
    case = f'<testcase classname={_quoted(path)} name="readable"><error message={_quoted(reason)}/></testcase>'
    return counts, f"<testsuite name={_quoted(path)}{_counts(counts)}>\n{case}\n</testsuite>"
