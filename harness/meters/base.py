"""The contract of a meter. Other packages add meters by the entry points `joulemark.meters`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from harness.core.errors import JoulemarkError
from harness.traces.channel import Channel


class Unavailable(JoulemarkError):
    """The meter cannot be used on this machine; `fix` is the exact remedy."""


class ReadFailed(Exception):
    """A read returned nothing. The sampler records a gap with this text and goes on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one channel.

    Attributes:
        channel: Id of the channel.
        value: The reading [W, or J for a counter]; NaN where only this channel failed.
        t_ns: The meter's own time stamp [ns UTC]; ``None`` lets the sampler stamp the reading.
        fault: Why the value is NaN.
    """

    channel: str
    value: float
    t_ns: int | None = None
    fault: str = ""


class NoteKind(StrEnum):
    """What a note says; a live run turns all but `remark` into findings of its record."""

    REMARK = "remark"
    LEFT_OUT = "left out"
    UNMEASURED = "unmeasured"
    BEYOND_WORKLOAD = "beyond workload"
    OUTDATED = "outdated"


@dataclass(frozen=True, slots=True)
class Note:
    """Something a user should know of what a meter measures, found when it was probed.

    Attributes:
        kind: What it says.
        channel: Channel or device it is about.
        message: What was found, with the remedy.
    """

    kind: NoteKind
    channel: str
    message: str


def whole_read(readings: Sequence[Reading]) -> Sequence[Reading]:
    """Return the readings of all channels.

    Raises:
        ReadFailed: None of them has a value.
    """
    if all(math.isnan(reading.value) for reading in readings):
        raise ReadFailed(readings[0].fault if readings else "not probed")
    return readings


class Meter(Protocol):
    """A meter. The constructor takes the user's options as keyword arguments of type `str`.

    A meter may also have `notes`, a sequence of `Note` that is valid once it was probed, and
    `automatic`, the options with which a run uses it for which no meter was named;
    `source_options`, names of options that make it read something else than this machine's own
    sensors, as a folder in place of /sys: the result then is of the class *declared*;
    `context()`, which returns what `harness.meters.context` keeps of the hardware;
    `configuration()`, which returns what the record states of how it was read, without secrets;
    `polls`, true if a read returns only the present value of a device that updates by itself;
    and `private_options`, the options that records state as pseudonyms.

    Attributes:
        simulated: Whether the readings are not those of this machine at this moment.
    """

    simulated: bool

    def probe(self) -> Sequence[Channel]:
        """Return the channels measured here, with the kind, boundary and accuracy of each.

        Raises:
            Unavailable: The meter cannot be used on this machine.
        """
        ...

    def read(self) -> Sequence[Reading]:
        """Return the readings since the last call, or the present ones.

        Raises:
            ReadFailed: No channel could be read.
        """
        ...
