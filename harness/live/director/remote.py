"""A director in this process, or on another machine: one command, one line of answer.

On another machine `joulemark director` waits for one client after the other. The commands are those
of MLPerf's own protocol; `download,<session>,<file>` returns a file of the director in base64.
"""

from __future__ import annotations

import base64
import binascii
import functools
import socket
from collections.abc import Callable
from typing import Protocol

from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.core.files import MAX_FILE_BYTES
from harness.live.director.package import DIRECTOR_FILES, director_files
from harness.live.director.power_server import PowerServer, SessionFailed
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.lines import LineClient

PORT = 4950
"""Port of MLPerf's director."""
ANSWER_S = 900.0
"""How long an answer may take [s]: a director sets ranges, settles and reads all samples."""
MAX_COMMAND_BYTES = 4096
ENCODED = "base64 "


class Director(Protocol):
    """What the system under test needs of a director."""

    def ask(self, command: str) -> str:
        """Return the answer to a command."""
        ...

    def files(self) -> dict[str, str]:
        """Return the director's files of the session that was done, by path."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class LocalDirector:
    """A director in this process.

    Args:
        server: Its side of the session.
    """

    def __init__(self, server: PowerServer) -> None:
        self._server = server

    def ask(self, command: str) -> str:
        """Return the answer to a command.

        Raises:
            SessionFailed: An analyzer does not do what it is told.
        """
        return self._server.handle(command)

    def files(self) -> dict[str, str]:
        """Return the director's files."""
        return director_files(self._server)

    def close(self) -> None:
        """Let go of the PTDaemons."""
        self._server.close()


class RemoteDirector:
    """A director on another machine.

    Args:
        place: HOST:PORT.

    Raises:
        JoulemarkError: It does not answer.
    """

    def __init__(self, place: str) -> None:
        host, _, port = place.rpartition(":")
        if not host or not port.isdigit():
            raise UsageError("is no address", where="--director", got=place, expected="HOST:PORT")
        limit = MAX_FILE_BYTES * 4 // 3 + len(ENCODED)
        self._lines = LineClient(host, int(port), ANSWER_S, max_line_bytes=limit)
        self._session = ""
        try:
            self._lines.open()
        except PeerFailed as error:
            raise _lost(error) from None

    def ask(self, command: str) -> str:
        """Return the answer to a command.

        Raises:
            SessionFailed: The director is gone.
        """
        words = command.split(",")
        if words[0] == "session":
            self._session = words[1]
        try:
            return self._lines.ask(command)
        except (PeerFailed, OSError) as error:
            raise _lost(error) from None

    def files(self) -> dict[str, str]:
        """Return the director's files.

        Raises:
            SessionFailed: One does not come whole.
        """
        return {path: self._download(path) for path in DIRECTOR_FILES}

    def _download(self, path: str) -> str:
        reply = self.ask(f"download,{self._session},{path}")
        try:
            return base64.b64decode(reply.removeprefix(ENCODED), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise SessionFailed(
                "the director does not send a file", where=path, got=shorten(reply, 60)
            ) from None

    def close(self) -> None:
        """Close the connection."""
        self._lines.close()


def _lost(error: Exception) -> SessionFailed:
    return SessionFailed(
        f"the director does not answer: {shorten(error)}",
        where="--director",
        fix="Start it on the machine with the analyzer: joulemark director --meter ptdaemon:...",
    )


def serve(
    listener: socket.socket, make_server: Callable[[], PowerServer], notify: Callable[[str], None]
) -> None:
    """Direct the session of one client, then return.

    Args:
        listener: Socket that listens.
        make_server: Makes the director's side of a session.
        notify: Called with a line for the user.

    Raises:
        JoulemarkError: A PTDaemon cannot be used.
    """
    connection, _ = listener.accept()
    server = make_server()
    files = functools.cache(lambda: director_files(server))
    notify("a client is connected")
    with connection, connection.makefile("rb") as lines:
        try:
            while line := lines.readline(MAX_COMMAND_BYTES):
                command = line.decode("utf-8", "replace").strip()
                reply = _answer(server, command, files, notify)
                connection.sendall(reply.encode() + b"\r\n")
        except OSError as error:
            notify(f"the client is lost: {error.strerror}")
        finally:
            server.close()
    notify(f"session {server.session or 'none'} has ended")


def _answer(
    server: PowerServer,
    command: str,
    files: Callable[[], dict[str, str]],
    notify: Callable[[str], None],
) -> str:
    """Return the answer to a command; a failure is said here, and there as an error.

    Args:
        server: The director's side of the session.
        command: What the client sent.
        files: Returns the director's files, the same each time: a PTDaemon writes to its log even
            after the session, and the hashes in server.json are those of one moment.
        notify: Called with a line for the user.
    """
    try:
        words = command.split(",")
        if words[0] != "download":
            return server.handle(command)
        is_own = len(words) == 3 and words[1] == server.session and words[2] in DIRECTOR_FILES
        if not is_own or not server.is_done:
            return "Error"
        return ENCODED + base64.b64encode(files()[words[2]].encode()).decode()
    except JoulemarkError as error:
        notify(str(error))
        return f"Error: {shorten(error.message, 200)}"
