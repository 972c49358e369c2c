"""Read a UPS through the server of Network UPS Tools."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from harness.core.errors import UsageError, shorten
from harness.core.numbers import plain_number
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.lines import LineClient
from harness.meters.network.device_map import DeviceMap
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter

MAX_LINES = 2000
IDENTITY = {
    "maker": "ups.mfr",
    "model": "ups.model",
    "firmware": "ups.firmware",
    "serial": "ups.serial",
}


class Nut(NetworkMeter):
    """A UPS through Network UPS Tools (upsd): real power, or its load in percent.

    A percentage of the rated power is the last resort: it knows neither the power factor nor
    anything finer than 1 % of the rating. While the UPS charges its battery, its input is more.

    Args:
        ups: Name of the UPS; by default the only one.
        user: Name to log in with, where the server demands it. The password is in
            JOULEMARK_NUT_PASSWORD or a file.
        password_file: File of mode 0600 that holds the password.
        common: Options of every network meter.
    """

    protocol = "nut"
    default_port = 3493
    remedy = "Check that upsd listens there (LISTEN in upsd.conf): upsc -l HOST"

    def __init__(
        self, ups: str = "", user: str = "", password_file: str = "", **common: Any
    ) -> None:
        super().__init__(**common)
        self.ups, self.user = ups, user
        self._password = options.secret(self.protocol, "password", password_file)
        self._client = LineClient(self.address.host, self.address.port, self.timeout_s, b"\n")

    def connect(self) -> None:
        """Connect, log in, and find the UPS.

        Raises:
            PeerFailed: The server does not answer.
            UsageError: There are several UPSs, or there is none of that name.
        """
        self._client.open()
        if self.user:
            for line in (f"USERNAME {self.user}", f"PASSWORD {self._password}"):
                reply = self._client.ask(line)
                if reply != "OK":
                    raise PeerFailed(f"the login is refused: {shorten(reply, 40)}")
        names = [words[1] for words in self._list("UPS") if len(words) > 1]
        if not self.ups and len(names) == 1:
            self.ups = names[0]
        if self.ups not in names:
            raise UsageError(
                "no such UPS" if self.ups else "several UPSs",
                where="nut:ups",
                got=self.ups or str(len(names)),
                expected="ups=" + " or ".join(names) if names else "a server with a UPS",
            )
        variables = self._variables()
        self.identity = {
            name: shorten(variables[variable], 60)
            for name, variable in IDENTITY.items()
            if variables.get(variable)
        }

    def disconnect(self) -> None:
        """Close the connection."""
        self._client.close()

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return whether the UPS has one of the variables of a map."""
        variables = self._variables()
        return any(str(item.read["variable"]) in variables for item in device_map.channels)

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return the present values of all variables.

        Raises:
            PeerFailed: The server does not answer, or has lost the UPS.
        """
        variables = self._variables()
        fetched: dict[str, Sequence[Sample] | str] = {}
        for point in points:
            variable = str(point.read["variable"])
            value = plain_number(variables.get(variable, ""))
            nominal = plain_number(variables.get(str(point.read.get("nominal", "")), ""))
            if value is None:
                fetched[point.id] = f"the UPS does not state {variable}"
            elif "nominal" not in point.read:
                fetched[point.id] = [Sample(value)]
            elif nominal is None:
                fetched[point.id] = f"the UPS does not state {point.read['nominal']}"
            else:
                fetched[point.id] = [Sample(value / 100 * nominal)]
        return fetched

    def _variables(self) -> dict[str, str]:
        """Return all variables of the UPS.

        Raises:
            PeerFailed: The server does not answer, or its readings are stale.
        """
        rows = self._list(f"VAR {self.ups}")
        return {words[2]: words[3] for words in rows if len(words) > 3}

    def _list(self, subject: str) -> list[list[str]]:
        """Return the rows of a list, split into words.

        Raises:
            PeerFailed: The server does not answer with a list.
        """
        reply = self._client.ask(f"LIST {subject}")
        if reply.startswith("ERR"):
            raise PeerFailed(f"the server answers {shorten(reply, 60)}")
        if reply != f"BEGIN LIST {subject}":
            raise PeerFailed(f"not the protocol of NUT: {shorten(repr(reply), 40)}")
        rows: list[list[str]] = []
        while (line := self._client.lines(1)[0]) != f"END LIST {subject}":
            if len(rows) >= MAX_LINES:
                raise PeerFailed(f"a list of more than {MAX_LINES} lines")
            try:
                rows.append(shlex.split(line))
            except ValueError:
                raise PeerFailed(f"not the protocol of NUT: {shorten(repr(line), 40)}") from None
        return rows


METER = Nut
