"""How the ranks of one run meet: rank 0 waits for the others, and all go from one point to the next together.

Between two points nothing is sent, but by a rank that fails; so the timed part of a run has no traffic of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.live.distributed.clock_offset import Offset
from harness.live.distributed.launcher import ALONE
from harness.live.distributed.placement import Placement

INVITATION = "meeting.json"
"""File in the run directory that says where rank 0 waits; it is gone when all have come."""
MEET_S = 120.0
"""How long ranks wait for each other before a run [s]."""
LOOK_S = 0.2
"""Time between two looks at the samplers while waiting [s]."""
SHARE = "Start all ranks on a folder --out that they share, or name a place of rank 0 with --meet HOST:PORT."
SEE = "See what that rank printed."

Check = Callable[[], None]


class RankLost(JoulemarkError):
    """Another rank failed, or is gone; the run ends on all machines."""


class Rendezvous:
    """The other ranks of a run, as this one sees them. Here there are none: nothing to wait for, and no other clock."""

    rank = ALONE
    seat: Placement | None = None

    @property
    def samples(self) -> bool:
        """Whether this rank samples its machine."""
        return self.seat is None or self.seat.samples

    @property
    def environment(self) -> Mapping[str, str]:
        """What the workload finds in its environment."""
        return self.seat.environment(self.rank) if self.seat else {}

    def facts(self) -> dict[str, Any]:
        """For the run record of this rank."""
        if self.seat is None:
            return {}
        rank, node = self.rank, f"node-{self.seat.node}"
        return {"number": rank.number, "of": rank.of, "node": node, "meeting": self.seat.meeting}

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""

    def together(self, point: str, check: Check) -> None:
        """Wait until all ranks have come to a point; check: called now and then. Raises RankLost."""

    def compare(self, point: str, check: Check) -> Offset | None:  # noqa: ARG002
        """How far rank 0's clock is ahead of ours, None where it is ours; all do it together. Raises RankLost."""
        return None


SINGLE_PROCESS = Rendezvous()


def place(meet: str) -> tuple[str, int]:
    """Address and port of HOST:PORT. Raises UsageError."""
    address, colon, port = meet.rpartition(":")
    if not (address and colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise UsageError(
            "is not a place to meet",
            where="--meet",
            got=shorten(repr(meet)),
            expected="HOST:PORT of rank 0's machine",
        )
    return address, int(port)


def reason(error: BaseException) -> str:
    """Why this rank ends, for the others."""
    return (
        "it was interrupted"
        if isinstance(error, KeyboardInterrupt)
        else str(error) or type(error).__name__
    )
