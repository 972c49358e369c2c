"""Estimate power from processor time: a model, not a meter (kind `estimate`).

Power is the idle power plus the busy share of processor time, as Linux states it in /proc/stat,
times the difference between busy and idle power. Both powers are declared by the user, or assumed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from harness.core.errors import UsageError
from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.traces.calibration import calibration_id
from harness.traces.channel import Accuracy, Channel
from harness.traces.instruments import instrument

IDLE_W, BUSY_W = 0.74, 3.5
"""Assumed power of one logical processor, idle and busy [W], if no model is declared."""
ASSUMED = Accuracy(
    reading_limit_pct=60.0,
    source="no model declared: 0.74 W idle and 3.5 W busy a logical processor, the mean of AWS in "
    "the methodology of Cloud Carbon Footprint; machines differ by a factor of two",
    assumed=True,
)


class Estimator:
    """A power model of all processors, declared or assumed. Its results are labelled as modelled.

    Attributes:
        declared: Whether the user declared the model.
        idle_w: Power of all processors when idle [W].
        busy_w: Power of all processors when fully busy [W].
        path: The file with the kernel's processor times, /proc/stat.
    """

    simulated = False
    source_options: ClassVar[Sequence[str]] = ("root",)

    def __init__(self, idle_w: str = "", busy_w: str = "", root: str = "/proc") -> None:
        if bool(idle_w) != bool(busy_w):
            raise UsageError(
                "the estimator needs both or none", got="one", expected="idle_w and busy_w [W]"
            )
        self.declared = bool(idle_w)
        processors = os.cpu_count() or 1
        self.idle_w = _watts("idle_w", idle_w) if idle_w else IDLE_W * processors
        self.busy_w = _watts("busy_w", busy_w) if busy_w else BUSY_W * processors
        if self.busy_w < self.idle_w:
            raise UsageError(
                "busy_w is below idle_w",
                got=f"{self.busy_w:g} W",
                expected=f"at least {self.idle_w:g} W",
            )
        self.path = Path(root) / "stat"
        self._last_ticks = (0, 0)
        self._power_w = 0.0

    def probe(self) -> Sequence[Channel]:
        """Return one channel, for all processors together.

        Raises:
            Unavailable: /proc/stat cannot be read, as on any system but Linux.
        """
        try:
            self._last_ticks = self._ticks()
        except ReadFailed as error:
            raise Unavailable(
                "processor time cannot be read",
                where=str(self.path),
                got=str(error),
                expected="Linux's /proc/stat",
                fix="Use a meter.",
            ) from None
        self._power_w = self.idle_w
        model = {"idle_w": self.idle_w, "busy_w": self.busy_w, "declared": self.declared}
        return [
            Channel(
                id="processors",
                kind="estimate",
                boundary="package",
                meter="declared-model",
                calibration_id=calibration_id("estimator", f"{self.idle_w:g}-{self.busy_w:g}"),
                accuracy=instrument("declared-model").accuracy() if self.declared else ASSUMED,
                clock="system",
                clock_error_s=0.0,
                extra={"model": model},
            )
        ]

    def read(self) -> Sequence[Reading]:
        """Return the modelled mean power since the last read [W].

        Raises:
            ReadFailed: Processor time cannot be read.
        """
        busy, total = self._ticks()
        last_busy, last_total = self._last_ticks
        if total > last_total:  # otherwise less than one kernel tick has passed: keep the power
            share = (busy - last_busy) / (total - last_total)
            share = min(1.0, max(0.0, share))
            self._power_w = self.idle_w + share * (self.busy_w - self.idle_w)
            self._last_ticks = busy, total
        return [Reading("processors", self._power_w)]

    def _ticks(self) -> tuple[int, int]:
        """Read busy and total processor time since boot [ticks], from /proc/stat, see proc(5)."""
        try:
            with self.path.open("rb") as file:
                words = file.readline().split()
            user, nice, system, idle, iowait, *rest = (int(word) for word in words[1:9])
        except (OSError, ValueError) as error:
            raise ReadFailed(f"{self.path.name}: {error}") from None
        busy = user + nice + system + sum(rest)
        return busy, busy + idle + iowait


def _watts(name: str, text: str) -> float:
    """Parse an option as power [W]."""
    try:
        power_w = float(text)
    except ValueError:
        power_w = -1.0
    if not 0 <= power_w < 1e9:
        raise UsageError(
            "is not a power", where=f"estimator:{name}", got=text, expected="watts, like 65"
        )
    return power_w


METER = Estimator
