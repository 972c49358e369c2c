"""Published results of each kind of fault, and accepted ones, get the right verdict.

The table of expected verdicts lies beside the real data; what each case is about is stated here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import api
from harness.auditing.report import EntryReport, Finding


class Case(NamedTuple):
    """What must be found, and what must not be.

    rule, severity, got: of a finding that must be there, "" for none
    absent_rule: a rule that must have no finding; absent_text: words that no finding may have
    """

    rule: str = ""
    severity: str = ""
    got: str = ""
    absent_rule: str = ""
    absent_text: str = ""


CASES = {
    "A-v10-ptd-uncertainty": Case("ptd-uncertainty", "warn", "604 readings of the window above"),
    "B-v10-duplicate-edge-datacenter": Case(absent_rule="duplicate-traces"),
    "C-v21-ranging-against-testing": Case("ranging-matches-testing", "warn", "-9.64"),
    "D-v21-session-identity": Case(absent_rule="session-identity", absent_text="sources unknown"),
    "E-v30-ptd-commands": Case(absent_rule="ptd-commands"),
    "F-v30-ptd-uncertainty": Case("ptd-uncertainty", "warn", "15 readings of the window above"),
    "G-v41-offline-llm-count": Case(absent_rule="loadgen-summary"),
    "H-v41-loadgen-summary-rounding": Case(absent_rule="loadgen-summary"),
    "I-v51-loadgen-summary-rounding": Case(absent_rule="loadgen-summary"),
    "J-v51-ptd-raw-readings": Case(
        "ptd-uncertainty", "fail", "mean uncertainty 1.107", absent_text="never sent"
    ),
    "K-v10-duration-missed": Case(
        "ranging-duration", "fail", "ranging 635.75 s and testing 679.78 s"
    ),
    "L-v21-course-copy-warn": Case(absent_text="course of the ranging run"),
    "M-v10-power-documents": Case(absent_rule="power-documents"),
    "valid": Case(absent_text="never sent"),
}


def verdicts(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["case"]: row["expected_verdict"] for row in rows}


@pytest.mark.parametrize("name", CASES)
def test_case_comes_out_as_expected(
    name: str, real_rounds: Path, expected: Callable[[str], list[dict[str, str]]]
) -> None:
    case = CASES[name]
    verdict = verdicts(expected("mlperf-inference-rounds"))[name]
    report = api.audit(real_rounds / name)
    assert report.entries
    for entry in report.entries:
        assert entry.verdict == verdict, (entry.id, entry.findings)
        findings = _told(entry)
        if case.rule:
            assert any(_is_expected(finding, case) for finding in findings), findings
        assert case.absent_rule not in {finding.rule for finding in findings}
        if case.absent_text:
            assert not [f for f in findings if case.absent_text in f.got]


def test_every_case_of_the_table_is_here(
    expected: Callable[[str], list[dict[str, str]]],
) -> None:
    assert set(verdicts(expected("mlperf-inference-rounds"))) == set(CASES)


def test_machine_in_two_suites_is_noted(real_rounds: Path) -> None:
    """One session submitted for data centre and for edge."""
    for entry in api.audit(real_rounds / "B-v10-duplicate-edge-datacenter").entries:
        assert [note for note in entry.notes if "shares its measurement" in note]


def test_log_that_ends_early_says_what_is_missing(real_rounds: Path) -> None:
    (entry,) = api.audit(real_rounds / "J-v51-ptd-raw-readings").entries
    (finding,) = [f for f in entry.findings if f.rule == "ptd-raw-readings"]
    assert finding.severity == "warn"
    assert finding.got == "ends at reading 541 of 611, 6151 bytes early; server.log holds all"


def _told(entry: EntryReport) -> list[Finding]:
    return [finding for finding in entry.findings if finding.severity is not None]


def _is_expected(finding: Finding, case: Case) -> bool:
    return (finding.rule, finding.severity) == (
        case.rule,
        case.severity,
    ) and case.got in finding.got
