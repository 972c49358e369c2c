"""The contract of a meter. A third party adds one by the entry point group `joulemark.meters`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from harness.core.errors import JoulemarkError
from harness.traces.channel import Channel


class Unavailable(JoulemarkError):
    """The meter cannot be used on this machine; `fix` is the exact remedy."""


class ReadFailed(Exception):
    """One read gave nothing. The sampler records a gap with this text and asks again at the next tick."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one channel.

    value: [W, or J for a counter]; NaN where this channel failed and others did not
    t_ns: the meter's own stamp [ns UTC]; None: the sampler stamps it
    fault: why the value is NaN
    """

    channel: str
    value: float
    t_ns: int | None = None
    fault: str = ""


class Meter(Protocol):
    """One meter. Its constructor takes the options that the user gives, as keywords of type str.

    simulated: true where the readings are not of this machine, now
    """

    simulated: bool

    def probe(self) -> Sequence[Channel]:
        """What it measures here: kind, boundary and accuracy of each channel. Raises Unavailable."""
        ...

    def read(self) -> Sequence[Reading]:
        """Readings since the last call, or the present ones. Raises ReadFailed."""
        ...
