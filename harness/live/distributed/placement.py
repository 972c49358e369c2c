"""Placement of ranks: which machine each runs on, and which of them reads which meter there."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness.core.errors import JoulemarkError, UsageError
from harness.live.distributed.launcher import ProcessRank
from harness.meters import MeterSpec, probe
from harness.meters.topology import subject_of
from harness.traces.channel import Channel

NETWORK_OPTIONS = frozenset({"host", "url", "address", "server", "broker"})
"""Options of meters that name a device in the network: the same device from every machine."""
HERE = re.compile(r"^(\w+://)?(localhost|127\.|\[?::1)")
"""Addresses that name another device on every machine."""
NETWORK_MARK = "@"
"""Separates name and hash of a request for such a device."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device that a rank can read.

    Attributes:
        key: Hash of what it measures; the same for all ranks of a machine that see it.
        calibration_id: Its calibration, which names one instrument.
        is_meter: Whether it is an instrument; a model of a machine is none.
    """

    key: str
    calibration_id: str
    is_meter: bool

    @staticmethod
    def of_channel(channel: Channel) -> Device:
        """Return the device of a channel."""
        subject = asdict(subject_of(channel))
        text = str(sorted(subject.items()))
        if channel.kind == "estimate":
            text += "|estimate"  # a machine has one model of it, whatever its watts
        elif not subject["instance"]:
            text += f"|{channel.id}|{channel.calibration_id}"
        key = hashlib.sha256(text.encode()).hexdigest()[:16]
        return Device(key, channel.calibration_id, channel.kind != "estimate")


Sight = Mapping[str, Sequence[Device]]
"""What a rank sees: the devices of each meter that was requested, by `request_key`."""


def request_key(spec: MeterSpec) -> str:
    """Return a key of a request that hides its options: they may hold addresses."""
    addresses = [spec.options[name] for name in NETWORK_OPTIONS & spec.options.keys()]
    is_in_network = any(not HERE.search(address) for address in addresses)
    digest = hashlib.sha256(str(spec).encode()).hexdigest()[:16]
    return f"{spec.name}{NETWORK_MARK if is_in_network else '#'}{digest}"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where one rank runs, as rank 0 tells it once all ranks have joined.

    Attributes:
        node: Number of its machine, from 0.
        local_rank: Its number among the ranks of that machine, from 0.
        local_world_size: Number of ranks on that machine.
        rendezvous_id: Random name of this rendezvous; the records of all ranks carry it.
        address: Address at which rank 0 of the workload may listen.
        port: Port at which rank 0 of the workload may listen.
        meters: Keys of the requests that this rank samples; None for all, on the first rank of a
            machine.
        shown_by: What shows which machine it runs on.
    """

    node: int
    local_rank: int
    local_world_size: int
    rendezvous_id: str
    address: str
    port: int
    meters: tuple[str, ...] | None = None
    shown_by: str = "boot id"

    @property
    def samples(self) -> bool:
        """Whether this rank samples anything; each device is read once, so energy counts once."""
        return self.local_rank == 0 if self.meters is None else bool(self.meters)

    def reads(self, request: MeterSpec) -> bool:
        """Return whether this rank samples a meter that was requested."""
        if self.meters is None:
            return self.local_rank == 0
        return request_key(request) in self.meters

    def environment(self, process: ProcessRank) -> Mapping[str, str]:
        """Return what PyTorch's `env://` reads, whichever launcher was used.

        The port is a fresh one for each run.
        """
        return {
            "RANK": str(process.rank),
            "WORLD_SIZE": str(process.world_size),
            "LOCAL_RANK": str(self.local_rank),
            "LOCAL_WORLD_SIZE": str(self.local_world_size),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
            "TORCHELASTIC_USE_AGENT_STORE": "False",
        }

    def document(self) -> dict[str, Any]:
        """Return the fields as they are sent."""
        return asdict(self)

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> Placement:
        """Read what `document` wrote."""
        meters = document["meters"]
        return Placement(**{**document, "meters": None if meters is None else tuple(meters)})


