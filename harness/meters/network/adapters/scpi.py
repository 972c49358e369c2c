"""Read analyzers and supplies by SCPI over the network (extra `scpi`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from harness.core.errors import shorten
from harness.core.numbers import plain_number
from harness.meters.base import Note, NoteKind
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.scpi import DEFAULT_PORT, LINKS, ScpiClient
from harness.meters.network.clients.wiring import Wiring, parse_wiring
from harness.meters.network.device_map import DeviceMap, MapChannel
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter
from harness.traces.channel import Accuracy
from harness.traces.instruments import instrument

WIDEST_V, WIDEST_A = 1000.0, 20.0
"""Ranges that are taken where an analyzer does not state its own [V, A]."""
NO_RANGES = "the instrument does not state its ranges; its limits are those of the widest"
SUM = 0
"""Number of the element that stands for a sum, and for an instrument that has no elements."""
FIRST = 1
ELEMENT = "{element}"
"""What stands for the number of an element in a query of a map."""


class Scpi(NetworkMeter):
    """Power analyzers (Yokogawa WT300 and WT500) and supplies (Keysight) by SCPI over the network.

    The elements of an analyzer are read in one request, so that they have one time stamp. What
    their sum is of depends on how they are wired; an element that it lacks counts by itself.

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
        self._wiring: Wiring | None = None
        self._range_w: dict[int, float | None] = {}

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
        """Send the commands of the map, and ask how the elements are wired."""
        if self.map is None:
            return
        for command in self.map.setup:
            self._client.write(command)
        if self.map.wiring:
            self._wiring = parse_wiring(
                self._client.ask(self.map.wiring), self.identity.get("model", "")
            )

    def expand(self, item: MapChannel) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield a number, but for those that mean nothing as the elements are wired."""
        element, wiring = item.read.get("element"), self._wiring
        is_own_sum = element == SUM and wiring is not None and wiring.size < 2
        if is_own_sum:
            return  # each element is a feed of its own, and a sum that the meter does not make
        if element is not None and wiring is not None and element == wiring.meaningless:
            remark = "is left out: with three voltages and three currents it is no power of a feed"
            self.notes.append(Note(NoteKind.REMARK, item.id, remark))
            return
        yield "", item.read

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
        return super().configuration() | {
            "link": self._client.link,
            "session": "scpi, no PTDaemon",
            "wiring": self._wiring.text if self._wiring else "",
        }

    def _parent(self, point: Point) -> str | None:
        """Return what contains a channel: the sum, if the wiring sums the element up."""
        element, wiring = point.read.get("element"), self._wiring
        is_apart = bool(element) and wiring is not None and element not in wiring.elements
        return None if is_apart else super()._parent(point)

    def _with_values(self, points: Sequence[Point], fetched: Fetched) -> list[Point]:
        """Return the points that have a value, once the ranges of their elements are known."""
        usable = super()._with_values(points, fetched)
        self._range_w = {}
        if self.map is None or not self.map.ranges:
            return usable
        elements = {int(point.read.get("element", SUM)) for point in usable}
        try:
            self._read_ranges(self.map.ranges, elements)
        except PeerFailed:
            self._range_w = dict.fromkeys(elements)
        if None in self._range_w.values():
            self.notes.append(Note(NoteKind.REMARK, self.protocol, NO_RANGES))
        return usable

    def _read_ranges(self, queries: Sequence[str], elements: Set[int]) -> None:
        """Ask for the ranges of some elements; that of a sum is the sum of theirs.

        Raises:
            PeerFailed: The instrument does not answer.
        """
        present = elements - {SUM}
        summed: Set[int] = set()
        if SUM in elements:
            summed = set(self._wiring.elements) if self._wiring else present or {FIRST}
        ranges_w = {
            element: self._asked_range_w(queries, element) for element in sorted(present | summed)
        }
        self._range_w = {element: ranges_w[element] for element in present}
        if summed:
            stated_w = [range_w for k in summed if (range_w := ranges_w[k]) is not None]
            self._range_w[SUM] = sum(stated_w) if len(stated_w) == len(summed) else None

    def _asked_range_w(self, queries: Sequence[str], element: int) -> float | None:
        """Return voltage range times current range of an element [W]; None where unknown.

        Raises:
            PeerFailed: The instrument does not answer.
        """
        answers = [self._client.ask(query.replace(ELEMENT, str(element))) for query in queries]
        volts, amps = map(plain_number, answers)
        return volts * amps if volts and amps else None

    def _accuracy(self, point: Point) -> Accuracy:
        """Return the limits of an analyzer at the ranges in use."""
        if not self._range_w:
            return point.item.accuracy
        element = int(point.read.get("element", SUM))
        range_w = self._range_w.get(element)
        if range_w is None:
            count = self._wiring.size if self._wiring and element == SUM else 1
            range_w = count * WIDEST_V * WIDEST_A
        return instrument(point.item.instrument).accuracy(range_w=range_w)


METER = Scpi
