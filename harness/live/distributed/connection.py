"""One connection between two ranks: lines of JSON, both ways, and the moment at which they came."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from typing import Any, NamedTuple

LONGEST = 1 << 16
"""No message is longer than this [bytes]; whoever sends more speaks something else."""
KEEP_ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A machine that lost power says nothing: the kernel asks after 30 s, and gives it up a minute after it fell silent."""


class Lost(Exception):
    """The other end is gone, or speaks something else."""


class Heard(NamedTuple):
    """A message, and when it came [ns UTC]."""

    t_ns: int
    said: dict[str, Any]


class Link:
    """One end of a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket, self._rest, self._poll = connection, b"", select.poll()
        self._poll.register(connection, select.POLLIN)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEP_ALIVE:
            if hasattr(socket, name):  # not on every system
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def fileno(self) -> int:
        """For select."""
        return self.socket.fileno()

    def say(self, **said: Any) -> None:
        """Send one message. Raises Lost."""
        try:
            self.socket.sendall(json.dumps(said).encode() + b"\n")
        except OSError as error:
            raise Lost(str(error)) from None

    def hear(self, seconds: float) -> list[Heard]:
        """Messages that have come, or come within a time [s]. Raises Lost."""
        if not self._poll.poll(1000 * seconds):
            return []
        try:
            more = self.socket.recv(LONGEST)
        except OSError as error:
            raise Lost(str(error)) from None
        t_ns = time.time_ns()
        *lines, self._rest = (self._rest + more).split(b"\n")
        if not more or len(self._rest) > LONGEST:
            raise Lost("the connection was closed" if not more else "it sends no messages")
        return [Heard(t_ns, _message(line)) for line in lines]

    def close(self) -> None:
        """Close it, whatever its state."""
        with contextlib.suppress(OSError):
            self.socket.close()


def _message(line: bytes) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Lost("it sends no messages")
    return said
