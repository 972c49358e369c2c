"""Counts and groups in the summary of a report."""

from __future__ import annotations

from harness.auditing.report import EntryReport, Finding, Report, Severity
from harness.auditing.summary import (
    by_measurement,
    count_by_rule,
    count_by_submitter,
    count_measurements,
    fold,
    folded_notes,
    folded_warnings,
    group_by_reason,
    template,
)


def finding(rule: str, severity: Severity, got: str = "1.5") -> Finding:
    status = "fail" if severity == "fail" else "warn"
    return Finding(rule, status, "w", got, "e", "f", "c", severity=severity)


def entry(
    name: str,
    verdict: str,
    *findings: Finding,
    submitter: str = "Lab",
    session: str = "",
    notes: tuple[str, ...] = (),
) -> EntryReport:
    return EntryReport(
        name,
        "r",
        verdict,
        findings,
        notes,
        submitter=submitter,
        session=session,  # type: ignore[arg-type]
    )


def report(*entries: EntryReport) -> Report:
    return Report(entries, (), ())


def test_a_rule_counts_each_entry_once_by_its_worst_finding() -> None:
    both = entry("a", "invalid", finding("x", "fail"), finding("x", "warn"), finding("x", "fail"))
    asked = entry("b", "questioned", finding("x", "question"), finding("y", "warn"))
    counts = [
        (c.rule, c.failed, c.questioned, c.warned) for c in count_by_rule(report(both, asked))
    ]
    assert counts == [("x", 1, 1, 0), ("y", 0, 0, 1)]


def test_submitters_with_invalid_entries_come_first() -> None:
    counts = count_by_submitter(
        report(entry("a", "valid", submitter="A"), entry("z", "invalid", submitter="Z"))
    )
    assert [(name, count["valid"], count["invalid"]) for name, count in counts] == [
        ("Z", 0, 1),
        ("A", 1, 0),
    ]


def test_submitters_with_equal_counts_are_in_order_of_their_names() -> None:
    names = ["C", "A", "D", "B"]
    entries = [entry(name, "invalid", submitter=name) for name in names]
    entries += [entry("second", "valid", submitter="A"), entry("third", "unjudged", submitter="D")]
    assert [name for name, _ in count_by_submitter(report(*entries))] == ["D", "A", "B", "C"]


def test_texts_that_differ_in_numbers_and_paths_are_equal() -> None:
    assert template("12.5 of 3 in closed/a/b") == template("7 of 44 in open/c")
    assert template("12.5 W") != template("12.5 V")
    assert template("entered as XE2420_edge") == template("entered as T4x4")
    folded = fold([finding("x", "warn", "1 s"), finding("x", "warn", "2 s"), finding("y", "warn")])
    assert [(item.first.rule, item.count) for item in folded] == [("x", 2), ("y", 1)]


def test_entries_are_grouped_by_what_decided_not_by_their_warnings() -> None:
    entries = [
        entry("a", "invalid", finding("x", "fail", "1"), finding("y", "warn")),
        entry("b", "invalid", finding("x", "fail", "2")),
        entry("c", "invalid", finding("z", "fail")),
    ]
    groups = group_by_reason(entries)
    assert [[item.id for item in group.entries] for group in groups] == [["a", "b"], ["c"]]


def test_a_warning_of_every_entry_is_marked() -> None:
    entries = [entry(str(n), "valid", finding("x", "warn", f"{n} s")) for n in range(3)]
    (all_of_them,) = folded_warnings(report(*entries))
    assert (all_of_them.everywhere, all_of_them.texts) == (True, (("0 s", 3),))
    (some,) = folded_warnings(report(*entries, entry("9", "valid")))
    assert (some.everywhere, some.entries) == (False, 3)


def test_notes_are_counted() -> None:
    assert folded_notes(
        report(entry("a", "valid", notes=("n 1",)), entry("b", "valid", notes=("n 2",)))
    ) == [("n 1", 2)]


def test_results_of_one_measurement_stand_together_unless_judged_differently() -> None:
    same = [entry(n, "valid", session="s") for n in "ab"]
    other = entry("c", "invalid", finding("x", "fail"), session="s")
    alone = [entry(n, "valid") for n in "de"]
    groups = by_measurement([*same, other, *alone])
    assert [(item.id, also) for item, also in groups] == [
        ("a", ("b",)),
        ("c", ()),
        ("d", ()),
        ("e", ()),
    ]
    assert count_measurements([*same, other, *alone]) == 3
