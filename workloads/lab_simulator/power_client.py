"""The client on the system under test: it talks to the director's server, and keeps client.log.

Instants here are by the client's clock, which is LoadGen's; the log is in local time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from .clock import log_stamp, unix_s
from .files import sha1
from .power import MS
from .power_server import PowerServer

LATENCY_NS = 400_000
"""One way through the network [ns]."""
SOURCES = (
    "__init__.py",
    "client.py",
    "lib/client.py",
    "lib/common.py",
    "lib/server.py",
    "lib/time_sync.py",
    "server.py",
)


@dataclass
class Dialogue:
    """Client and server talking: their messages, and client.log. Instants are by the client's
    clock."""

    server: PowerServer
    offset_ns: int
    """The server's clock minus the client's."""
    log: list[str] = field(default_factory=list)
    client_messages: list[dict[str, object]] = field(default_factory=list)
    server_messages: list[dict[str, object]] = field(default_factory=list)

    def say(self, t_ns: int, text: str) -> None:
        self.log.append(f"client {log_stamp(t_ns, self.server.zone_h)} [INFO] {text}\n")

    def ask(self, t_ns: int, command: str) -> None:
        """The client sends a command."""
        self.say(t_ns, f"Sending command to the server: {command!r}")
        self._note(self.client_messages, "cmd", command, t_ns)
        at_server_ns = t_ns + LATENCY_NS + self.offset_ns
        self._note(self.server_messages, "cmd", command, at_server_ns)
        if not command.startswith("mlcommons"):
            self.server.say(at_server_ns, f"Got command from the client {command!r}")

    def reply(self, t_ns: int, reply: str) -> None:
        """The client gets the reply to its last command."""
        at_server_ns = t_ns - LATENCY_NS + self.offset_ns
        if not reply.startswith("mlcommons"):
            self.server.say(at_server_ns, f"Sending reply to client {reply!r}")
        self._note(self.server_messages, "reply", reply, at_server_ns)
        self._note(self.client_messages, "reply", reply, t_ns)
        self.say(t_ns, f"Got response: {reply!r}")

    def compare_clocks(self, t_ns: int) -> None:
        """Ask the server for its time, and note the span the difference must lie in."""
        server_ns = t_ns + LATENCY_NS + self.offset_ns
        back_ns = t_ns + 2 * LATENCY_NS
        self.ask(t_ns, "time")
        self.reply(back_ns, str(unix_s(server_ns)))
        low_ms, high_ms = (t_ns - server_ns) / MS, (back_ns - server_ns) / MS
        span = f"{low_ms:.3f} ms..{high_ms:.3f} ms"
        self.say(
            back_ns, f"The time difference between the client and the server is within range {span}"
        )

    def synchronise(self, t_ns: int) -> None:
        self.say(t_ns, "Synchronizing with the server and with ntp.example...")
        self.say(t_ns, "NTP:offset = 0.000 s, delay = 0.023 s ")
        self.compare_clocks(t_ns)

    @staticmethod
    def _note(messages: list[dict[str, object]], part: str, text: str, t_ns: int) -> None:
        if part == "cmd":
            messages.append({})
        messages[-1] |= {part: text, f"{part}_time": unix_s(t_ns)}

    def open_session(self, t_ns: int, uuids: Mapping[str, str]) -> int:
        """The handshake and a new session; returns when it is open."""
        session = self.server.session
        self.ask(t_ns, "mlcommons/power client v3")
        self.reply(t_ns + MS, "mlcommons/power server v3")
        self.synchronise(t_ns + 25 * MS)
        self.ask(t_ns + 28 * MS, f"new,,{uuids['client']}")
        self.reply(t_ns + 30 * MS, f"OK {session},{uuids['server']}")
        self.say(t_ns + 30 * MS, f"Session id is '{session}'")
        self.say(t_ns + 30 * MS, f"Sources: {json.dumps({'sources': sources()})}")
        return t_ns + 31 * MS


def sources() -> dict[str, str]:
    """Hashes of sources that were never run; they match no release of the real software."""
    return {path: sha1(f"simulated {path}") for path in SOURCES}
