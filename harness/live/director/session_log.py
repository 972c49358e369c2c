"""The two logs of a power session, and the messages that both sides keep."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

HELLO_CLIENT, HELLO_SERVER = "mlcommons/power client v3", "mlcommons/power server v3"
"""First message of a session and its answer: the version of MLPerf's protocol that is spoken."""


@dataclass(slots=True)
class SessionLog:
    """Lines of client.log or server.log: local time without a zone, as MLPerf's tools write it.

    Attributes:
        name: `client` or `ptd-server`.
        lines: The lines so far.
    """

    name: str
    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Append a line with the present time."""
        now_s = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now_s))
        self.lines.append(f"{self.name} {stamp},{int(now_s * 1000) % 1000:03d} [INFO] {text}\n")

    @property
    def text(self) -> str:
        """The whole log."""
        return "".join(self.lines)


@dataclass(slots=True)
class Messages:
    """Commands of the client and the answers to them, with the times on one side.

    Attributes:
        items: What client.json and server.json state.
    """

    items: list[dict[str, Any]] = field(default_factory=list)

    def command(self, text: str) -> None:
        """Note a command."""
        self.items.append({"cmd": text, "cmd_time": time.time()})

    def reply(self, text: str) -> None:
        """Note the answer to the last command."""
        self.items[-1] |= {"reply": text, "reply_time": time.time()}


def both_times() -> list[float]:
    """Return wall and monotonic time of this moment [s], as `phases` states them."""
    return [time.time(), time.monotonic()]


def timezone_s() -> int:
    """Return how far local time is behind UTC [s], as MLPerf's tools state it."""
    return -time.localtime().tm_gmtoff
