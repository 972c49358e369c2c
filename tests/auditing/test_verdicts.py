"""Severities, statuses and the four verdicts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

import pytest

from harness.auditing import engine
from harness.auditing.report import Finding, Location, Status, verdict_of
from harness.auditing.rules import RULES
from harness.auditing.rules.base import Outcome, RuleContext, Violation
from harness.auditing.rules.rulebook import rulebook
from harness.render.audit_report.document import audit_document
from tests.auditing.rules import builders as b


@pytest.fixture
def judge_with(monkeypatch: pytest.MonkeyPatch):
    """A function that judges a clean entry by one rule of a severity that yields one outcome."""

    def judge(severity: str, outcome: Outcome | None) -> engine.EntryReport:
        def check(context: RuleContext) -> Iterator[Violation]:  # noqa: ARG001
            yield Violation(Location(run="r", channel="c"), "got", "expected", "fix", "", outcome)

        only = tuple(replace(r, check=check) for r in RULES if r.id == "coverage")
        book = dict(rulebook(b.OWN))
        book["rules"] = {"coverage": {**book["rules"]["coverage"], "severity": severity}}
        monkeypatch.setattr(engine, "RULES", only)
        monkeypatch.setattr(engine, "rulebook_for", lambda *_: (book, ""))
        return b.judge(b.entry(b.run(b.trace(range(-5, 606)))))

    return judge


@pytest.mark.parametrize(
    ("severity", "outcome", "status", "verdict"),
    [
        ("fail", None, "fail", "invalid"),
        ("question", None, "warn", "questioned"),
        ("warn", None, "warn", "valid"),
        ("fail", "question", "warn", "questioned"),
        ("fail", "warn", "warn", "valid"),
        ("question", "fail", "warn", "questioned"),
        ("question", "warn", "warn", "valid"),
        ("warn", "fail", "warn", "valid"),
        ("warn", "question", "warn", "valid"),
        ("fail", "skip", "skip", "valid"),
    ],
)
def test_the_milder_of_rule_and_rulebook_decides(
    judge_with, severity: str, outcome: Outcome | None, status: Status, verdict: str
) -> None:
    report = judge_with(severity, outcome)
    (finding,) = report.findings
    assert (finding.status, report.verdict) == (status, verdict)
    assert (finding.where, finding.location) == ("r/c", Location(run="r", channel="c"))
    assert report.reasons == (("coverage",) if verdict in ("invalid", "questioned") else ())


def test_a_note_is_no_finding(judge_with) -> None:
    report = judge_with("fail", "note")
    assert (report.findings, report.notes, report.verdict) == ((), ("got",), "valid")


def test_a_skipped_rule_was_not_judged(judge_with) -> None:
    assert (judge_with("fail", None).rules_judged, judge_with("fail", None).rules_in_round) == (
        1,
        1,
    )
    assert (judge_with("fail", "skip").rules_judged, judge_with("fail", "skip").rules_in_round) == (
        0,
        1,
    )


def test_the_worst_finding_decides_in_any_order() -> None:
    def finding(status: Status, severity: str | None = None) -> Finding:
        return Finding("r", status, "w", "g", "e", "f", "c", severity=severity)  # type: ignore[arg-type]

    ladder = [
        (finding("fail", "fail"), "invalid"),
        (finding("error"), "unjudged"),
        (finding("warn", "question"), "questioned"),
        (finding("warn", "warn"), "valid"),
        (finding("skip"), "valid"),
    ]
    for (worse, verdict), (milder, _) in itertools.combinations(ladder, 2):
        assert verdict_of((worse, milder)) == verdict_of((milder, worse)) == verdict
    assert verdict_of(()) == "valid"


def test_a_newer_round_than_any_rulebook_is_judged_provisionally() -> None:
    newer = b.entry(b.run(b.trace(range(-5, 606))), round="mlperf-inference-v6.1")
    known = replace(newer, round="mlperf-inference-v5.1")
    assert b.judge(newer).provisional
    assert b.judge(newer).verdict in ("valid", "questioned", "invalid")
    assert not b.judge(known).provisional


def test_locations_are_ordered_and_shown_as_text() -> None:
    line = Location(file="a.txt", line=3)
    assert str(line) == "a.txt, line 3"
    assert str(Location(run="r")) == "r"
    assert sorted([Location(run="r", channel="b"), Location(run="r", channel="a"), line]) == [
        line,
        Location(run="r", channel="a"),
        Location(run="r", channel="b"),
    ]


def test_the_document_has_location_severity_and_summaries(judge_with) -> None:
    report = judge_with("question", None)
    document = audit_document(engine_report(report))
    (entry,) = document["entries"]
    (finding,) = entry["findings"]
    assert finding["location"] == {"run": "r", "channel": "c", "file": None, "line": None}
    assert (finding["where"], finding["severity"], finding["status"]) == ("r/c", "question", "warn")
    assert (entry["submitter"], entry["system"]) == ("Lab", "s")
    assert document["summary"] == {
        "valid": 0,
        "questioned": 1,
        "invalid": 0,
        "unjudged": 0,
        "by_rule": [{"rule": "coverage", "fail": 0, "warn": 1}],
        "by_submitter": [
            {"submitter": "Lab", "valid": 0, "questioned": 1, "invalid": 0, "unjudged": 0}
        ],
        "notes_of_round": [],
    }


def engine_report(entry: engine.EntryReport):
    from harness.auditing.report import Report

    return Report((entry,), (), ())
