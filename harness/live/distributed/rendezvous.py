"""How the ranks of one run meet and move from one synchronisation point to the next together.

Rank 0 (`Coordinator`) waits for all others (`Worker`). Between two points nothing is sent, except
a sign of life every few seconds and the reason of a rank that fails. Every wait has a bound:

- ranks wait `JOIN_TIMEOUT_S` for each other before a run;
- a rank that is silent for `SILENCE_LIMIT_S` is given up, whether it was stopped, lost power, or
  its network was cut;
- at each point a rank waits `POINT_LIMIT_S` for the others, and `Rendezvous.work_limit_s` for
  their work to end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from harness.core.errors import JoulemarkError
from harness.live.distributed.clock_offset import Offset
from harness.live.distributed.launcher import SINGLE_RANK
from harness.live.distributed.placement import Placement
from harness.meters import MeterSpec

PROTOCOL = 2
"""Version of the messages; ranks of other releases are turned away."""
INVITATION = "meeting.json"
"""File in the run directory that says where rank 0 waits; removed once all ranks have joined."""
JOIN_TIMEOUT_S = 120.0
"""How long ranks wait for each other before a run [s]."""
POINT_LIMIT_S = 120.0
"""How long a rank waits for the others at a point, less what all of them do before it [s]."""
RECORD_LIMIT_S = 900.0
"""How long a rank waits until the others have written what they recorded [s]."""
WORK_LIMIT_S = 3600.0
"""How long a rank whose work has ended waits for that of the others by default [s]."""
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
    def compares_clocks(self) -> bool:
        """Whether this rank compares the clock of its machine with that of rank 0."""
        return self.placement is not None and self.placement.local_rank == 0

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that the workload gets in its environment."""
        return self.placement.environment(self.process) if self.placement else {}

    def reads(self, request: MeterSpec) -> bool:
        """Return whether this rank samples a meter that was requested."""
        return self.placement is None or self.placement.reads(request)

    def facts(self) -> dict[str, Any]:
        """Describe this rank for its run record."""
        if self.placement is None:
            return {}
        return {
            "number": self.process.rank,
            "of": self.process.world_size,
            "node": f"node-{self.placement.node}",
            "meeting": self.placement.rendezvous_id,
            "machine_shown_by": self.placement.shown_by,
            "launcher": self.process.launcher,
            "job": self.process.job,
        }

    def check(self) -> None:
        """Raise RankLost where another rank has failed."""

    def wait_for_all(self, point: str, check: Check, limit_s: float = POINT_LIMIT_S) -> None:
        """Wait until all ranks have reached a point.

        Args:
            point: Name of the point.
            check: Called repeatedly while waiting.
            limit_s: How long to wait for the others [s].

        Raises:
            RankLost: Another rank failed, or did not come in time.
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


def failure_reason(error: BaseException) -> str:
    """Say in one line why this rank ends, for the other ranks."""
    if isinstance(error, KeyboardInterrupt):
        return "it was interrupted"
    text = str(error) or type(error).__name__
    remedy = error.fix if isinstance(error, JoulemarkError) else ""
    return text.removesuffix(f". {remedy}") if remedy else text
