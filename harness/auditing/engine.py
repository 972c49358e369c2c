"""Audit: evidence and a rulebook in, findings and a verdict out.

Two passes, so that copies between entries are seen: `places` hashes all traces and `harness.auditing.near_duplicates` compares them,
then `audit_entry` judges each. It is a plain function over one entry: any engine may map it.
"""

from __future__ import annotations

import difflib
import functools
import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.auditing.near_duplicates import near_duplicates
from harness.auditing.report import EntryReport, Finding, Verdict
from harness.auditing.rules import BY_ID, BY_NAME, RULES
from harness.auditing.rules.base import (
    CrossEntryEvidence,
    NearDuplicate,
    Place,
    Rule,
    RuleContext,
    place,
)
from harness.auditing.rules.rulebook import rulebook, rulebook_for
from harness.core.errors import UsageError, shorten
from harness.core.process_pool import DIED, spread
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.energy.run import RunEnergy, run_energy
from harness.formats.base import Entry

NO_KIN = CrossEntryEvidence()
_WORST = ("fail", "error", "warn", "skip")


def places(entries: Iterable[Entry]) -> dict[str, list[Place]]:
    """Where each trace stands, by the hash of its readings; only those that stand in more than one place."""
    found: dict[str, list[Place]] = defaultdict(list)
    for entry in entries:
        for run in entry.runs:
            for trace in run.outer:
                found[trace.content_sha256].append(
                    Place(entry.id, run.id, place(run, trace), (entry.submitter, entry.system))
                )
    return {digest: where for digest, where in found.items() if len(where) > 1}


def audit_entry(
    entry: Entry,
    copies: Mapping[str, Sequence[Place]],
    round_name: str | None = None,
    cross_entry: CrossEntryEvidence = NO_KIN,
    chosen: Collection[str] | None = None,
) -> EntryReport:
    """Judge one entry: every rule of its rulebook over its evidence. Never raises for what it reads.

    chosen: ids of the rules to apply; None for all. Raises UsageError where `round_name` has no rulebook.
    What a round accepts by name (tools, meters) is that round's own: by the list of another, or where the entry's
    round is unknown, it only warns.
    """
    book, note = rulebook_for(entry, round_name)
    runs, findings = _energies(entry)
    terms = _terms(book["round"])
    for rule in RULES:
        settings = book["rules"].get(rule.id)
        if (
            settings is not None
            and settings["severity"] != "off"
            and (chosen is None or rule.id in chosen)
        ):
            limits, accepts = terms[rule.id]
            case = RuleContext(entry, runs, limits, copies, cross_entry, book["round"], accepts)
            borrowed = bool(rule.accepts and round_name is None and entry.round != book["round"])
            findings += _apply(
                rule, case, {**settings, "severity": "warn"} if borrowed else settings
            )
    if not entry.runs:
        findings.append(
            Finding(
                "evidence-readable",
                "fail",
                entry.id,
                "no run",
                "at least one",
                "Submit the runs.",
                book["rules"].get("evidence-readable", {}).get("clause", book["source"]),
            )
        )
    findings.sort(key=lambda finding: _WORST.index(finding.status))
    statuses = {finding.status for finding in findings}
    verdict: Verdict = (
        "invalid" if "fail" in statuses else "unjudged" if "error" in statuses else "valid"
    )
    return EntryReport(entry.id, book["round"], verdict, tuple(findings), (note,) if note else ())


def audit_entries(
    entries: Sequence[Entry],
    round_name: str | None = None,
    *,
    chosen: Collection[str] | None = None,
    jobs: int = 1,
    timeout_s: float | None = None,
) -> tuple[EntryReport, ...]:
    """Judge entries together, so that copies between them are seen.

    jobs: processes that judge; timeout_s: how long one entry may take [s]
    """
    related = relations(entries)
    todo = [Task(entry, *related(entry.id), round_name, chosen, timeout_s) for entry in entries]
    return tuple(spread(judge, todo, jobs, lost=lost))


def relations(
    entries: Sequence[Entry],
) -> Callable[[str], tuple[Mapping[str, Sequence[Place]], CrossEntryEvidence]]:
    """By the id of an entry what the others have to do with it: copies of its traces, and kin."""
    copies, cross_entry = _of_entries(places(entries)), _by_entry(near_duplicates(entries))
    return lambda entry_id: (copies.get(entry_id, {}), cross_entry.get(entry_id, NO_KIN))


@dataclass(frozen=True, slots=True)
class Task:
    """All that the judgement of one entry needs, small enough to be sent to another process."""

    entry: Entry
    copies: Mapping[str, Sequence[Place]]
    cross_entry: CrossEntryEvidence
    round_name: str | None
    chosen: Collection[str] | None
    timeout_s: float | None


def judge(task: Task) -> EntryReport:
    """The report of one entry, or that it took too long."""
    rulebook_for(
        task.entry, task.round_name
    )  # before the clock runs: it imports what must not be cut off
    try:
        with deadline(task.timeout_s):
            return audit_entry(
                task.entry, task.copies, task.round_name, task.cross_entry, task.chosen
            )
    except TimeLimitExceeded as error:
        return _unjudged(
            task,
            str(error),
            f"at most {task.timeout_s:g} s",
            "Look why it is so large; then audit it alone with a longer --timeout.",
        )


