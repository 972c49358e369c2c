"""What entries show about each other, in a form that a cache can keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.auditing.cross_entry import (
    AcDcPair,
    CalibrationClaim,
    CrossEntryEvidence,
    NearDuplicate,
    TraceAddress,
)
from harness.auditing.relations import NO_CROSS_ENTRY_EVIDENCE, Compared, Copies, Relations


@dataclass(frozen=True, slots=True)
class _OfEntry:
    """The relations of one entry.

    Attributes:
        id: Its id.
        copies: Addresses of equal traces, by hash of their content.
        near_duplicates: Near duplicates of each of its traces.
        ac_dc_pairs: Runs that another entry measured before the supplies.
        calibration_claims: Calibrations that another submitter names too.
    """

    id: str
    copies: dict[str, list[TraceAddress]]
    near_duplicates: list[tuple[TraceAddress, list[NearDuplicate]]]
    ac_dc_pairs: list[AcDcPair]
    calibration_claims: list[CalibrationClaim]

    def evidence(self) -> CrossEntryEvidence:
        """Return the relations other than copies."""
        if not (self.near_duplicates or self.ac_dc_pairs or self.calibration_claims):
            return NO_CROSS_ENTRY_EVIDENCE
        pairs, claims = tuple(self.ac_dc_pairs), self.calibration_claims
        return CrossEntryEvidence(
            near_duplicates={address: tuple(items) for address, items in self.near_duplicates},
            ac_dc_pairs={self.id: pairs} if pairs else {},
            calibration_claims={self.id: claims} if claims else {},
        )


@dataclass(frozen=True, slots=True)
class KeptRelations:
    """The relations of all entries of a tree; those of an entry without any are left out.

    Attributes:
        entries: Relations of each entry.
    """

    entries: list[_OfEntry]

    @staticmethod
    def build(compared: Compared, ids: Sequence[str]) -> KeptRelations:
        """Return what is to be kept of the relations of some entries."""
        kept = []
        for entry_id in ids:
            copies, evidence = compared.of_entry(entry_id)
            if copies or evidence is not NO_CROSS_ENTRY_EVIDENCE:
                duplicates = evidence.near_duplicates.items()
                kept.append(
                    _OfEntry(
                        id=entry_id,
                        copies={digest: list(same) for digest, same in copies.items()},
                        near_duplicates=[(address, list(items)) for address, items in duplicates],
                        ac_dc_pairs=list(evidence.ac_dc_pairs.get(entry_id, ())),
                        calibration_claims=list(evidence.calibration_claims.get(entry_id, ())),
                    )
                )
        return KeptRelations(kept)

    def relations(self) -> Relations:
        """Return a function from the id of an entry to its relations."""
        by_id = {item.id: item for item in self.entries}

        def relations(entry_id: str) -> tuple[Copies, CrossEntryEvidence]:
            item = by_id.get(entry_id)
            return ({}, NO_CROSS_ENTRY_EVIDENCE) if item is None else (item.copies, item.evidence())

        return relations
