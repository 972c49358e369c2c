"""One connection between two ranks: lines of JSON both ways, each with its arrival time.

Nothing here waits without a bound. A message that is under way when the network fails is given up
by the kernel after `SILENCE_LIMIT_S`, and a peer that sends nothing for so long is lost.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import select
import socket
import threading
import time
from typing import Any, NamedTuple

from harness.core.errors import JoulemarkError

MAX_MESSAGE_BYTES = 1 << 18
"""No message is longer; a peer that sends more does not speak this protocol."""
CHUNK_BYTES = 1 << 16
"""Largest piece that is received at once."""
SILENCE_LIMIT_S = 30.0
"""A peer that is not heard of for so long is lost [s]."""
HEARTBEAT_S = 5.0
"""Time between two signs of life [s]."""
FAREWELL_S = 10.0
"""How long a last message may be on its way to a peer that goes on [s]."""
FAREWELL_AFTER_ERROR_S = 1.0
"""The same where the run has failed: the peer may be stopped, or its network cut [s]."""


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
    """One end of a connection between two ranks.

    Attributes:
        socket: The stream.
        last_heard_s: When something last arrived, by the monotonic clock [s].
    """

    def __init__(self, stream: socket.socket) -> None:
        self.socket = stream
        self.last_heard_s = time.monotonic()
        self._incomplete_line = b""
        self._send_lock = threading.Lock()
        self._poll = select.poll()
        self._poll.register(stream, select.POLLIN)
        stream.settimeout(SILENCE_LIMIT_S)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _kernel_limits():
            if hasattr(socket, name):  # not on every system
                stream.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def fileno(self) -> int:
        """Return the descriptor, for `selectors`."""
        return self.socket.fileno()

    def send(self, **content: Any) -> None:
        """Send one message.

        Raises:
            PeerLost: The connection is broken, or the peer accepts nothing.
        """
        line = json.dumps(content).encode() + b"\n"
        try:
            with self._send_lock:
                self.socket.sendall(line)
        except OSError as error:
            raise PeerLost(str(error)) from None

    def receive(self, seconds: float) -> list[Message]:
        """Return the messages that have arrived, or that arrive within a time [s].

        Signs of life are taken out.

        Raises:
            PeerLost: The connection was closed, or something else than messages arrived.
        """
        if not self._poll.poll(1000 * seconds):
            return []
        try:
            received = self.socket.recv(CHUNK_BYTES)
        except OSError as error:
            raise PeerLost(str(error)) from None
        t_ns = time.time_ns()
        if not received:
            raise PeerLost("the connection was closed")
        self.last_heard_s = time.monotonic()
        *lines, self._incomplete_line = (self._incomplete_line + received).split(b"\n")
        if len(self._incomplete_line) > MAX_MESSAGE_BYTES:
            raise PeerLost("it sends no messages")
        messages = [Message(t_ns, _parse(line)) for line in lines]
        return [message for message in messages if "alive" not in message.content]

    def check_silence(self) -> None:
        """Check that the peer shows life. Call it only after what had arrived was received.

        Raises:
            PeerLost: Nothing arrived for `SILENCE_LIMIT_S`.
        """
        silence_s = time.monotonic() - self.last_heard_s
        if silence_s > SILENCE_LIMIT_S:
            raise PeerLost(
                f"it has been silent for {silence_s:.0f} s: it is stopped, or its network is cut"
            )

    def end_sending(self) -> None:
        """Tell the peer that no further message comes; what it sends can still be received."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def await_close(self, end_s: float) -> None:
        """Wait until the peer closes the connection too, and drop what it still sends.

        A connection that is closed before is reset by whatever arrives later, and a reset takes
        messages from the peer that it has not read yet.

        Args:
            end_s: How long to wait, by the monotonic clock [s].
        """
        with contextlib.suppress(PeerLost):
            while (left_s := end_s - time.monotonic()) > 0:
                self.receive(left_s)

    def close(self) -> None:
        """Close the connection, whatever its state."""
        with contextlib.suppress(OSError):
            self.socket.close()


def _kernel_limits() -> list[tuple[str, int]]:
    """Return the options by which the kernel gives up a peer after `SILENCE_LIMIT_S`.

    The first is for data that nobody acknowledges, the others are for an idle connection.
    """
    third_s = max(1, round(SILENCE_LIMIT_S / 3))
    return [
        ("TCP_USER_TIMEOUT", round(1000 * SILENCE_LIMIT_S)),
        ("TCP_KEEPIDLE", third_s),
        ("TCP_KEEPINTVL", third_s),
        ("TCP_KEEPCNT", 2),
    ]


def _parse(line: bytes) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise PeerLost("it sends no messages")
    return content


def proof(token: str, role: str, challenge: object, statement: object) -> str:
    """Return what only a holder of the token can compute; the token itself is never sent.

    Args:
        token: The secret of the job.
        role: Who proves it, so that a proof cannot be sent back.
        challenge: Random text that the peer sent.
        statement: What is said together with the proof.
    """
    text = json.dumps([role, str(challenge), statement], sort_keys=True)
    return hmac.new(token.encode(), text.encode(), hashlib.sha256).hexdigest()


def is_proof(claimed: object, expected: str) -> bool:
    """Return whether a peer's proof is right, in constant time and for any bytes."""
    text = claimed if isinstance(claimed, str) else ""
    return hmac.compare_digest(text.encode("utf-8", "surrogatepass"), expected.encode())


class Heartbeat:
    """Sends signs of life on some connections, from a thread, until it is stopped.

    A process that is stopped sends none, so its peers notice; one that reads a long journal does.

    Args:
        connections: Returns the connections at the moment.
    """

    def __init__(self, connections: Any) -> None:
        self._connections = connections
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="heartbeat")
        self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(HEARTBEAT_S):
            for connection in self._connections():
                with contextlib.suppress(PeerLost):  # whoever receives finds out
                    connection.send(alive=1)

    def stop(self) -> None:
        """End the thread; it may still finish a message."""
        self._ended.set()
