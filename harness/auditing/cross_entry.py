"""What entries that are audited together show about each other: records, and addresses of traces.

:mod:`harness.auditing.relations` finds it, and rules judge it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from harness.auditing.report import Location
from harness.formats.base import Entry, Run
from harness.traces.trace import Trace


class TraceAddress(NamedTuple):
    """Where a trace is in all that is audited together.

    Attributes:
        entry: Id of the entry.
        run: Id of the run.
        file: Path of the file that holds the trace, relative to the entry; "" where unknown.
        channel: Id of the channel.
        owner: Submitter and system.
        machine: Digest of the machine's description; "" where there is none.
    """

    entry: str
    run: str
    file: str
    channel: str
    owner: tuple[str, str]
    machine: str = ""

    def is_from_other_machine(self, address: TraceAddress) -> bool:
        """Return whether two traces are known to come from two machines.

        One machine may be entered under two names, as in the suites for edge and for data centre:
        its descriptions then say the same.
        """
        if not all((*self.owner, *address.owner)) or self.owner == address.owner:
            return False
        same_submitter = self.owner[0] == address.owner[0]
        return not (same_submitter and self.machine and self.machine == address.machine)

    @property
    def location(self) -> Location:
        """The place within the entry."""
        return Location(run=self.run, channel=self.channel, file=self.file or None)


class EntryAddresses:
    """Give the addresses of the traces of one entry; its description is read once.

    Args:
        entry: The entry.

    Attributes:
        owner: Submitter and system.
        machine: Digest of the machine's description; "" where there is none.
    """

    def __init__(self, entry: Entry) -> None:
        self._entry_id = entry.id
        self.owner = (entry.submitter, entry.system)
        self.machine = _machine_digest(entry.system_description or {})

    def address(self, run: Run, trace: Trace) -> TraceAddress:
        """Return the address of a trace among all that is audited together."""
        channel = trace.channel
        return TraceAddress(
            entry=self._entry_id,
            run=run.id,
            file=channel.source or "",
            channel=channel.id,
            owner=self.owner,
            machine=self.machine,
        )


NOT_OF_THE_MACHINE = frozenset({"system_type", "schema_version"})
"""Fields of a description that say how a machine is entered, not what it is."""
_PATH = re.compile(r"\S+/\S+")


def _machine_digest(description: Mapping[str, Any]) -> str:
    """Return a digest of what a description says of the machine; "" where it says nothing.

    Paths are left out: they name the folder of the entry.
    """
    if not description.get("system_name"):
        return ""
    stated = {
        name: value
        for name, value in description.items()
        if name not in NOT_OF_THE_MACHINE and not _PATH.fullmatch(str(value))
    }
    text = json.dumps(stated, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


class NearDuplicate(NamedTuple):
    """Another trace that this one was copied from, or the other way round, without being equal.

    Attributes:
        counterpart: Address of the other trace.
        kind: `repeat` for the same readings at another time or on another node, `resample` for
            every nth reading of the other, `scale` for the same course times a factor, `noise`
            for that course with noise added.
        shift_s: Time stamps of this trace minus those of the other [s].
        share: Share of the shorter trace that recurs; for `scale` and `noise` the correlation of
            the steps.
        factor: Readings of this trace over those of the other; for `resample` how many readings of
            one stand for each of the other.
    """

    counterpart: TraceAddress
    kind: Literal["repeat", "resample", "scale", "noise"]
    shift_s: float
    share: float
    factor: float


class AcDcPair(NamedTuple):
    """A run that was measured behind the power supplies here and before them in another entry.

    Attributes:
        run: Id of the run.
        ac_entry: Id of the entry that measured before the supplies.
        readings_above: Readings behind the supplies that exceed the one before them.
        readings_compared: Readings of both with the same time stamp.
        mean_ratio: Mean reading behind the supplies over the mean before them.
    """

    run: str
    ac_entry: str
    readings_above: int
    readings_compared: int
    mean_ratio: float


@dataclass(frozen=True, slots=True)
class CalibrationClaim:
    """A calibration that an entry of another submitter names too.

    Attributes:
        calibration: Id of the calibration.
        submitter: The other submitter.
        entry: Id of the other entry.
    """

    calibration: str
    submitter: str
    entry: str


@dataclass(frozen=True, slots=True)
class CrossEntryEvidence:
    """What the entries that are audited together show about each other.

    Attributes:
        near_duplicates: Near duplicates of each trace, by its address.
        ac_dc_pairs: Runs that another entry measured before the supplies, by id of the entry.
        calibration_claims: Calibrations that another submitter names too, by id of the entry.
    """

    near_duplicates: Mapping[TraceAddress, Sequence[NearDuplicate]] = field(default_factory=dict)
    ac_dc_pairs: Mapping[str, Sequence[AcDcPair]] = field(default_factory=dict)
    calibration_claims: Mapping[str, Sequence[CalibrationClaim]] = field(default_factory=dict)
