"""A CSV trace that a foreign meter is writing: followed from its present end, with the meter's own stamps."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import JoulemarkError
from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.traces.channel import Channel
from harness.traces.store import column_names, declared_channel

FIX = "docs/reference/formats.md shows the header line; the meter's program then appends rows `t_ns,power_w`."


class File:
    """A CSV file with a declared header that a foreign meter appends to.

    path: the file; its first line declares the channel
    """

    simulated = False

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._at = 0
        self._inode = 0
        self._rest = b""
        self._channel = ""

    def probe(self) -> Sequence[Channel]:
        """The channel that the header declares. Raises Unavailable."""
        try:
            with self.path.open("rb") as file:
                channel = declared_channel(file.readline(65536), where=f"{self.path}:1")
                names = file.readline(4096).strip().decode("utf-8", "replace").split(",")
                self._inode, self._at = os.fstat(file.fileno()).st_ino, file.seek(0, os.SEEK_END)
        except OSError as error:
            raise Unavailable(
                f"cannot be opened: {error.strerror}", where=str(self.path), fix=FIX
            ) from None
        except JoulemarkError as error:
            raise Unavailable(
                error.message, where=error.where, got=error.got, expected=error.expected, fix=FIX
            ) from None
        if names != column_names(channel):
            raise Unavailable(
                "has other columns",
                where=f"{self.path}:2",
                got=",".join(names)[:80],
                expected=",".join(column_names(channel)),
                fix=FIX,
            )
        self._channel = channel.id
        return [channel]

    def read(self) -> Sequence[Reading]:
        """The rows that came since the last call. Raises ReadFailed."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._at:
                    self._inode, self._at, self._rest = (
                        status.st_ino,
                        0,
                        b"",
                    )  # begun anew: all of it is news
                file.seek(self._at)
                content = file.read(1 << 20)
        except OSError as error:
            self._inode = 0  # what comes in its place is another file
            raise ReadFailed(f"{self.path.name}: {error.strerror}") from None
        self._at += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        rows = [line for line in lines if line and not line.startswith((b"#", b"t_ns"))]
        return [self._reading(row) for row in rows]

    def _reading(self, row: bytes) -> Reading:
        stamp, _, value = row.partition(b",")
        shown = row[:64].decode("utf-8", "replace")
        try:
            t_ns = int(stamp)
        except ValueError:
            return Reading(self._channel, math.nan, fault=shown)
        try:
            return Reading(self._channel, float(value), t_ns)
        except ValueError:
            return Reading(self._channel, math.nan, t_ns, fault=shown)
