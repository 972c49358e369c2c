"""One connection between two ranks: lines of JSON both ways, each with its arrival time."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import time
from typing import Any, NamedTuple

from harness.core.errors import JoulemarkError

MAX_MESSAGE_BYTES = 1 << 16
"""No message is longer; a peer that sends more does not speak this protocol."""
KEEP_ALIVE = (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3))
"""A machine that lost power sends nothing: probe after 30 s of silence, give up a minute later."""


class PeerLost(JoulemarkError):
    """The peer closed the connection or does not speak this protocol."""


class Message(NamedTuple):
    """A received message.

    Attributes:
        t_ns: Arrival time [ns UTC].
        content: The JSON object that was sent.
    """

    t_ns: int
    content: dict[str, Any]


class Connection:
    """One end of a connection between two ranks."""

    def __init__(self, stream: socket.socket) -> None:
        self.socket = stream
        self._incomplete_line = b""
        self._poll = select.poll()
        self._poll.register(stream, select.POLLIN)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEP_ALIVE:
            if hasattr(socket, name):  # not on every system
                stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def fileno(self) -> int:
        """Return the descriptor, for `selectors`."""
        return self.socket.fileno()

    def send(self, **content: Any) -> None:
        """Send one message.

        Raises:
            PeerLost: The connection is broken.
        """
        try:
            self.socket.sendall(json.dumps(content).encode() + b"\n")
        except OSError as error:
            raise PeerLost(str(error)) from None

    def receive(self, seconds: float) -> list[Message]:
        """Return the messages that have arrived, or that arrive within a time [s].

        Raises:
            PeerLost: The connection was closed, or something else than messages arrived.
        """
        if not self._poll.poll(1000 * seconds):
            return []
        try:
            received = self.socket.recv(MAX_MESSAGE_BYTES)
        except OSError as error:
            raise PeerLost(str(error)) from None
        t_ns = time.time_ns()
        if not received:
            raise PeerLost("the connection was closed")
        *lines, self._incomplete_line = (self._incomplete_line + received).split(b"\n")
        if len(self._incomplete_line) > MAX_MESSAGE_BYTES:
            raise PeerLost("it sends no messages")
        return [Message(t_ns, _parse(line)) for line in lines]

    def close(self) -> None:
        """Close the connection, whatever its state."""
        with contextlib.suppress(OSError):
            self.socket.close()


def _parse(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise PeerLost("it sends no messages")
    return content
