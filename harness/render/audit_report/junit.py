"""Audit findings as JUnit XML: a suite for each entry, a case for each rule of its round.

A failed rule is a failure. A question and a warning are output of a case that passes, unless the
report is strict; the verdict of the entry is a property of its suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from harness.auditing.report import EntryReport, Finding, Report
from harness.auditing.rules import RULES
from harness.auditing.rules.rulebook import rulebook
from harness.auditing.summary import severity_of
from harness.render.escape import plain


@dataclass(frozen=True, slots=True)
class _Counts:
    """Cases of a suite, and how many of them did not pass."""

    tests: int = 0
    failures: int = 0
    errors: int = 0
    skipped: int = 0

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(
            self.tests + other.tests,
            self.failures + other.failures,
            self.errors + other.errors,
            self.skipped + other.skipped,
        )

    def attributes(self, *, with_skipped: bool = True) -> str:
        """Return the counts as XML attributes; Jenkins' schema has no `skipped` at the root."""
        text = f' tests="{self.tests}" failures="{self.failures}" errors="{self.errors}"'
        return text + (f' skipped="{self.skipped}"' if with_skipped else "")


FAILED, BROKEN, SKIPPED, PASSED = (
    _Counts(1, failures=1),
    _Counts(1, errors=1),
    _Counts(1, skipped=1),
    _Counts(1),
)


def junit_text(report: Report, *, strict: bool = False) -> str:
    """Return the report as XML.

    Args:
        report: The audit.
        strict: Whether a warning or a question is a failure.
    """
    suites = [_suite(entry, strict) for entry in report.entries]
    suites += [_unreadable(path, reason) for path, reason in report.unreadable]
    total = sum((counts for counts, _ in suites), _Counts())
    attributes = total.attributes(with_skipped=False)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites name="joulemark audit"{attributes}>',
        *(text for _, text in suites),
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _suite(entry: EntryReport, strict: bool) -> tuple[_Counts, str]:
    """Return the suite of an entry: a case for each rule that its round has or that it breaks."""
    in_round = rulebook(entry.round)["rules"]
    total = _Counts()
    cases = []
    for rule in RULES:
        findings = [finding for finding in entry.findings if finding.rule == rule.id]
        if rule.id in in_round or findings:
            counts, text = _case(entry, rule.id, findings, strict)
            total += counts
            cases.append(text)
    properties = f'<properties><property name="verdict" value="{entry.verdict}"/></properties>'
    head = f"<testsuite name={_quoted(entry.id)}{total.attributes()}>"
    return total, "\n".join([head, properties, *cases, "</testsuite>"])


def _case(
    entry: EntryReport, rule: str, findings: Sequence[Finding], strict: bool
) -> tuple[_Counts, str]:
    """Return what the case of one rule counts as, and its element."""
    statuses = {finding.status for finding in findings}
    lines = [_line(finding) for finding in findings]
    body = escape("\n".join(lines))
    if "fail" in statuses or (strict and "warn" in statuses):
        outcome = FAILED, f"<failure message={_quoted(lines[0])}>{body}</failure>"
    elif "error" in statuses:
        outcome = BROKEN, f"<error message={_quoted(lines[0])}>{body}</error>"
    elif statuses == {"skip"}:
        outcome = SKIPPED, f"<skipped message={_quoted(lines[0])}/>"
    else:
        outcome = PASSED, f"<system-out>{body}</system-out>" if lines else ""
    counts, element = outcome
    head = f"<testcase classname={_quoted(entry.id)} name={_quoted(rule)}>"
    return counts, f"{head}{element}</testcase>"


def _line(finding: Finding) -> str:
    label = severity_of(finding) or finding.status
    measured = f"got {finding.got}, expected {finding.expected_with_unit}"
    text = f"{finding.where}: {measured}. {finding.fix} [{finding.clause}]"
    return f"{label}: {plain(text)}"


def _quoted(text: str) -> str:
    return quoteattr(plain(text))


def _unreadable(path: str, reason: str) -> tuple[_Counts, str]:
    error = f"<error message={_quoted(reason)}/>"
    case = f'<testcase classname={_quoted(path)} name="readable">{error}</testcase>'
    head = f"<testsuite name={_quoted(path)}{BROKEN.attributes()}>"
    return BROKEN, f"{head}\n{case}\n</testsuite>"
