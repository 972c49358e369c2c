"""What entries that are audited together show about each other: equal and nearly equal traces.

One entry must not stop the audit of the others: where the comparison takes too long, the entry with
the most readings is left out of it, and is unjudged.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.auditing.cross_entry import (
    CalibrationClaim,
    CrossEntryEvidence,
    NearDuplicate,
    TraceAddress,
)
from harness.auditing.near_duplicates import near_duplicates
from harness.auditing.outlines.gathered import Fetch, Gathered, TracesOfRuns
from harness.auditing.report import EntryReport, Finding, by_status, verdict_of
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.formats.base import Entry

Copies = Mapping[str, Sequence[TraceAddress]]
"""Addresses of all traces with the same readings, by content hash."""

Relations = Callable[[str], tuple[Copies, CrossEntryEvidence]]
"""Returns the relations of an entry, by its id."""

NO_CROSS_ENTRY_EVIDENCE = CrossEntryEvidence()

MAX_ATTEMPTS = 3
"""How often the comparison is begun anew without its largest entry."""


def cross_entry_relations(gathered: Gathered, fetch: Fetch) -> Relations:
    """Compare entries with each other; return a function from an entry's id to its relations."""
    copies = _copies_by_entry(equal_traces(gathered))
    evidence = _evidence_by_entry(
        replace(near_duplicates(gathered, fetch), calibration_claims=calibration_claims(gathered))
    )

    def relations(entry_id: str) -> tuple[Copies, CrossEntryEvidence]:
        return copies.get(entry_id, {}), evidence.get(entry_id, NO_CROSS_ENTRY_EVIDENCE)

    return relations


def in_memory(entries: Sequence[Entry]) -> tuple[Gathered, Fetch]:
    """Return the outlines of entries that are in memory, and a function that returns traces."""

    def fetch(positions: Sequence[int]) -> dict[int, TracesOfRuns]:
        return {number: [run.outer for run in entries[number].runs] for number in positions}

    return Gathered.build(entries), fetch


def equal_traces(gathered: Gathered) -> dict[str, list[TraceAddress]]:
    """Return the addresses of all traces that occur more than once, by content hash."""
    return {digest: gathered.addresses(traces) for digest, traces in gathered.equal_traces()}


def calibration_claims(gathered: Gathered) -> dict[str, list[CalibrationClaim]]:
    """Return the calibrations that two submitters name, by id of the entry.

    A model of power is no meter: all who use it name the same one.
    """
    first_of_submitter: dict[str, dict[str, str]] = defaultdict(dict)
    named: list[tuple[str, str, str]] = []
    for position in gathered.contested_claims():
        outline = gathered.outline(position)
        traces = [trace for run in outline.runs for trace in run.traces]
        submitter, _ = outline.owner
        for calibration in sorted({t.calibration for t in traces if t.calibration is not None}):
            first_ids = first_of_submitter[calibration]
            first_ids[submitter] = min(outline.id, first_ids.get(submitter, outline.id))
            named.append((outline.id, submitter, calibration))
    claims: dict[str, list[CalibrationClaim]] = defaultdict(list)
    for entry_id, submitter, calibration in named:
        for claimant, claimant_id in sorted(first_of_submitter[calibration].items()):
            if claimant and submitter and claimant != submitter:
                claims[entry_id].append(CalibrationClaim(calibration, claimant, claimant_id))
                break
    return dict(claims)


def _copies_by_entry(copies: Copies) -> dict[str, dict[str, Sequence[TraceAddress]]]:
    """Return what each entry must know of the copies of its traces.

    These are its own addresses, and of the others the first of each owner and of the first two
    entries. A trace with a thousand copies so costs each of its entries no more than one with ten.
    """
    by_entry: dict[str, dict[str, Sequence[TraceAddress]]] = defaultdict(dict)
    for digest, addresses in copies.items():
        own_addresses: dict[str, list[TraceAddress]] = defaultdict(list)
        first_of_owner: dict[tuple[str, str], TraceAddress] = {}
        for address in sorted(addresses):
            own_addresses[address.entry].append(address)
            first_of_owner.setdefault(address.owner, address)
        first_of_entry = [items[0] for items in itertools.islice(own_addresses.values(), 2)]
        representatives = sorted({*first_of_entry, *first_of_owner.values()})
        for entry_id, mine in own_addresses.items():
            foreign = [address for address in representatives if address.entry != entry_id]
            by_entry[entry_id][digest] = [*mine, *foreign]
    return by_entry


def _evidence_by_entry(evidence: CrossEntryEvidence) -> dict[str, CrossEntryEvidence]:
    """Return the part of the evidence that concerns each entry."""
    duplicates: dict[str, dict[TraceAddress, Sequence[NearDuplicate]]] = defaultdict(dict)
    for address, items in evidence.near_duplicates.items():
        duplicates[address.entry][address] = items
    by_entry = {}
    claims = evidence.calibration_claims
    for entry_id in sorted(duplicates.keys() | evidence.ac_dc_pairs.keys() | claims.keys()):
        pairs = evidence.ac_dc_pairs.get(entry_id)
        by_entry[entry_id] = CrossEntryEvidence(
            near_duplicates=duplicates.get(entry_id, {}),
            ac_dc_pairs={} if pairs is None else {entry_id: pairs},
            calibration_claims={entry_id: claims[entry_id]} if entry_id in claims else {},
        )
    return by_entry


@dataclass(frozen=True, slots=True)
class Compared:
    """What the entries of an audit show about each other.

    Attributes:
        relations: The relations of the entries that were compared; None where none was.
        left_out: Ids of the entries that were not compared.
        reason: Why they were not.
    """

    relations: Relations | None
    left_out: Collection[str] = ()
    reason: str = ""

    def of_entry(self, entry_id: str) -> tuple[Copies, CrossEntryEvidence]:
        """Return what is known of an entry: equal traces, and other relations."""
        if self.relations is None or entry_id in self.left_out:
            return {}, NO_CROSS_ENTRY_EVIDENCE
        return self.relations(entry_id)

    def judged(self, report: EntryReport) -> EntryReport:
        """Return the report of an entry with the finding that it was not compared, if so."""
        if report.id not in self.left_out:
            return report
        finding = Finding(
            rule="duplicate-traces",
            status="error",
            where=report.id,
            got=f"not compared with the other entries: {self.reason}",
            expected="traces that are compared in time",
            fix="Audit it alone, or with a longer --timeout.",
            clause="docs/explanation/security.md, limits",
        )
        findings = tuple(sorted((*report.findings, finding), key=by_status))
        return replace(report, findings=findings, verdict=verdict_of(findings))


def compare_within(gathered: Gathered, fetch: Fetch, timeout_s: float | None) -> Compared:
    """Compare entries with each other.

    Args:
        gathered: Outlines of the entries.
        fetch: Returns the traces of some of them.
        timeout_s: How long the comparison may take for each of them [s]; None for no limit.
    """
    left_out, reason = list[str](), ""
    for _ in range(MAX_ATTEMPTS):
        try:
            with deadline(timeout_s and timeout_s * max(1, len(gathered))):
                return Compared(cross_entry_relations(gathered, fetch), left_out, reason)
        except TimeLimitExceeded as error:
            reason = str(error)
            left_out.append(gathered.leave_out_largest())
    everyone = [outline.id for outline in gathered.outlines()]
    return Compared(None, [*left_out, *everyone], reason)
