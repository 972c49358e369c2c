"""Follow a CSV trace that another program is writing, with that program's own time stamps."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from harness.core.errors import JoulemarkError
from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.traces.channel import Channel
from harness.traces.csv_store import declared_channel
from harness.traces.header import column_names

FIX = (
    "docs/reference/formats.md shows the header line; "
    "the meter's program then appends rows `t_ns,power_w`."
)
CHUNK_BYTES = 1 << 20
"""Largest piece that one read takes; the rest follows at the next."""


class File:
    """A CSV file with a declared header to which the program of a meter appends rows.

    Attributes:
        path: The file. Its first line declares the channel.
    """

    simulated = False

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self._offset = 0
        self._inode = 0
        self._partial_line = b""
        self._channel = ""

    def probe(self) -> Sequence[Channel]:
        """Return the channel that the header declares; reading starts at the present end.

        Raises:
            Unavailable: The file cannot be opened, or its header or columns are not valid.
        """
        try:
            with self.path.open("rb") as file:
                channel = declared_channel(file.readline(65536), where=f"{self.path}:1")
                columns = file.readline(4096).strip().decode("utf-8", "replace").split(",")
                self._inode = os.fstat(file.fileno()).st_ino
                self._offset = file.seek(0, os.SEEK_END)
        except OSError as error:
            raise Unavailable(
                f"cannot be opened: {error.strerror}", where=str(self.path), fix=FIX
            ) from None
        except JoulemarkError as error:
            raise Unavailable(
                error.message, where=error.where, got=error.got, expected=error.expected, fix=FIX
            ) from None
        if columns != column_names(channel):
            raise Unavailable(
                "has other columns",
                where=f"{self.path}:2",
                got=",".join(columns)[:80],
                expected=",".join(column_names(channel)),
                fix=FIX,
            )
        self._channel = channel.id
        return [channel]

    def read(self) -> Sequence[Reading]:
        """Return the rows added since the last call; all rows if the file was begun anew.

        Raises:
            ReadFailed: The file cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._inode, self._offset, self._partial_line = status.st_ino, 0, b""
                file.seek(self._offset)
                content = file.read(CHUNK_BYTES)
        except OSError as error:
            self._inode = 0  # a file that appears later is another one
            raise ReadFailed(f"{self.path.name}: {error.strerror}") from None
        self._offset += len(content)
        *lines, self._partial_line = (self._partial_line + content).split(b"\n")
        rows = [line for line in lines if line and not line.startswith((b"#", b"t_ns"))]
        return [self._reading(row) for row in rows]

    def _reading(self, row: bytes) -> Reading:
        """Parse one row; a row without a number becomes a fault that quotes it."""
        stamp, _, value = row.partition(b",")
        quoted = row[:64].decode("utf-8", "replace")
        try:
            t_ns = int(stamp)
        except ValueError:
            return Reading(self._channel, math.nan, fault=quoted)
        try:
            return Reading(self._channel, float(value), t_ns)
        except ValueError:
            return Reading(self._channel, math.nan, t_ns, fault=quoted)


METER = File
