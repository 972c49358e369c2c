"""Speak a protocol of text lines over TCP, like those of PTDaemon and of NUT."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from harness.meters.network.clients.deadline import PeerFailed, connect, deadline

MAX_LINE_BYTES = 1 << 16
"""A longer line is no answer to a question about power."""


@dataclass(slots=True)
class LineClient:
    """A connection that sends lines and receives lines.

    Attributes:
        host: Name or address of the peer.
        port: Its TCP port.
        timeout_s: Longest time for one exchange [s].
        line_end: What ends a line that is sent; on receipt, any line feed does.
        max_line_bytes: A longer line is no answer.
    """

    host: str
    port: int
    timeout_s: float
    line_end: bytes = b"\r\n"
    max_line_bytes: int = MAX_LINE_BYTES
    _socket: socket.socket | None = field(default=None, repr=False)
    _rest: bytes = field(default=b"", repr=False)

    def open(self) -> None:
        """Connect.

        Raises:
            PeerFailed: The peer cannot be reached.
        """
        self.close()
        self._socket = connect(self.host, self.port, self.timeout_s)

    def ask(self, line: str, timeout_s: float | None = None) -> str:
        """Send a line and return the line that answers it.

        Args:
            line: What to send.
            timeout_s: Longest time for the answer [s]; None for that of the connection.

        Raises:
            PeerFailed: No whole line came back in time.
        """
        with deadline(self._connected(), timeout_s or self.timeout_s):
            self.send(line)
            return self._receive()

    def lines(self, count: int, timeout_s: float | None = None) -> list[str]:
        """Return the next lines.

        Raises:
            PeerFailed: They did not come in time.
        """
        with deadline(self._connected(), timeout_s or self.timeout_s):
            return [self._receive() for _ in range(count)]

    def send(self, line: str) -> None:
        """Send a line.

        Raises:
            OSError: The connection is broken.
        """
        self._connected().sendall(line.encode("utf-8") + self.line_end)

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise PeerFailed("not connected")
        return self._socket

    def _receive(self) -> str:
        """Return the next line, without its end."""
        connection = self._connected()
        while b"\n" not in self._rest:
            if len(self._rest) > self.max_line_bytes:
                raise PeerFailed(f"a line of more than {self.max_line_bytes} bytes")
            chunk = connection.recv(65536)
            if not chunk:
                raise PeerFailed("the peer closed the connection")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")
