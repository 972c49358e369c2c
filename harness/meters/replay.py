"""A recorded trace, played again in real time: to try a pipeline without a meter. What it gives is simulated."""

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
    """A recorded trace played again, from its begin, at the speed it was recorded; its end holds.

    path: the trace, of a run directory or a CSV with a declared header
    """

    simulated = True

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._times: list[int] = []
        self._values: list[float] = []
        self._channel = ""
        self._begin_ns = 0

    def probe(self) -> Sequence[Channel]:
        """The recorded channel, marked as played from that trace. Raises Unavailable."""
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
        self._times = (trace.t_ns - trace.t_ns[0]).tolist()
        self._values = trace.value.tolist()
        self._channel, self._begin_ns = trace.channel.id, time.monotonic_ns()
        played = dict(trace.channel.extra) | {"played_from": trace.content_sha256}
        return [
            replace(
                trace.channel,
                part_of=None,
                source=None,
                clock="system",
                clock_error_s=0.0,
                extra=played,
            )
        ]

    def read(self) -> Sequence[Reading]:
        """The reading that was the last one this long after the begin."""
        if not self._times:
            raise ReadFailed("not probed")
        at = bisect_right(self._times, time.monotonic_ns() - self._begin_ns) - 1
        return [Reading(self._channel, self._values[max(at, 0)])]
