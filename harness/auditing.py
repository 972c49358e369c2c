"""Audit: evidence and a rulebook in, findings and a verdict out.

Two passes, so that copies between entries are seen: `places` hashes all traces and `harness.kinship` compares them,
then `audit_entry` judges each. It is a plain function over one entry: any engine may map it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.documents.errors import shorten
from harness.formats.base import Entry
from harness.rules import RULES
from harness.rules.base import Case, Finding, Kin, Place, Rule, accepted_by, limit_of, place
from harness.rules.rulebook import rulebook_for
from harness.runs import RunEnergy, run_energy

Verdict = Literal["valid", "invalid", "unjudged"]
VERDICTS: tuple[Verdict, ...] = ("valid", "invalid", "unjudged")
NO_KIN = Kin()
_WORST = ("fail", "error", "warn", "skip")


@dataclass(frozen=True, slots=True)
class EntryReport:
    """What the audit says of one entry. findings: worst first; a rule without a finding passed."""

    id: str
    round: str
    verdict: Verdict
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The audit of all that was given."""

    entries: tuple[EntryReport, ...]
    unreadable: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]

    def count(self, verdict: Verdict) -> int:
        """Entries with this verdict; what could not be read is unjudged."""
        found = sum(entry.verdict == verdict for entry in self.entries)
        return found + (len(self.unreadable) if verdict == "unjudged" else 0)


def places(entries: Iterable[Entry]) -> dict[str, list[Place]]:
    """Where each trace stands, by the hash of its readings; only those that stand in more than one place."""
    found: dict[str, list[Place]] = defaultdict(list)
    for entry in entries:
        for run in entry.runs:
            for trace in run.traces:
                if trace.channel.part_of is None:
                    found[trace.content_sha256].append(
                        Place(entry.id, run.id, place(run, trace), (entry.submitter, entry.system))
                    )
    return {digest: where for digest, where in found.items() if len(where) > 1}


def audit_entry(
    entry: Entry, copies: Mapping[str, Sequence[Place]], round_name: str | None = None, kin: Kin = NO_KIN
) -> EntryReport:
    """Judge one entry: every rule of its rulebook over its evidence. Never raises for what it reads.

    Raises UsageError where `round_name` has no rulebook.
    """
    book, note = rulebook_for(entry, round_name)
    runs, findings = _energies(entry)
    for rule in RULES:
        settings = book["rules"].get(rule.id)
        if settings is not None and settings["severity"] != "off":
            case = Case(entry, runs, limit_of(book, rule.id), copies, kin, book["round"], accepted_by(book, rule.id))
            findings += _apply(rule, case, settings)
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
    verdict: Verdict = "invalid" if "fail" in statuses else "unjudged" if "error" in statuses else "valid"
    return EntryReport(entry.id, book["round"], verdict, tuple(findings), (note,) if note else ())


def _energies(entry: Entry) -> tuple[tuple[RunEnergy, ...], list[Finding]]:
    """Energy of each run; one that cannot be computed is a finding, and its run is left out of what uses energies."""
    runs, findings = [], []
    for run in entry.runs:
        try:
            runs.append(run_energy(entry, run))
        except Exception as error:  # noqa: BLE001 - the integral broke, and that is no judgement of the run
            findings.append(_broken("energy-recomputes", place(run), error, "docs/methodology.md, one run"))
    return tuple(runs), findings


def _broken(rule: str, where: str, error: Exception, clause: str) -> Finding:
    return Finding(
        rule, "error", where, f"{type(error).__name__}: {shorten(error)}", "evidence that can be judged",
        "Please report this: the tool is broken, the entry may be fine.", clause,
    )  # fmt: skip


def _apply(rule: Rule, case: Case, settings: Mapping[str, Any]) -> Iterator[Finding]:
    try:
        for hit in rule.check(case):
            status = hit.status or settings["severity"]
            if settings["severity"] == "warn" and status == "fail":
                status = "warn"
            yield Finding(rule.id, status, hit.where, hit.got, hit.expected, hit.fix, settings["clause"], hit.unit)
    except Exception as error:  # noqa: BLE001 - a broken rule is a finding about the rule, and hides no other
        yield _broken(rule.id, case.entry.id, error, settings["clause"])
