"""Read analyzers and supplies by SCPI over the network (extra `scpi`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.core.errors import shorten
from harness.core.numbers import plain_number
from harness.meters.base import Note, NoteKind
from harness.meters.network import options
from harness.meters.network.clients.scpi import DEFAULT_PORT, LINKS, ScpiClient
from harness.meters.network.device_map import DeviceMap
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter
from harness.traces.channel import Accuracy
from harness.traces.instruments import instrument

WIDEST_V, WIDEST_A = 1000.0, 20.0
"""Ranges that are taken where an analyzer does not state its own [V, A]."""


class Scpi(NetworkMeter):
    """Power analyzers (Yokogawa WT300 and WT500) and supplies (Keysight) by SCPI over the network.

    An analyzer that is read so is no PTDaemon: MLPerf does not take its results.

    Args:
        link: `socket` for a plain socket, `vxi11` for instruments that speak VXI-11 (WT300, WT500).
        common: Options of every network meter.
    """

    protocol = "scpi"
    default_port = DEFAULT_PORT
    remedy = (
        "Check that remote control by Ethernet is on, and how it is linked: link=socket or "
        "link=vxi11. Most instruments take one connection."
    )

    def __init__(self, link: str = "", **common: Any) -> None:
        super().__init__(**common)
        link = options.choice(self.protocol, "link", link or LINKS[0], LINKS)
        self._client = ScpiClient(self.address.host, self.address.port, link, self.timeout_s)
        self._range_w: float | None = None

    def connect(self) -> None:
        """Connect, identify, and prepare the instrument as its map says.

        Raises:
            PeerFailed: The instrument does not answer.
            Unavailable: The packages pyvisa and pyvisa-py are not installed.
        """
        self._client.open()
        self.identity = dict(self._client.identity)
        if self.points:  # connected anew
            self._setup()

    def disconnect(self) -> None:
        """Close the connection."""
        self._client.close()

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return whether the identity is of the kind that a map describes."""
        text = ",".join(self.identity.values())
        return bool(device_map.matches and device_map.matches.search(text))

    def _setup(self) -> None:
        """Send the commands of the map, and read the ranges in use."""
        if self.map is None:
            return
        for command in self.map.setup:
            self._client.write(command)
        answers = [plain_number(self._client.ask(query)) for query in self.map.ranges]
        if self.map.ranges:
            volts, amps = answers[0] or WIDEST_V, answers[1] or WIDEST_A
            self._range_w = volts * amps
            if None in answers:
                self.notes.append(
                    Note(
                        NoteKind.REMARK,
                        self.protocol,
                        "the instrument does not state its ranges; its limits are those of the "
                        "widest",
                    )
                )

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return the present numbers; each query is sent once.

        Raises:
            PeerFailed: The instrument does not answer.
        """
        answers: dict[str, list[str]] = {}
        fetched: dict[str, Sequence[Sample] | str] = {}
        for point in points:
            query, field = str(point.read["query"]), int(point.read.get("field", 0))
            if query not in answers:
                answers[query] = self._client.ask(query).split(",")
            words = answers[query]
            value = plain_number(words[field]) if field < len(words) else None
            if value is None:
                fetched[point.id] = f"no number, but {shorten(','.join(words), 40)!r}"
            else:
                fetched[point.id] = [Sample(value)]
        return fetched

    def configuration(self) -> dict[str, Any]:
        """Return what the record states; an analyzer without a PTDaemon is marked as such."""
        return super().configuration() | {"link": self._client.link, "session": "scpi, no PTDaemon"}

    def _accuracy(self, point: Point) -> Accuracy:
        """Return the limits of an analyzer at the ranges in use."""
        if self._range_w is None:
            return point.item.accuracy
        return instrument(point.item.instrument).accuracy(range_w=self._range_w)


METER = Scpi
