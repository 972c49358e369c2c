"""Summaries of a report: counts, equal findings folded, and what is true of every entry.

A whole round has thousands of entries, and most of what is found in it is found many times. These
functions fold a report for the forms that people read; each is pure.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.auditing.report import (
    SEVERITIES,
    STATUSES,
    EntryReport,
    Finding,
    Report,
    Severity,
    Status,
    Verdict,
)

MIN_ENTRIES_FOR_NOTE = 3
"""Entries that a report needs before a warning of all of them is a note of the round."""

_PATH = re.compile(r"[^\s,;]*/[^\s,;]*")
_WORD_WITH_DIGIT = re.compile(r"[^\s,;:()]*\d[^\s,;:()]*")


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How many entries a rule concerns.

    Attributes:
        rule: Id of the rule.
        failed: Entries with a failed finding of the rule.
        questioned: Entries with a finding that questions them.
        warned: Entries with a warning and nothing worse.
    """

    rule: str
    failed: int = 0
    questioned: int = 0
    warned: int = 0


def count_by_rule(report: Report) -> list[RuleCount]:
    """Count the entries that each rule concerns, the rule that fails most entries first."""
    worst: dict[str, Counter[Severity]] = defaultdict(Counter)
    for entry in report.entries:
        for rule, severity in _worst_by_rule(entry).items():
            worst[rule][severity] += 1
    counts = [
        RuleCount(rule, count["fail"], count["question"], count["warn"])
        for rule, count in worst.items()
    ]
    return sorted(counts, key=lambda c: (-c.failed, -c.questioned, -c.warned, c.rule))


def _worst_by_rule(entry: EntryReport) -> dict[str, Severity]:
    worst: dict[str, Severity] = {}
    for finding in entry.findings:
        severity = severity_of(finding)
        if severity is not None:
            before = worst.get(finding.rule, severity)
            worst[finding.rule] = min(before, severity, key=SEVERITIES.index)
    return worst


def severity_of(finding: Finding) -> Severity | None:
    """Return what a breach means for the verdict; None for a skip or an error."""
    if finding.status in ("fail", "warn"):
        return finding.severity or ("fail" if finding.status == "fail" else "warn")
    return None


def count_by_submitter(report: Report) -> list[tuple[str, Counter[Verdict]]]:
    """Count the verdicts of each submitter, the one with the most invalid entries first."""
    counts: dict[str, Counter[Verdict]] = defaultdict(Counter)
    for entry in report.entries:
        counts[entry.submitter][entry.verdict] += 1
    order: tuple[Verdict, ...] = ("invalid", "questioned", "unjudged")
    return sorted(
        counts.items(), key=lambda item: (*[-item[1][verdict] for verdict in order], item[0])
    )


def count_measurements(entries: Iterable[EntryReport]) -> int:
    """Count the measurements behind entries; several results may share one power log."""
    entries = tuple(entries)
    sessions = {entry.session for entry in entries if entry.session}
    return len(sessions) + sum(not entry.session for entry in entries)


def with_verdict(entries: Iterable[EntryReport], verdict: Verdict) -> list[EntryReport]:
    """Return the entries with a verdict, in their order."""
    return [entry for entry in entries if entry.verdict == verdict]


# Folding


@dataclass(frozen=True, slots=True)
class FoldedFinding:
    """Findings of one rule that say the same, numbers and paths aside.

    Attributes:
        first: The finding that stands for all.
        count: How many there are.
    """

    first: Finding
    count: int


def fold(findings: Iterable[Finding]) -> list[FoldedFinding]:
    """Fold findings of one rule that say the same, in the order of their first occurrence."""
    groups: dict[tuple[str, str, Status, Severity | None], list[Finding]] = defaultdict(list)
    for finding in findings:
        key = (finding.rule, template(finding.got), finding.status, finding.severity)
        groups[key].append(finding)
    return [FoldedFinding(group[0], len(group)) for group in groups.values()]


def template(text: str) -> str:
    """Return a text with its numbers, names with digits and paths replaced.

    Findings that differ in these alone are equal.
    """
    return _WORD_WITH_DIGIT.sub("#", _PATH.sub("*", text))


