"""State the declared power of a system that has no meter here (kind `estimate`): no reading at all.

For a hosted endpoint, whose machine its users cannot measure: the rated power of what serves it,
all the time. The result is labelled as modelled, and never ranked with a measured one.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.errors import UsageError
from harness.core.numbers import plain_number
from harness.meters.base import Reading
from harness.traces.calibration import calibration_id
from harness.traces.channel import Accuracy, Channel

BOUNDARIES = ("board", "node", "wall", "rack", "facility")
"""What a rated power may include."""
MAX_W = 1e9
LIMIT_PCT = 70.0
"""Servers draw between about 30 % of their rated power, idle, and all of it."""


class Nameplate:
    """The rated power of what serves, declared in watts; its results are labelled as modelled.

    Attributes:
        watts: The declared power [W].
        boundary: What it includes.
    """

    simulated = False

    def __init__(self, watts: str, boundary: str = "wall") -> None:
        power_w = plain_number(watts)
        if power_w is None or not 0 < power_w <= MAX_W:
            raise UsageError(
                "is not a power",
                where="nameplate:watts",
                got=watts or "nothing",
                expected="the rated power of what serves, in watts: nameplate:watts=1400",
            )
        if boundary not in BOUNDARIES:
            raise UsageError(
                "is no boundary",
                where="nameplate:boundary",
                got=boundary,
                expected=", ".join(BOUNDARIES),
            )
        self.watts, self.boundary = power_w, boundary

    def probe(self) -> Sequence[Channel]:
        """Return one channel, for the system as declared."""
        return [
            Channel(
                id="nameplate",
                kind="estimate",
                boundary=self.boundary,
                meter="declared-model",
                calibration_id=calibration_id("nameplate", f"{self.watts:g}"),
                accuracy=Accuracy(
                    reading_limit_pct=LIMIT_PCT,
                    source="rated power declared by hand: servers draw 30 to 100 % of it",
                    assumed=True,
                ),
                clock="system",
                clock_error_s=0.0,
                extra={"model": {"watts": self.watts, "declared": True}},
            )
        ]

    def read(self) -> Sequence[Reading]:
        """Return the declared power [W]."""
        return [Reading("nameplate", self.watts)]


METER = Nameplate
