"""The journal of one meter.

Every reading and every failure, appended as it comes, with both clocks.

A file of lines, so that what was written before a crash can be read after it:

    # joulemark-samples: {header}
    channel,t_ns,t_mono_ns,late_ns,value,fault
    0,1720740919963000000,81237000000,41000,93.5,
    0,1720740920063000000,81337000000,39000,,"energy_uj: No such device"
    # context: [t_ns, {"channel": {"temperature_c": 61.0}}]
    # clock: [t_ns, t_mono_ns, cpu_ns]
    # chain: 9f0c...
    # end: {"missed": 0}
    # chain: 53aa...

channel: its number in the header; t_ns: wall clock [ns UTC]; t_mono_ns: monotonic clock [ns];
late_ns: how late the read began after its deadline [ns]. A `clock` line is both clocks at one
moment, and the processor time that the sampler itself has used so far. A `context` line is what
else the meter said at one moment (`harness.meters.context`). A `chain` line binds all
that stands above it (`harness.traces.journal.chain`).

A long journal is written in segments: `meter.csv`, `meter.0002.csv` and so on. Each ends with

    # next: {"segment": 2}
    # chain: 81d2...

and the header of the next one states its number and the last link of the one before. So no file
grows beyond what a reader takes, and no segment can be exchanged or left out unnoticed.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.traces.channel import Channel
from harness.traces.journal.chain import CLOCK, CONTEXT, END, NEXT, Chain

MAGIC = "# joulemark-samples: "
COLUMNS = "channel,t_ns,t_mono_ns,late_ns,value,fault"
SEGMENT_BYTES = 32 * 2**20
"""A segment ends with the first clock line beyond this size."""


def segment_path(first: Path, number: int) -> Path:
    """Return the path of a segment of a journal; the first is number 1."""
    return first if number == 1 else first.with_name(f"{first.stem}.{number:04}{first.suffix}")


class Journal:
    """Writer of a journal.

    Each call is one write to the file, so a killed process loses only the present reading.

    Two threads may write. All methods raise OSError where the file cannot take what is written.
    """

    def __init__(
        self,
        path: Path,
        channels: Sequence[Channel],
        about: Mapping[str, Any],
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.number = {channel.id: number for number, channel in enumerate(channels)}
        self._header = dict(about) | {"channels": [channel.header() for channel in channels]}
        self._chain, self._turn, self._ended = Chain(), threading.Lock(), False
        self._segment, self._segment_bytes = 1, segment_bytes
        self._open({})

    def _open(self, about_segment: Mapping[str, Any]) -> None:
        """Begin the present segment."""
        path = segment_path(self.path, self._segment)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file, self._size = os.open(path, flags, 0o644), 0
        header = json.dumps({**self._header, **about_segment}, ensure_ascii=True, allow_nan=False)
        self._append(f"{MAGIC}{header}\n{COLUMNS}\n".encode())

    def rows(self, rows: Sequence[str]) -> None:
        """Append rows that `row` returned."""
        if rows:
            self._write("".join(rows))

    def row(
        self, channel: str, t_ns: int, t_mono_ns: int, late_ns: int, value: float, fault: str = ""
    ) -> str:
        """Return the line of one reading.

        A value that is not a finite number is left empty and has a fault.
        """
        number = self.number[channel]
        if fault or not math.isfinite(value):
            return f"{number},{t_ns},{t_mono_ns},{late_ns},,{json.dumps(fault or repr(value))}\n"
        return f"{number},{t_ns},{t_mono_ns},{late_ns},{value!r},\n"

    def clock(self) -> None:
        """Append both clocks, the processor time used so far, and a link of the chain."""
        t_ns, t_mono_ns = both_clocks()
        self._write(f"{CLOCK}[{t_ns},{t_mono_ns},{time.process_time_ns()}]\n", link=True)

    def context(self, t_ns: int, values: Mapping[str, Mapping[str, float]]) -> None:
        """Append what else the meter says, by channel and name."""
        self._write(f"{CONTEXT}{json.dumps([t_ns, values], allow_nan=False)}\n")

    def end(self, about: Mapping[str, Any]) -> None:
        """Append that the record is whole, and close the file once it is on disk."""
        self.clock()
        self._write(END + json.dumps(dict(about)) + "\n", link=True, last=True)
        os.fsync(self._file)
        os.close(self._file)

    def _write(self, text: str, *, link: bool = False, last: bool = False) -> None:
        """Append a text in one write, and a link over everything so far.

        After the `last` text nothing is written.
        """
        with self._turn:  # lines stand in the order in which they are hashed
            if self._ended:  # a read that was reported as hanging, and returned after all
                return
            self._append(text.encode(), link=link)
            self._ended = last
            if link and not last and self._size >= self._segment_bytes:
                self._begin_next()

    def _append(self, rest: bytes, *, link: bool = False) -> None:
        self._chain.add(rest)
        rest += self._chain.link() if link else b""
        self._size += len(rest)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def _begin_next(self) -> None:
        """End the present segment, and begin the next one."""
        self._segment += 1
        self._append(f'{NEXT}{{"segment": {self._segment}}}\n'.encode(), link=True)
        os.fsync(self._file)
        os.close(self._file)
        previous, self._chain = self._chain.last_link, Chain()
        self._open({"segment": self._segment, "previous": previous})


def both_clocks() -> tuple[int, int]:
    """Return wall and monotonic clock of one moment [ns].

    They agree to within the time between three reads of a clock.
    """
    best = (1 << 62, 0, 0)
    for _ in range(
        3
    ):  # a process that is suspended between the reads sees a difference that is not real
        before, t_ns, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        best = min(best, (after - before, t_ns, (before + after) // 2))
        if best[0] < 20_000:
            break
    return best[1], best[2]