def lost(task: Task) -> EntryReport:
    """What is said of an entry whose process ended while it was judged."""
    return _unjudged(
        task,
        f"not judged: {DIED}",
        "evidence that can be judged",
        "Audit it alone, with more memory.",
    )


def _unjudged(task: Task, got: str, expected: str, fix: str) -> EntryReport:
    book, _ = rulebook_for(task.entry, task.round_name)
    why = Finding("evidence-readable", "error", task.entry.id, got, expected, fix, book["source"])
    return EntryReport(task.entry.id, book["round"], "unjudged", (why,))


def _of_entries(copies: Mapping[str, Sequence[Place]]) -> dict[str, dict[str, Sequence[Place]]]:
    """By entry what it must know of the copies of its traces: its own places, and those others that it may name.

    These are the first place of the two first entries and of each owner: a trace that stands in a thousand places
    costs no more for each of them.
    """
    found: dict[str, dict[str, Sequence[Place]]] = defaultdict(dict)
    for digest, where in copies.items():
        own: dict[str, list[Place]] = defaultdict(list)
        owners: dict[tuple[str, str], Place] = {}
        for one in sorted(where):
            own[one.entry].append(one)
            owners.setdefault(one.owner, one)
        named = {*(of[0] for of in itertools.islice(own.values(), 2)), *owners.values()}
        for entry_id, mine in own.items():
            found[entry_id][digest] = [
                *mine,
                *(one for one in sorted(named) if one.entry != entry_id),
            ]
    return found


def _by_entry(cross_entry: CrossEntryEvidence) -> dict[str, CrossEntryEvidence]:
    """What of the kin speaks of each entry."""
    near: dict[str, dict[Place, Sequence[NearDuplicate]]] = defaultdict(dict)
    for where, found in cross_entry.near.items():
        near[where.entry][where] = found
    names = near.keys() | cross_entry.twins.keys()
    return {
        name: CrossEntryEvidence(
            near.get(name, {}), {name: cross_entry.twins[name]} if name in cross_entry.twins else {}
        )
        for name in sorted(names)
    }


def choose(select: Iterable[str] = (), ignore: Iterable[str] = ()) -> frozenset[str] | None:
    """Ids of the rules to apply: those selected, or all, less those ignored; None for all.

    Raises UsageError for an id that no rule has, with those that are near it.
    """
    selected, ignored = (
        {known_rule(name).id for name in sorted(set(names))} for names in (select, ignore)
    )
    if not selected and not ignored:
        return None
    return frozenset((selected or set(BY_ID)) - ignored)


def known_rule(name: str) -> Rule:
    """The rule of this id, or of an earlier id. Raises UsageError where there is none."""
    if name in BY_NAME:
        return BY_NAME[name]
    near = difflib.get_close_matches(name, BY_ID, n=3, cutoff=0.5)
    raise UsageError(
        "no rule has this id",
        got=shorten(name, 60),
        expected=f"one of `joulemark rules`, as {', '.join(near)}"
        if near
        else "one of those that `joulemark rules` lists",
    )


@functools.cache
def _terms(
    round_name: str,
) -> Mapping[str, tuple[Mapping[str, float], Mapping[str, tuple[str, ...]]]]:
    """By rule the limits that a round sets it, and its lists of accepted texts."""
    return {
        name: (
            {limit: float(item["value"]) for limit, item in (settings.get("limits") or {}).items()},
            {listed: tuple(texts) for listed, texts in (settings.get("accepts") or {}).items()},
        )
        for name, settings in rulebook(round_name)["rules"].items()
    }


def _energies(entry: Entry) -> tuple[tuple[RunEnergy, ...], list[Finding]]:
    """Energy of each run; one that cannot be computed is a finding, and its run is left out of what uses energies."""
    runs, findings = [], []
    for run in entry.runs:
        try:
            runs.append(run_energy(entry, run))
        except Exception as error:  # noqa: BLE001 - the integral broke, and that is no judgement of the run
            findings.append(
                _broken(
                    "energy-recomputes",
                    place(run),
                    error,
                    "docs/explanation/methodology.md, one run",
                )
            )
    return tuple(runs), findings


def _broken(rule: str, where: str, error: Exception, clause: str) -> Finding:
    return Finding(
        rule,
        "error",
        where,
        f"{type(error).__name__}: {shorten(error)}",
        "evidence that can be judged",
        "Audit it alone, where there is more memory."
        if isinstance(error, MemoryError)
        else "Please report this: the tool is broken, the entry may be fine.",
        clause,
    )


def _apply(rule: Rule, case: RuleContext, settings: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        for hit in rule.check(case):
            status = hit.status or settings["severity"]
            if settings["severity"] == "warn" and status == "fail":
                status = "warn"
            yield Finding(
                rule.id,
                status,
                hit.where,
                hit.got,
                hit.expected,
                hit.fix,
                settings["clause"],
                hit.unit,
            )
    except Exception as error:  # noqa: BLE001 - a broken rule is a finding about the rule, and hides no other
        yield _broken(rule.id, case.entry.id, error, settings["clause"])
