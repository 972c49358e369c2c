"""Meters of a third party, each named by its defect; `steady` has none."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Sequence
from typing import Any

from harness.meters.base import Reading
from harness.traces.channel import Accuracy, Channel


class Steady:
    """Power that does not change. watts: that power [W]"""

    simulated = False

    def __init__(self, watts: str = "100", after: str = "5") -> None:
        self.watts, self.after, self.reads = float(watts), int(after), 0

    def probe(self) -> Sequence[Channel]:
        name = type(self).__name__.lower()
        limits = Accuracy(reading_limit_pct=1.0, source="tests")
        return [
            Channel(id=name, kind="instant", boundary="wall", calibration_id=name, accuracy=limits)
        ]

    def read(self) -> Any:
        self.reads += 1
        return self.good() if self.reads <= self.after else self.bad()

    def good(self) -> Sequence[Reading]:
        return [Reading(type(self).__name__.lower(), self.watts)]

    def bad(self) -> Any:
        return self.good()


class Hanging(Steady):
    """Stops to answer, as a device file of a dead driver does."""

    def bad(self) -> Any:
        time.sleep(3600)


class Locked(Steady):
    """Stops to answer inside a C library that keeps the interpreter's lock."""

    def bad(self) -> Any:
        ctypes.PyDLL(None).sleep(3600)


class Slow(Steady):
    """Takes 0.35 s to answer."""

    def read(self) -> Any:
        time.sleep(0.35)
        return self.good()


class Vanishing(Steady):
    """Is unplugged for ten reads, and comes back."""

    def bad(self) -> Any:
        if self.reads <= self.after + 10:
            raise OSError(19, "No such device")
        return self.good()


class Garbage(Steady):
    """Answers with anything."""

    def bad(self) -> Any:
        answers: list[Any] = [
            None,
            7,
            "100 W",
            [None],
            [Reading("another", 1.0)],
            [Reading("garbage", "x")],  # type: ignore[arg-type]
            [Reading("garbage", float("nan"))],
            [Reading("garbage", float("inf"))],
            [Reading("garbage", -1.0)],
            [Reading("garbage", 9.91e37)],
            {"garbage": 5},
            [Reading("garbage", 5.0, t_ns="now")],  # type: ignore[arg-type]
            [Reading("garbage", 5.0, t_ns=1 << 80)],
        ]
        return answers[(self.reads - self.after - 1) % len(answers)]


class Crashing(Steady):
    """Brings its process down."""

    def bad(self) -> Any:
        os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(10)


class Unprobed(Steady):
    """Breaks when it is probed."""

    def probe(self) -> Sequence[Channel]:
        raise ZeroDivisionError("no range")


class Mute(Steady):
    """Never answers when it is probed."""

    def probe(self) -> Sequence[Channel]:
        time.sleep(3600)
        return []
