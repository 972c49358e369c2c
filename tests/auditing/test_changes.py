"""What changed between two audits of one tree, perhaps by different releases."""

from __future__ import annotations

from dataclasses import replace

from harness.auditing.changes import Change, changes_since
from harness.auditing.report import EntryReport, Finding, Report, Status
from harness.render.audit_report.document import audit_document
from tests.auditing.rules import builders as b


def finding(rule: str, status: Status) -> Finding:
    return Finding(rule, status, "w", "g", "e", "f", "c")


def report(*entries: EntryReport) -> Report:
    return Report(entries, (), ())


VALID = EntryReport("a", b.OWN, "valid", (finding("padding", "warn"),))
INVALID = EntryReport("a", b.OWN, "invalid", (finding("coverage", "fail"),))


def test_the_same_report_has_no_changes() -> None:
    assert changes_since(audit_document(report(VALID)), report(VALID)) == []


def test_verdict_and_findings_that_changed_are_named() -> None:
    (change,) = changes_since(audit_document(report(VALID)), report(INVALID))
    assert change == Change("a", "valid", "invalid", ("fail coverage",), ("warn padding",))


def test_entries_that_came_or_went_are_named() -> None:
    other = replace(VALID, id="b")
    changed = changes_since(audit_document(report(VALID)), report(other))
    assert [(c.id, c.before, c.after) for c in changed] == [
        ("a", "valid", None),
        ("b", None, "valid"),
    ]


def test_an_entry_that_can_no_longer_be_read_is_a_change() -> None:
    unreadable = Report((), (("a", "cut off"),), ())
    (change,) = changes_since(audit_document(report(VALID)), unreadable)
    assert (change.before, change.after) == ("valid", "unjudged")


def test_a_rule_that_was_only_renamed_is_no_change() -> None:
    earlier = audit_document(report(replace(VALID, findings=(finding("planted-scaling", "warn"),))))
    now = report(replace(VALID, findings=(finding("scaling-factor", "warn"),)))
    assert changes_since(earlier, now) == []


def test_a_document_of_version_one_without_the_newer_fields_is_understood() -> None:
    earlier = {
        "entries": [
            {"id": "a", "verdict": "valid", "findings": [{"rule": "padding", "status": "warn"}]}
        ]
    }
    assert changes_since(earlier, report(VALID)) == []
