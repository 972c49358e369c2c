"""The report of an audit in a terminal: a round on two screens, what is wrong first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.auditing.changes import Change
from harness.auditing.report import EntryReport, Finding, Location, Report, Severity
from harness.render.style import WIDTH, Style
from harness.render.terminal.audit import FORMS, MAX_LINES, audit_text
from tests.auditing.rules import builders as b

NO_DATE = "no calibration date: YOKOGAWA;WT333E;C3VD30030E;F1.04"


def finding(rule: str, severity: Severity, got: str, where: str = "performance/run_1") -> Finding:
    return Finding(
        rule,
        "fail" if severity == "fail" else "warn",
        where,
        got,
        "something else",
        f"Mend {rule}.",
        f"clause of {rule}",
        location=Location(file=where),
        severity=severity,
    )


def entry(number: int, verdict: str, *findings: Finding, session: str = "") -> EntryReport:
    return EntryReport(
        id=f"closed/Vendor{number % 9}/results/system_of_{number}/resnet50/Offline",
        round=b.INFERENCE,
        verdict=verdict,  # type: ignore[arg-type]
        findings=findings,
        submitter=f"Vendor{number % 9}",
        rules_in_round=30,
        session=session,
    )


def a_round(size: int = 2449) -> Report:
    """A round in which one entry in seven is invalid, for many reasons, and all have a warning."""

    def findings(number: int) -> Iterator[Finding]:
        yield finding("meter-identity", "warn", NO_DATE)
        if number % 7 == 0:
            rule = ("ptd-uncertainty", "largest-gap", "coverage", "padding")[number % 4]
            reason = "abcdefghijklmnopqrst"[number % 20]
            yield finding(rule, "fail", f"{number / 7:.3f} of kind {reason} in {number} readings")
        elif number % 50 == 1:
            yield finding("sampling-rate", "question", f"readings every {number % 5} s")
        if number % 3 == 0:
            yield finding("duplicate-traces", "warn", f"the same readings as closed/X/{number}")

    verdicts = [
        "invalid" if n % 7 == 0 else "questioned" if n % 50 == 1 else "valid" for n in range(size)
    ]
    entries = [entry(n, verdict, *findings(n)) for n, verdict in enumerate(verdicts)]
    return Report(tuple(entries), (("broken/entry", "cannot be read"),), ())


@pytest.fixture(scope="module")
def concise() -> str:
    return audit_text(a_round(), form="concise")


def test_a_whole_round_fits_on_two_screens(concise: str) -> None:
    lines = concise.splitlines()
    assert len(lines) <= MAX_LINES
    assert max(map(len, lines)) <= WIDTH


def test_the_summary_comes_first_and_what_is_invalid_next(concise: str) -> None:
    order = [
        "350 invalid",
        "Entries by rule",
        "Entries by submitter",
        "INVALID",
        "QUESTIONED",
        "WARNINGS",
    ]
    places = [concise.index(text) for text in order]
    assert places == sorted(places)
    assert concise.startswith("2,450 entries; mlperf-inference-v4.1\n")
    assert "350 invalid, 42 questioned, 1 unjudged, 2,057 valid" in concise


def test_equal_findings_are_folded_and_valid_entries_counted(concise: str) -> None:
    assert concise.count("meter-identity, every entry: no calibration date: YOKO") == 1
    assert concise.count("calibration") == 1
    assert "system_of_2/" not in concise, "a valid entry"
    assert concise.count("sampling-rate (42 entries)") == 1


def test_a_group_names_some_of_its_entries() -> None:
    entries = [entry(n, "invalid", finding("coverage", "fail", f"0.{n}")) for n in range(20)]
    text = audit_text(Report(tuple(entries), (), ()), form="concise")
    assert "coverage (20 entries): 0.0; expected something else" in text
    assert text.count("/resnet50/Offline") == 3
    assert "and 17 more" in text


def test_grouped_lists_each_entry_that_is_not_valid_with_one_line_a_finding() -> None:
    report = a_round(60)
    text = audit_text(report, form="grouped")
    for item in report.entries:
        assert (item.id in text) == (item.verdict != "valid")
    assert "fail ptd-uncertainty: performance/run_1: got " in text
    assert "question sampling-rate: performance/run_1: got" in text
    assert "Mend ptd-uncertainty. [clause of ptd-uncertainty]" in text


def test_one_power_log_is_shown_once_with_all_its_results() -> None:
    bad = finding("coverage", "fail", "0.5")
    entries = [entry(n, "invalid", bad, session="one") for n in range(3)]
    text = audit_text(Report((*entries, entry(3, "invalid", bad)), (), ()), form="grouped")
    assert text.startswith("4 entries of 2 measurements")
    assert text.count("fail coverage") == 2
    assert text.count("and with the same measurement closed/") == 2


def test_equal_findings_of_an_entry_are_folded_and_counted() -> None:
    findings = [finding("coverage", "fail", "0.5", f"node_{k}") for k in range(15)]
    report = Report((entry(0, "invalid", *findings),), (), ())
    assert audit_text(report).count("fail coverage") == 1
    assert "expected something else (and 14 more like it)" in audit_text(report)
    assert audit_text(report, form="full").count("fail coverage") == 15


def test_full_shows_every_entry_and_the_rules_that_were_skipped() -> None:
    skipped = Finding("node-count", "skip", "w", "g", "e", "f", "c")
    text = audit_text(Report((entry(2, "valid", skipped),), (), ()), form="full")
    assert "system_of_2/" in text
    assert "skip node-count: w: got g, expected e" in text


def test_the_number_of_entries_chooses_the_form() -> None:
    assert "Mend coverage." in audit_text(
        Report((entry(0, "invalid", finding("coverage", "fail", "0.5")),), (), ())
    )
    assert "Mend" not in audit_text(a_round(60))


def test_how_far_the_verdicts_reach_is_said() -> None:
    from dataclasses import replace

    skipped = Finding("node-count", "skip", "w", "g", "e", "f", "c")
    item = replace(entry(0, "valid", skipped), provisional=True, rules_in_round=31)
    text = audit_text(Report((item,), (), ()))
    assert "1 verdict is provisional" in text
    assert "30 of 31 rules could be judged" in text


def test_colour_only_where_it_is_wanted_and_no_text_changes() -> None:
    import re

    report = a_round(60)
    for form in FORMS:
        plain = audit_text(report, form=form)
        coloured = audit_text(report, form=form, style=Style(colour=True))
        assert "\x1b" not in plain
        assert "\x1b[31m" in coloured
        assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


def test_changes_since_an_earlier_report_are_shown() -> None:
    change = Change("closed/a", "valid", "invalid", ("fail coverage",), ("warn padding",))
    text = audit_text(a_round(3), changes=[change, Change("closed/b", None, "valid")])
    assert "valid -> invalid: closed/a" in text
    assert "new: fail coverage" in text
    assert "gone: warn padding" in text
    assert "absent -> valid: closed/b" in text
    assert "Nothing changed" in audit_text(a_round(3), changes=[])