def place_ranks(
    machines: Sequence[object],
    rendezvous_id: str,
    address: str,
    port: int,
    meters: Sequence[tuple[str, ...] | None] | None = None,
    shown_by: Sequence[str] | None = None,
) -> list[Placement]:
    """Place each rank.

    Args:
        machines: The machine of each rank, in the order of the ranks.
        rendezvous_id: Name of the rendezvous.
        address: Address of rank 0.
        port: Free port of rank 0, for the workload.
        meters: What each rank samples; None for all on the first rank of each machine.
        shown_by: What shows the machine of each rank.
    """
    nodes = {machine: number for number, machine in enumerate(dict.fromkeys(machines))}
    world_sizes = Counter(machines)
    next_local_rank: Counter[object] = Counter()
    placements = []
    for rank, machine in enumerate(machines):
        placements.append(
            Placement(
                node=nodes[machine],
                local_rank=next_local_rank[machine],
                local_world_size=world_sizes[machine],
                rendezvous_id=rendezvous_id,
                address=address,
                port=port,
                meters=meters[rank] if meters else None,
                shown_by=shown_by[rank] if shown_by else "boot id",
            )
        )
        next_local_rank[machine] += 1
    return placements


def visible_devices(specs: Iterable[MeterSpec]) -> Sight:
    """Return what this process can read by each meter; nothing where a meter cannot be used."""
    sight: dict[str, list[Device]] = {}
    for spec in specs:
        try:
            channels = probe(spec).channels
        except JoulemarkError:
            channels = ()
        sight[request_key(spec)] = [Device.of_channel(channel) for channel in channels]
    return sight


def assign_meters(machines: Sequence[object], sights: Sequence[Sight]) -> list[tuple[str, ...]]:
    """Choose for each rank the meters it samples, so that each machine is measured by what it has.

    The first rank of a machine samples all meters that show it a device, and those that show none
    to anybody, so that the fault is reported. A further rank samples a meter only where it sees a
    device that no rank before it sees: a board that Slurm gave to it alone, a counter that needs
    privileges.

    Args:
        machines: The machine of each rank.
        sights: What each rank sees.
    """
    ranks_of: dict[object, list[int]] = defaultdict(list)
    for rank, machine in enumerate(machines):
        ranks_of[machine].append(rank)
    chosen: list[tuple[str, ...]] = [()] * len(sights)
    for ranks in ranks_of.values():
        covered: set[str] = set()
        usable = {request for rank in ranks for request, seen in sights[rank].items() if seen}
        for position, rank in enumerate(ranks):
            requests = []
            for request, devices in sights[rank].items():
                keys = {device.key for device in devices}
                is_fault = not devices and position == 0 and request not in usable
                if keys - covered or is_fault:
                    requests.append(request)
                    covered |= keys
            chosen[rank] = tuple(requests)
    return chosen


def refuse_shared_meters(
    machines: Sequence[object], sights: Sequence[Sight], chosen: Sequence[tuple[str, ...]]
) -> None:
    """Refuse a meter that would be read for two machines, and so counted twice.

    Raises:
        UsageError: One device, one calibration or one address serves several machines.
    """
    machine_of: dict[str, tuple[object, int]] = {}
    for rank, machine in enumerate(machines):
        for name, mark in _meter_marks(sights[rank], chosen[rank]):
            first_machine, first_rank = machine_of.setdefault(mark, (machine, rank))
            if first_machine != machine:
                raise UsageError(
                    f"one meter is to be read for two machines: {name}",
                    where=f"rank {first_rank} and rank {rank}",
                    expected="a meter for each machine, with a calibration_id for each instrument",
                    fix="A meter of equipment that all machines share is named once, by"
                    " --shared-meter. Copied machines may share /etc/machine-id, from which"
                    " calibrations are named: systemd-machine-id-setup makes new ones.",
                )


def _meter_marks(sight: Sight, requests: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield what names the instruments that a rank samples, for people and to be compared."""
    for request in requests:
        devices = sight.get(request, ())
        for calibration in {item.calibration_id for item in devices if item.is_meter}:
            yield f"calibration {calibration}", f"calibration|{calibration}"
        name, is_in_network, _ = request.partition(NETWORK_MARK)
        if is_in_network:
            yield f"the address of meter {name}", f"address|{request}"


def sight_document(sight: Sight) -> dict[str, list[list[Any]]]:
    """Return what a rank sees as it is sent."""
    return {
        request: [[item.key, item.calibration_id, item.is_meter] for item in devices]
        for request, devices in sight.items()
    }


def read_sight(document: object) -> Sight:
    """Read what `sight_document` wrote; whatever has another form is left out."""
    sight: dict[str, list[Device]] = {}
    for request, rows in document.items() if isinstance(document, dict) else ():
        listed = rows if isinstance(rows, list) else []
        well_formed = [row for row in listed if isinstance(row, list) and len(row) == 3]
        sight[str(request)] = [
            Device(str(key), str(calibration_id), is_meter is True)
            for key, calibration_id, is_meter in well_formed
        ]
    return sight
