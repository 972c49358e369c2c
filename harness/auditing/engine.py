"""The audit: evidence and a rulebook in, findings and a verdict out.

1. `cross_entry_relations` compares the traces of all entries with each other.
2. `audit_entry` judges one entry: it integrates its runs, applies every rule of its rulebook, and
   sums the findings up to a verdict.

`audit_entry` is a plain function of one entry, so any engine may map it over many.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.auditing.cross_entry import CrossEntryEvidence
from harness.auditing.relations import (
    NO_CROSS_ENTRY_EVIDENCE,
    Copies,
    compare_within,
    in_memory,
)
from harness.auditing.report import (
    EntryReport,
    Finding,
    Location,
    Severity,
    Status,
    by_status,
    verdict_of,
)
from harness.auditing.rules import RULES
from harness.auditing.rules.base import Rule, RuleContext, Violation, location
from harness.auditing.rules.rulebook import is_provisional, rulebook, rulebook_for
from harness.core.errors import shorten
from harness.core.process_pool import DIED, spread
from harness.core.progress import NO_PROGRESS, Progress
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.energy.evaluation import Evaluation, evaluate
from harness.formats.base import Entry
from harness.formats.defects import DefectCode
from harness.traces.journal.reader import JournalReader

Settings = Mapping[str, Any]
"""What a rulebook states for one rule."""
LATE = "Look why it is so large; then audit it alone with a longer --timeout."
"""The remedy for an entry that took longer than it may."""


# One entry


def audit_entry(
    entry: Entry,
    copies: Copies,
    round_name: str | None = None,
    cross_entry: CrossEntryEvidence = NO_CROSS_ENTRY_EVIDENCE,
    chosen: Collection[str] | None = None,
    evaluation: Evaluation | None = None,
) -> EntryReport:
    """Judge one entry by every rule of its rulebook.

    Whatever the evidence holds, nothing is raised for it.

    Args:
        entry: The evidence.
        copies: Equal traces among the entries that are audited together.
        round_name: Round whose rulebook judges; None for the round that the entry states.
        cross_entry: What else those entries show about each other.
        chosen: Ids of the rules to apply; None for all.
        evaluation: Energies of the entry, where they are known already.

    Raises:
        UsageError: `round_name` has no rulebook.
    """
    book, note = rulebook_for(entry, round_name)
    judged_by_foreign_round = round_name is None and entry.round != book["round"]
    evaluation = evaluate(entry) if evaluation is None else evaluation
    judged = _without_incomplete_runs(entry)
    judged_ids = {run.id for run in judged.runs}
    context = functools.partial(
        RuleContext,
        entry=judged,
        runs=tuple(run for run in evaluation.runs if run.run.id in judged_ids),
        copies=copies,
        cross_entry=cross_entry,
        round=book["round"],
        journals=JournalReader(),
    )

    findings = [_broken_integration(run, error) for run, error in evaluation.failures]
    notes = [note] if note else []
    terms = _terms(book["round"])
    rules = [rule for rule in RULES if _is_applied(rule, book, chosen)]
    for rule in rules:
        settings = book["rules"][rule.id]
        if rule.accepts and judged_by_foreign_round:
            settings = {**settings, "severity": "warn"}  # lists of tools belong to their round
        limits, accepts = terms[rule.id]
        for item in _apply(rule, context(limits=limits, accepts=accepts), settings):
            if isinstance(item, Finding):
                findings.append(item)
            else:
                notes.append(item)
    if not entry.runs:
        findings.append(_no_run(entry, book))

    findings.sort(key=by_status)
    return EntryReport(
        id=entry.id,
        round=book["round"],
        verdict=verdict_of(tuple(findings)),
        findings=tuple(findings),
        notes=tuple(notes),
        submitter=entry.submitter,
        system=entry.system,
        benchmark=entry.benchmark,
        scenario=entry.scenario,
        format=entry.format,
        provisional=is_provisional(entry, book),
        rules_in_round=len(rules),
        without_evidence=_is_without_evidence(rules, findings),
        session=_session_digest(entry),
    )


def _without_incomplete_runs(entry: Entry) -> Entry:
    """Return the entry without runs that were not recorded to their end.

    That they are incomplete is a finding of its own; what else they lack follows from it.
    """
    incomplete = {
        Path(defect.where).name
        for defect in entry.defects
        if defect.code is DefectCode.RUN_INCOMPLETE
    }
    if not incomplete:
        return entry
    return replace(entry, runs=tuple(run for run in entry.runs if run.id not in incomplete))


def _is_applied(rule: Rule, book: Mapping[str, Any], chosen: Collection[str] | None) -> bool:
    settings = book["rules"].get(rule.id)
    if settings is None or settings["severity"] == "off":
        return False
    return chosen is None or rule.id in chosen


def _is_without_evidence(rules: Sequence[Rule], findings: Sequence[Finding]) -> bool:
    """Return whether every rule that ties readings to their session was skipped."""
    ties = {rule.id for rule in rules if rule.ties_evidence}
    skipped = {finding.rule for finding in findings if finding.status == "skip"}
    return bool(ties) and ties <= skipped


def _apply(rule: Rule, context: RuleContext, settings: Settings) -> Iterator[Finding | str]:
    """Yield the findings of one rule, and as text the notes that are no finding."""
    try:
        for violation in rule.check(context):
            if violation.status == "note":
                yield violation.got
            else:
                yield _finding(rule.id, violation, settings)
    except Exception as error:  # noqa: BLE001 - a broken rule is a finding about the rule, and hides no other
        yield _broken(rule.id, context.entry.id, None, error, settings["clause"])


def _finding(rule_id: str, violation: Violation, settings: Settings) -> Finding:
    severity = _severity(violation, settings["severity"])
    status: Status = "skip" if severity is None else "fail" if severity == "fail" else "warn"
    where = violation.where
    return Finding(
        rule=rule_id,
        status=status,
        where=str(where),
        got=violation.got,
        expected=violation.expected,
        fix=violation.fix,
        clause=settings["clause"],
        unit=violation.unit,
        location=where if isinstance(where, Location) else None,
        severity=severity,
    )


_MILDNESS: Mapping[str, int] = {"fail": 0, "question": 1, "warn": 2}


def _severity(violation: Violation, of_rulebook: Severity) -> Severity | None:
    """Return the milder of what the rule and what the rulebook says; None for a skip."""
    if violation.status == "skip":
        return None
    if violation.status is None or violation.status == "note":
        return of_rulebook
    return max(violation.status, of_rulebook, key=_MILDNESS.__getitem__)


def _no_run(entry: Entry, book: Mapping[str, Any]) -> Finding:
    clause = book["rules"].get("evidence-readable", {}).get("clause", book["source"])
    return Finding(
        rule="evidence-readable",
        status="fail",
        where=entry.id,
        got="no run",
        expected="at least one",
        fix="Submit the runs.",
        clause=clause,
        severity="fail",
    )


def _broken_integration(run: Any, error: Exception) -> Finding:
    """Return the finding for a run that could not be integrated; it says nothing about the run."""
    where = location(run)
    clause = "methodology, one run"
    return _broken("energy-recomputes", str(where), where, error, clause)


def _broken(
    rule: str, where: str, place: Location | None, error: Exception, clause: str
) -> Finding:
    if isinstance(error, MemoryError):
        fix = "Audit it alone, where there is more memory."
    elif isinstance(error, TimeoutError):
        fix = LATE
    else:
        fix = "Please report this: the tool is broken, the entry may be fine."
    got = f"{type(error).__name__}: {shorten(error)}"
    expected = "evidence that can be judged"
    return Finding(rule, "error", where, got, expected, fix, clause, location=place)


@functools.cache
def _terms(
    round_name: str,
) -> Mapping[str, tuple[Mapping[str, float], Mapping[str, tuple[str, ...]]]]:
    """Return the limits and the accepted texts that a round gives to each rule."""
    terms = {}
    for name, settings in rulebook(round_name)["rules"].items():
        stated_limits = settings.get("limits") or {}
        stated_lists = settings.get("accepts") or {}
        limits = {limit: float(item["value"]) for limit, item in stated_limits.items()}
        accepts = {listed: tuple(texts) for listed, texts in stated_lists.items()}
        terms[name] = (limits, accepts)
    return terms


def _session_digest(entry: Entry) -> str:
    """Return a digest of windows and readings, equal for one measurement; "" for none."""
    digest = hashlib.sha256()
    measured = False
    for run in entry.runs:
        hashes = sorted(trace.content_sha256 for trace in run.outer if len(trace))
        if run.window is None or not hashes:
            continue
        measured = True
        text = f"{run.window.start_ns} {run.window.stop_ns} {' '.join(hashes)}\n"
        digest.update(text.encode())
    return digest.hexdigest()[:16] if measured else ""


# Many entries


@dataclass(frozen=True, slots=True)
class Task:
    """All that judging one entry needs, small enough to be sent to another process.

    Attributes:
        entry: The evidence.
        copies: Equal traces, as far as the entry must know of them.
        cross_entry: Other relations, as far as the entry must know of them.
        round_name: Round whose rulebook judges; None for the round that the entry states.
        chosen: Ids of the rules to apply; None for all.
        timeout_s: How long the judgement may take [s]; None for no limit.
        evaluation: Energies of the entry, where they are known already.
    """

    entry: Entry
    copies: Copies
    cross_entry: CrossEntryEvidence
    round_name: str | None
    chosen: Collection[str] | None
    timeout_s: float | None
    evaluation: Evaluation | None = None


def audit_entries(
    entries: Sequence[Entry],
    round_name: str | None = None,
    *,
    chosen: Collection[str] | None = None,
    jobs: int = 1,
    timeout_s: float | None = None,
    evaluations: Sequence[Evaluation] | None = None,
    progress: Progress = NO_PROGRESS,
) -> tuple[EntryReport, ...]:
    """Judge entries together, so that copies between them are seen.

    Args:
        entries: The evidence.
        round_name: Round whose rulebook judges; None for the round that each entry states.
        chosen: Ids of the rules to apply; None for all.
        jobs: Number of processes.
        timeout_s: How long the judgement of one entry may take [s]; None for no limit.
        evaluations: Energies of each entry, where they are known already.
        progress: Receives each phase.
    """
    progress.phase("Comparing traces")
    compared = compare_within(*in_memory(entries), timeout_s)
    energies = itertools.repeat(None) if evaluations is None else evaluations
    tasks = [
        Task(entry, *compared.of_entry(entry.id), round_name, chosen, timeout_s, evaluation)
        for entry, evaluation in zip(entries, energies, strict=False)
    ]
    progress.phase("Judging", len(tasks))
    reports = progress.track(spread(judge, tasks, jobs, lost=report_lost))
    return tuple(compared.judged(report) for report in reports)


def judge(task: Task) -> EntryReport:
    """Return the report of one entry, or a report that it took too long."""
    rulebook_for(task.entry, task.round_name)  # its imports must not fall under the time limit
    try:
        with deadline(task.timeout_s):
            return audit_entry(
                task.entry,
                task.copies,
                task.round_name,
                task.cross_entry,
                task.chosen,
                task.evaluation,
            )
    except TimeLimitExceeded as error:
        limit = f"at most {task.timeout_s:g} s"
        return _unjudged(task, str(error), limit, LATE)


def report_lost(task: Task) -> EntryReport:
    """Return the report of an entry whose process ended while it was judged."""
    fix = "Audit it alone, with more memory."
    return _unjudged(task, f"not judged: {DIED}", "evidence that can be judged", fix)


def _unjudged(task: Task, got: str, expected: str, fix: str) -> EntryReport:
    entry = task.entry
    book, _ = rulebook_for(entry, task.round_name)
    finding = Finding("evidence-readable", "error", entry.id, got, expected, fix, book["source"])
    return EntryReport(
        id=entry.id,
        round=book["round"],
        verdict="unjudged",
        findings=(finding,),
        submitter=entry.submitter,
        system=entry.system,
        benchmark=entry.benchmark,
        scenario=entry.scenario,
        format=entry.format,
    )
