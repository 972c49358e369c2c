"""Speak SCPI with an instrument over the network, through PyVISA (extra `scpi`)."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any

from harness.core.errors import shorten
from harness.meters.base import Unavailable
from harness.meters.network.clients.deadline import PeerFailed

IDENTIFY = "*IDN?"
MAX_ANSWER_BYTES = 1 << 16
LINKS = ("socket", "vxi11")
DEFAULT_PORT = 5025
IDENTITY_FIELDS = ("maker", "model", "serial", "firmware")


@dataclass(slots=True)
class ScpiClient:
    """A connection to one instrument.

    Attributes:
        host: Name or address of the instrument.
        port: Its TCP port; not used by VXI-11.
        link: `socket` for a plain socket, `vxi11` for VXI-11.
        timeout_s: Longest time for one exchange [s].
        identity: Maker, model, serial number and firmware; empty before `open`.
    """

    host: str
    port: int
    link: str
    timeout_s: float
    identity: dict[str, str] = field(default_factory=dict)
    _resource: Any = field(default=None, repr=False)
    _failures: tuple[type[Exception], ...] = field(default=(OSError,), repr=False)

    def open(self) -> None:
        """Connect and identify.

        Raises:
            PeerFailed: The instrument does not answer.
            Unavailable: The packages pyvisa and pyvisa-py are not installed.
        """
        pyvisa = _library()
        self._failures = (pyvisa.Error, OSError, ValueError, EOFError)
        is_socket = self.link == "socket"
        suffix = f"{self.host}::{self.port}::SOCKET" if is_socket else f"{self.host}::INSTR"
        timeout_ms = round(self.timeout_s * 1000)
        try:
            self._resource = pyvisa.ResourceManager("@py").open_resource(
                f"TCPIP::{suffix}",
                open_timeout=timeout_ms,
                timeout=timeout_ms,
                read_termination="\n",
                write_termination="\n",
            )
        except self._failures as error:
            raise PeerFailed(f"no connection ({type(error).__name__})") from None
        words = self.ask(IDENTIFY).split(",")
        if len(words) < 3:
            raise PeerFailed("no answer to *IDN? as an instrument gives it")
        self.identity = {
            name: shorten(word.strip(), 40)
            for name, word in zip(IDENTITY_FIELDS, words, strict=False)
        }

    def close(self) -> None:
        """Close the connection."""
        if self._resource is not None:
            with contextlib.suppress(*self._failures):
                self._resource.close()
            self._resource = None

    def write(self, command: str) -> None:
        """Send a command.

        Raises:
            PeerFailed: The connection is broken.
        """
        try:
            self._resource.write(command)
        except self._failures as error:
            raise PeerFailed(f"no connection ({type(error).__name__})") from None

    def ask(self, query: str) -> str:
        """Send a query and return its answer.

        Raises:
            PeerFailed: The instrument does not answer.
        """
        if self._resource is None:
            raise PeerFailed("no connection")
        begun_s = time.monotonic()
        try:
            text = str(self._resource.query(query))
        except ConnectionError as error:  # PyVISA connects with the first query
            raise PeerFailed(f"no connection ({type(error).__name__})") from None
        except self._failures as error:
            raise PeerFailed(
                f"no answer within {self.timeout_s:g} s ({type(error).__name__})"
            ) from None
        if time.monotonic() - begun_s > self.timeout_s:  # PyVISA bounds each wait, not their sum
            raise PeerFailed(f"no whole answer within {self.timeout_s:g} s")
        return text[:MAX_ANSWER_BYTES].strip()


def _library() -> Any:
    """Import PyVISA, whose backend in Python needs no driver of a maker."""
    try:
        import pyvisa
        import pyvisa_py  # noqa: F401
    except ImportError:
        raise Unavailable(
            "the packages pyvisa and pyvisa-py are not installed",
            where="scpi",
            fix="pip install 'joulemark[scpi]'",
        ) from None
    return pyvisa
