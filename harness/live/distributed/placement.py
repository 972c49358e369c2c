"""Placement of ranks: which machine each one runs on, and which rank of a machine samples it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.live.distributed.launcher import ProcessRank

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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
    """

    node: int
    local_rank: int
    local_world_size: int
    rendezvous_id: str
    address: str
    port: int

    @property
    def samples(self) -> bool:
        """Whether this rank samples its machine; only one does, so that energy counts once."""
        return self.local_rank == 0

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


def place_ranks(
    machines: Sequence[str], rendezvous_id: str, address: str, port: int
) -> list[Placement]:
    """Place each rank.

    Args:
        machines: The machine of each rank, in the order of the ranks.
        rendezvous_id: Name of the rendezvous.
        address: Address of rank 0.
        port: Free port of rank 0, for the workload.
    """
    nodes = {machine: number for number, machine in enumerate(dict.fromkeys(machines))}
    return [
        Placement(
            node=nodes[machine],
            local_rank=machines[:rank].count(machine),
            local_world_size=machines.count(machine),
            rendezvous_id=rendezvous_id,
            address=address,
            port=port,
        )
        for rank, machine in enumerate(machines)
    ]


def machine_id() -> str:
    """Return a mark of this machine, the same in all its containers and different elsewhere.

    It is compared, never recorded.
    """
    try:
        boot_id = BOOT_ID.read_text("ascii")
    except OSError:
        boot_id = platform.node()
    return hashlib.sha256(boot_id.encode()).hexdigest()[:32]
