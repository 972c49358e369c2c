"""Play a recorded trace again in real time, to try a pipeline without a meter. Always simulated."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.core.errors import JoulemarkError
from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.traces.channel import Channel
from harness.traces.store import read_trace


class Replay:
    """A recorded trace, played from its start at its recorded speed; the last reading then holds.

    Attributes:
        path: A trace of a run directory, or a CSV file with a declared header.
    """

    simulated = True

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._elapsed_ns: list[int] = []
        self._values: list[float] = []
        self._channel = ""
        self._start_ns = 0

    def probe(self) -> Sequence[Channel]:
        """Return the recorded channel, marked as played from that trace.

        Raises:
            Unavailable: The trace cannot be read, or has no reading.
        """
        try:
            trace = read_trace(self.path)
        except JoulemarkError as error:
            raise Unavailable(
                error.message,
                where=error.where,
                got=error.got,
                expected=error.expected or "a recorded trace",
                fix=error.fix or "Name a file below traces/ of a run directory.",
            ) from None
        if not len(trace):
            raise Unavailable("has no reading", where=str(self.path), fix="Name another trace.")
        self._elapsed_ns = (trace.t_ns - trace.t_ns[0]).tolist()
        self._values = trace.value.tolist()
        self._channel, self._start_ns = trace.channel.id, time.monotonic_ns()
        channel = replace(
            trace.channel,
            part_of=None,
            source=None,
            clock="system",
            clock_error_s=0.0,
            extra={**trace.channel.extra, "played_from": trace.content_sha256},
        )
        return [channel]

    def read(self) -> Sequence[Reading]:
        """Return the last reading that was recorded by this time after the start.

        Raises:
            ReadFailed: The meter was not probed.
        """
        if not self._elapsed_ns:
            raise ReadFailed("not probed")
        elapsed_ns = time.monotonic_ns() - self._start_ns
        index = bisect_right(self._elapsed_ns, elapsed_ns) - 1
        return [Reading(self._channel, self._values[max(index, 0)])]


METER = Replay