@dataclass(frozen=True, slots=True)
class EntryGroup:
    """Entries whose verdict has the same reasons.

    Attributes:
        entries: The entries, in their order.
        findings: The findings behind the verdict, folded.
    """

    entries: tuple[EntryReport, ...]
    findings: tuple[FoldedFinding, ...]


def group_by_reason(entries: Iterable[EntryReport]) -> list[EntryGroup]:
    """Group entries of one verdict by the findings behind it, the largest group first."""
    groups: dict[tuple[tuple[str, str], ...], list[EntryReport]] = defaultdict(list)
    for entry in entries:
        reasons = {(f.rule, template(f.got)) for f in entry.decisive_findings}
        groups[tuple(sorted(reasons))].append(entry)
    folded = [
        EntryGroup(tuple(group), tuple(fold(group[0].decisive_findings)))
        for group in groups.values()
    ]
    return sorted(folded, key=lambda group: -len(group.entries))


@dataclass(frozen=True, slots=True)
class FoldedWarning:
    """The warnings of one rule over all entries.

    Attributes:
        rule: Id of the rule.
        entries: How many entries have one.
        texts: What is said, numbers and paths aside, with the number of entries; most frequent
            first. The text is that of the first finding.
        everywhere: Whether every entry of the report has one: a note of the round.
    """

    rule: str
    entries: int
    texts: tuple[tuple[str, int], ...]
    everywhere: bool


def folded_warnings(report: Report) -> list[FoldedWarning]:
    """Fold all warnings by rule, what every entry has first."""
    entries_by_text: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    first_text: dict[tuple[str, str], str] = {}
    for number, entry in enumerate(report.entries):
        for finding in entry.findings:
            if severity_of(finding) == "warn":
                key = template(finding.got)
                entries_by_text[finding.rule][key].add(number)
                first_text.setdefault((finding.rule, key), finding.got)
    total = len(report.entries)
    warnings = []
    for rule, texts in entries_by_text.items():
        warned = set().union(*texts.values())
        counts = sorted(texts.items(), key=lambda item: -len(item[1]))
        warnings.append(
            FoldedWarning(
                rule=rule,
                entries=len(warned),
                texts=tuple((first_text[rule, key], len(numbers)) for key, numbers in counts),
                everywhere=total >= MIN_ENTRIES_FOR_NOTE and len(warned) == total,
            )
        )
    return sorted(warnings, key=lambda w: (not w.everywhere, -w.entries, w.rule))


def folded_notes(report: Report) -> list[tuple[str, int]]:
    """Return the notes of all entries with how many have each, the most frequent first."""
    counts: Counter[str] = Counter()
    first_text: dict[str, str] = {}
    for entry in report.entries:
        for text in dict.fromkeys(entry.notes):
            key = template(text)
            counts[key] += 1
            first_text.setdefault(key, text)
    return [(first_text[key], count) for key, count in counts.most_common()]


def by_measurement(entries: Sequence[EntryReport]) -> list[tuple[EntryReport, tuple[str, ...]]]:
    """Return each measurement once: its first entry, and the ids of the others that share it.

    Entries share a measurement where they share readings, verdict and findings; an entry that is
    judged differently stands for itself.
    """
    groups: dict[object, list[EntryReport]] = defaultdict(list)
    for number, entry in enumerate(entries):
        digest = tuple((f.rule, f.status, template(f.got)) for f in entry.findings)
        key = (entry.session, entry.verdict, digest) if entry.session else number
        groups[key].append(entry)
    return [(group[0], tuple(entry.id for entry in group[1:])) for group in groups.values()]


def sorted_findings(entry: EntryReport) -> list[Finding]:
    """Return the findings of an entry, the worst first: fail, error, question, warn, skip."""

    def rank(finding: Finding) -> tuple[int, int]:
        severity = finding.severity or "warn"
        return STATUSES.index(finding.status), SEVERITIES.index(severity)

    return sorted(entry.findings, key=rank)
