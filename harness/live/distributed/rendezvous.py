"""How the ranks of one run meet and move from one synchronisation point to the next together.

Rank 0 (`Coordinator`) waits for all others (`Worker`). Between two points nothing is sent, except
by a rank that fails, so the timed part of a run carries no traffic of the harness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.live.distributed.clock_offset import Offset
from harness.live.distributed.launcher import SINGLE_RANK
from harness.live.distributed.placement import Placement

INVITATION = "meeting.json"
"""File in the run directory that says where rank 0 waits; removed once all ranks have joined."""
JOIN_TIMEOUT_S = 120.0
"""How long ranks wait for each other before a run [s]."""
POLL_INTERVAL_S = 0.2
"""Time between two checks of the samplers while waiting [s]."""
HOW_TO_MEET = (
    "Start all ranks on a folder --out that they share, or name a place of rank 0 with"
    " --meet HOST:PORT."
)
SEE_OUTPUT = "See what that rank printed."

Check = Callable[[], None]
"""Called repeatedly while waiting; raises where the run cannot go on."""


class RankLost(JoulemarkError):
    """Another rank failed or disappeared; the run ends on all machines."""


class Rendezvous:
    """The other ranks of a run, as this rank sees them.

    This base class stands for a single process: there is nobody to wait for and no other clock.
    """

    process = SINGLE_RANK
    placement: Placement | None = None

    @property
    def samples(self) -> bool:
        """Whether this rank samples its machine."""
        return self.placement is None or self.placement.samples

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that the workload gets in its environment."""
        return self.placement.environment(self.process) if self.placement else {}

    def facts(self) -> dict[str, Any]:
        """Describe this rank for its run record."""
        if self.placement is None:
            return {}
        return {
            "number": self.process.rank,
            "of": self.process.world_size,
            "node": f"node-{self.placement.node}",
            "meeting": self.placement.rendezvous_id,
        }

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""

    def wait_for_all(self, point: str, check: Check) -> None:
        """Wait until all ranks have reached a point.

        Raises:
            RankLost: Another rank failed.
        """

    def compare_clocks(self, point: str, check: Check) -> Offset | None:  # noqa: ARG002
        """Measure how far the clock of rank 0 is ahead; all ranks do so together.

        Returns:
            The offset; None where this machine's clock is the one of rank 0.

        Raises:
            RankLost: Another rank failed.
        """
        return None


SINGLE_PROCESS = Rendezvous()


def parse_address(text: str) -> tuple[str, int]:
    """Split HOST:PORT.

    Raises:
        UsageError: The text has another form.
    """
    address, colon, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not (address and colon and is_port):
        raise UsageError(
            "is not an address",
            where="--meet",
            got=shorten(repr(text)),
            expected="HOST:PORT of rank 0's machine",
        )
    return address, int(port)


def failure_reason(error: BaseException) -> str:
    """Say in one line why this rank ends, for the other ranks."""
    if isinstance(error, KeyboardInterrupt):
        return "it was interrupted"
    return str(error) or type(error).__name__
