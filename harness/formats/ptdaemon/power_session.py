"""Hold one power session of MLPerf: its two documents, and what was said to each PTDaemon.

A session is one conversation of MLPerf's director with one or more PTDaemons, which read an
analyzer each. It has two *modes*, each begun by a ``Go`` command: ``ranging`` finds the analyzer's
ranges, ``testing`` is what counts. Its logs are large; `Session.open` reads them for an audit.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from harness.core.errors import UnreadableError
from harness.core.numbers import stated_number
from harness.core.timestamps import from_mlperf
from harness.formats.ptdaemon.electric import Electric
from harness.traces.trace import Window

if TYPE_CHECKING:
    from harness.formats.ptdaemon.session_logs import SessionLogs

Mode = Literal["ranging", "testing"]
MODES: tuple[Mode, Mode] = ("ranging", "testing")
FOLDERS: Mapping[Mode, str] = {"ranging": "ranging", "testing": "run_1"}
"""Folder of each mode, below ``performance``."""

MAX_MESSAGES, MAX_ANALYZERS = 10_000, 64
"""At most so many messages and PTDaemons are looked at; real sessions have dozens, and six."""
MAX_PHASE_STAMP_S = 1e12


class Exchange(NamedTuple):
    """A command to the PTDaemon and its reply."""

    cmd: str
    reply: str


@dataclass(frozen=True, eq=False)
class Session:
    """A power session without its logs, which `open` reads.

    Attributes:
        directory: The folder ``performance``.
        server: The document ``server.json``.
        client: The document ``client.json``.
        values: Values of LoadGen's detail log, by mode.
        electric: What spl.txt states beside power, by mode.
        utc_shift_ns: Added to the stamps of LoadGen and of the PTDaemon to make them UTC [ns];
            they were local time in v1.0.
    """

    directory: Path
    server: Mapping[str, Any]
    client: Mapping[str, Any]
    values: Mapping[Mode, Mapping[str, Any]]
    electric: Mapping[Mode, Electric]
    utc_shift_ns: int = 0

    def open(self) -> SessionLogs:
        """Return its logs; those of the session that was opened before are let go."""
        return _open(self)

    @property
    def name(self) -> str:
        """Its name, as server.json states it; empty if it does not."""
        return str(self.server.get("session_name") or "")

    def mark(self, mode: Mode) -> str:
        """Return the mark that each reading of a mode carries."""
        return f"{self.name}_{mode}"

    def window(self, mode: Mode) -> Window | None:
        """Return power_begin to power_end of a mode, in UTC; ``None`` if one is no time."""
        return self._windows[mode]

    @functools.cached_property
    def _windows(self) -> Mapping[Mode, Window | None]:
        return {mode: self._window(mode) for mode in MODES}

    def _window(self, mode: Mode) -> Window | None:
        values = self.values.get(mode, {})
        try:
            begin_ns = from_mlperf(values.get("power_begin")) + self.utc_shift_ns
            end_ns = from_mlperf(values.get("power_end")) + self.utc_shift_ns
        except UnreadableError:
            return None
        return Window(begin_ns, end_ns)

    @functools.cached_property
    def exchanges(self) -> list[list[Exchange]]:
        """What was said to each PTDaemon, from ``Hello`` on: one list for each analyzer."""
        analyzers: list[list[Exchange]] = []
        for message in itertools.islice(self._messages(), MAX_MESSAGES):
            exchange = Exchange(str(message.get("cmd", "")), str(message.get("reply", "")))
            if exchange.cmd == "Hello" or not analyzers:
                analyzers.append([])
            analyzers[-1].append(exchange)
        return analyzers[:MAX_ANALYZERS]

    def _messages(self) -> Iterator[Mapping[str, Any]]:
        """Yield the messages of server.json: a list, a list of lists, or a mapping of lists."""
        stated = self.server.get("ptd_messages")
        if isinstance(stated, Mapping):
            stated = list(stated.values())
        for item in stated if isinstance(stated, list) else []:
            for message in item if isinstance(item, list) else [item]:
                if isinstance(message, Mapping):
                    yield message

    def configs(self) -> list[Mapping[str, Any]]:
        """Return how each PTDaemon was run: a mapping until 2024, a list of them since."""
        stated = self.server.get("ptd_config")
        items = stated if isinstance(stated, list) else [stated]
        return [item for item in items[:MAX_ANALYZERS] if isinstance(item, Mapping)]

    def phases(self, side: Literal["client", "server"], mode: Mode) -> list[tuple[float, float]]:
        """Return the stamps (wall, monotonic) [s] of a phase; none if they are no numbers."""
        document = self.client if side == "client" else self.server
        try:
            pairs = [
                (stated_number(wall), stated_number(mono))
                for wall, mono in document["phases"][mode]
            ]
        except (KeyError, TypeError, ValueError):
            return []
        stamps: list[tuple[float, float]] = []
        for wall_s, mono_s in pairs:
            if wall_s is None or mono_s is None:
                return []
            if max(abs(wall_s), abs(mono_s)) >= MAX_PHASE_STAMP_S:
                return []
            stamps.append((wall_s, mono_s))
        return stamps


def exchanges_of_mode(exchanges: Sequence[Exchange], mode: Mode) -> list[Exchange]:
    """Return what was said from the ``Go`` of a mode to the next ``Go``, or to the end."""
    positions = [k for k, exchange in enumerate(exchanges) if exchange.cmd.startswith("Go,")]
    for position in positions:
        if exchanges[position].cmd.endswith(f"_{mode}"):
            following = [other_go for other_go in positions if other_go > position]
            return list(exchanges[position : following[0] if following else len(exchanges)])
    return []


@functools.lru_cache(maxsize=1)
def _open(session: Session) -> SessionLogs:
    from harness.formats.ptdaemon.session_logs import SessionLogs

    return SessionLogs(session)
