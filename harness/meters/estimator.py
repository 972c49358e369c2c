"""A model, not a meter: processor time multiplied by declared watts. Its kind is `estimate`, always."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import UsageError
from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.traces.calibration import calibration_id
from harness.traces.channel import Accuracy, Channel
from harness.traces.instruments import instrument

IDLE_W, BUSY_W = 0.74, 3.5
"""Watts of one logical processor, idle and busy, where nobody declared any."""
ASSUMED = Accuracy(
    reading_limit_pct=60.0,
    source="no model declared: 0.74 W idle and 3.5 W busy a logical processor, the mean of AWS in the methodology of "
    "Cloud Carbon Footprint; machines differ by a factor of two",
    assumed=True,
)


class Estimator:
    """No meter at all: processor seconds times a declared power model. Always labelled as modelled.

    idle_w, busy_w: power of all processors when idle and when fully busy [W]; root: where /proc lies
    """

    simulated = False

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
        self._last = (0, 0)
        self._power_w = 0.0

    def probe(self) -> Sequence[Channel]:
        """One channel: the processors. Raises Unavailable."""
        try:
            self._last = self._ticks()
        except ReadFailed as error:
            raise Unavailable(
                "processor time cannot be read",
                where=str(self.path),
                got=str(error),
                expected="Linux's /proc/stat",
                fix="Use a meter.",
            ) from None
        self._power_w = self.idle_w
        accuracy = instrument("declared-model").accuracy() if self.declared else ASSUMED
        return [
            Channel(
                id="processors",
                kind="estimate",
                boundary="package",
                meter="declared-model",
                calibration_id=calibration_id("estimator", f"{self.idle_w:g}-{self.busy_w:g}"),
                accuracy=accuracy,
                clock="system",
                clock_error_s=0.0,
                extra={
                    "model": {
                        "idle_w": self.idle_w,
                        "busy_w": self.busy_w,
                        "declared": self.declared,
                    }
                },
            )
        ]

    def read(self) -> Sequence[Reading]:
        """Modelled power since the last read [W]."""
        busy, total = self._ticks()
        before_busy, before_total = self._last
        if total > before_total:  # less than one tick of the kernel: nothing new is known
            share = min(1.0, max(0.0, (busy - before_busy) / (total - before_total)))
            self._power_w = self.idle_w + share * (self.busy_w - self.idle_w)
            self._last = busy, total
        return [Reading("processors", self._power_w)]

    def _ticks(self) -> tuple[int, int]:
        """(busy, all) processor time since boot [kernel ticks], from the first line of /proc/stat (proc(5))."""
        try:
            with self.path.open("rb") as file:
                words = file.readline().split()
            user, nice, system, idle, waiting, *rest = (int(word) for word in words[1:9])
        except (OSError, ValueError) as error:
            raise ReadFailed(f"{self.path.name}: {error}") from None
        busy = user + nice + system + sum(rest)
        return busy, busy + idle + waiting


def _watts(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise UsageError(
            "is not a power", where=f"estimator:{name}", got=text, expected="watts, like 65"
        )
    return value
