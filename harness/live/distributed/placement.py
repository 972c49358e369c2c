"""Where each rank sits: which machine it is on, and which rank of that machine samples it."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.live.distributed.launcher import Rank

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Placement:
    """What rank 0 tells each rank when all have come.

    node: number of its machine; local: its number among the `beside` ranks there; meeting: which meeting it is
    address, port: where rank 0 of the workload may listen
    """

    node: int
    local: int
    beside: int
    meeting: str
    address: str
    port: int

    @property
    def samples(self) -> bool:
        """Whether this rank samples its machine: one of them does, or its energy would count more than once."""
        return self.local == 0

    def environment(self, rank: Rank) -> Mapping[str, str]:
        """What PyTorch's `env://` reads, whatever launched us; the port is a fresh one for each run."""
        return {
            "RANK": str(rank.number),
            "WORLD_SIZE": str(rank.of),
            "LOCAL_RANK": str(self.local),
            "LOCAL_WORLD_SIZE": str(self.beside),
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
            "TORCHELASTIC_USE_AGENT_STORE": "False",
        }


def seats(machines: Sequence[str], meeting: str, address: str, port: int) -> list[Placement]:
    """The seat of each rank. machines: of each rank, by its number"""
    nodes = {machine: number for number, machine in enumerate(dict.fromkeys(machines))}
    return [
        Placement(
            nodes[machine],
            machines[:rank].count(machine),
            machines.count(machine),
            meeting,
            address,
            port,
        )
        for rank, machine in enumerate(machines)
    ]


def machine() -> str:
    """A mark of this machine: the same in all its containers, another on every other machine. It is not recorded."""
    try:
        said = BOOT_ID.read_text("ascii")
    except OSError:
        said = platform.node()
    return hashlib.sha256(said.encode()).hexdigest()[:32]
