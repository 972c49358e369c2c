"""Power now and energy so far of one channel, from its readings as they arrive."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.core.timestamps import NS
from harness.traces.channel import Channel

MIN_GAP_S, GAP_INTERVALS = 10.0, 3
"""Powers further apart, in seconds and in intervals, do not say what happened between them."""


@dataclass(slots=True)
class Tally:
    """The running figures of a channel.

    A counter that passes its range is followed; one that falls back otherwise starts anew, and
    what it counted in that step is lost. A power counts for the time since the reading before.

    Attributes:
        channel: The channel.
        power_w: Power at the last reading [W]; None while there is none.
        energy_j: Energy since the first reading [J].
        t_ns: Stamp of the last reading [ns UTC]; None before the first.
        lost_s: Time for which the energy is not known [s].
    """

    channel: Channel
    power_w: float | None = None
    energy_j: float = 0.0
    t_ns: int | None = None
    lost_s: float = 0.0
    _value: float = 0.0

    def add(self, t_ns: int, value: float) -> bool:
        """Take one reading; return False for one that is no number or not newer than the last.

        Args:
            t_ns: Its stamp [ns UTC].
            value: Power [W], or a counter [J].
        """
        if not math.isfinite(value) or (self.t_ns is not None and t_ns <= self.t_ns):
            return False
        seconds = 0.0 if self.t_ns is None else (t_ns - self.t_ns) / NS
        step_j = self._step_j(value, seconds) if seconds else 0.0
        if self.channel.quantity == "power":
            self.power_w = value
        elif seconds:
            self.power_w = None if step_j is None else step_j / seconds
        if step_j is None:
            self.lost_s += seconds
        else:
            self.energy_j += step_j
        self.t_ns, self._value = t_ns, value
        return True

    def _step_j(self, value: float, seconds: float) -> float | None:
        """Return the energy since the last reading [J]; None where nothing says how much it was."""
        if self.channel.quantity == "power":
            longest_s = max(MIN_GAP_S, GAP_INTERVALS * (self.channel.nominal_interval_s or 0.0))
            return None if seconds > longest_s else value * seconds
        if value >= self._value:
            return value - self._value
        modulus_j = self.channel.counter_modulus_j
        if modulus_j is not None and self._value > modulus_j / 2 > value:
            return value + modulus_j - self._value
        return None

    def lose(self) -> None:
        """Note that a read failed: there is no power now."""
        self.power_w = None
