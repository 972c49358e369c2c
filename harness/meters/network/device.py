"""What all network meters are told and say: their options, and the channels of their numbers.

A meter of one protocol says how to connect and how to fetch numbers. The device's map says what
they are: kind, boundary, refresh, lag, quantum and limits of error; with how its clock was found,
that makes the channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from harness.meters.base import Note
from harness.meters.network import options
from harness.meters.network.device_map import DeviceMap, MapChannel, find_map
from harness.meters.network.points import Fetched, Point, rounded_up
from harness.meters.topology import Subject
from harness.traces.calibration import pseudonym
from harness.traces.channel import Accuracy, Channel

DEFAULT_TIMEOUT_S = 3.0
POLLS_PER_REFRESH = 2
MIN_POLL_S = 0.02
OWN_CLOCK_S = 0.01
"""Standard error of a stamp of this machine [s]; the window is of the same clock."""


class NetworkDevice:
    """A device, what it is asked for, and what its numbers are.

    Args:
        host: Name or address of the device.
        port: Its port; "" for that of the protocol.
        device: Name of a map that ships; "" to recognise the device.
        map: File with a map of the user's own.
        only: Ids of the channels to take, like `outlet-3+outlet-4`; "" for all.
        refresh: Time between two updates in the device [s]; "" for that of the map.
        timeout: Longest time for one exchange [s].
        boundary: Where the device measures, if not where the map says.
        measures: Name of what is measured, like `node-1`: meters that measure the same thing at
            the same boundary count once.
        show_host: `yes` to state the host in the records instead of a pseudonym.

    Attributes:
        notes: What a user should know, once the meter was probed.
        simulated: Whether the readings are not those of a real device.
    """

    protocol: ClassVar[str]
    default_port: ClassVar[int]
    remedy: ClassVar[str] = "Check the address, the cable and whether the service is on."
    private_options: ClassVar[frozenset[str]] = frozenset({"host"})
    polls: ClassVar[bool] = True
    pushes: ClassVar[bool] = False
    """Whether the device sends by itself, so that our own clock stamps what arrives."""

    def __init__(
        self,
        host: str,
        port: str = "",
        device: str = "",
        map: str = "",
        only: str = "",
        refresh: str = "",
        timeout: str = "",
        boundary: str = "",
        measures: str = "",
        show_host: str = "",
    ) -> None:
        name = self.protocol
        self.simulated = False
        self.notes: list[Note] = []
        self.address = options.address(name, host, port, self.default_port)
        self.timeout_s = options.number(
            name, "timeout", timeout, DEFAULT_TIMEOUT_S, 0.05, options.MAX_TIMEOUT_S
        )
        self.map: DeviceMap | None = find_map(name, device, map)
        self.identity: dict[str, str] = {}
        self.points: list[Point] = []
        self._only = [part for part in only.split("+") if part]
        self._refresh_s = options.number(name, "refresh", refresh, 0.0, 0.01, 3600)
        self._boundary, self._measures = boundary, measures
        self._show_host = options.flag(name, "show_host", show_host)
        self._stamps_used = True

    # --- what a protocol defines

    def connect(self) -> None:
        """Connect to the device, and set `identity` to what it says of itself.

        Raises:
            PeerFailed: It cannot be reached.
        """
        raise NotImplementedError

    def disconnect(self) -> None:
        """Close the connection, whatever state it is in."""
        raise NotImplementedError

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return whether the connected device is of the kind that a map describes."""
        del device_map
        return False

    def expand(self, item: MapChannel) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the suffix of the id and the place of each number that a channel stands for."""
        yield "", item.read

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return the present numbers of some points.

        Raises:
            PeerFailed: The device does not answer; the next read connects again.
        """
        raise NotImplementedError

    def device_time_ns(self) -> int | None:
        """Return the present time of the device's clock [ns UTC]; None where it tells none."""
        return None

    # --- the channels

    def _channel(self, point: Point, offset_s: float | None) -> Channel:
        item, refresh_s = point.item, self._refresh_of(point)
        boundary = self._boundary or item.boundary
        averages = item.averaging_s is not None and item.averaging_s > refresh_s
        return Channel(
            id=point.id,
            quantity=item.quantity,
            unit="J" if item.quantity == "energy" else "W",
            kind=item.kind,
            boundary=boundary,
            part_of=self._parent(point),
            meter=item.instrument,
            calibration_id=self._calibration_id(point),
            accuracy=self._accuracy(point),
            nominal_interval_s=refresh_s,
            clock="device" if self._stamps_used and not self.pushes else "system",
            clock_error_s=self._stamp_error_s(item, offset_s, refresh_s),
            current=item.current,
            counter_modulus_j=item.modulus_j,
            resolution=item.quantum,
            update_interval_s=self._update_s(point) if item.kind == "counter" else None,
            stamp_lag_s=self._lag_s(item) or None,
            averaging_s=item.averaging_s if averages else None,
            extra=self._subject(point, boundary).header(),
        )

    def _parent(self, point: Point) -> str | None:
        """Return the id of the channel that contains one; None where none that is read does."""
        parent = point.item.part_of
        return parent if parent in {peer.id for peer in self.points} else None

    def _accuracy(self, point: Point) -> Accuracy:
        """Return the limits of error of a channel."""
        return point.item.accuracy

    def _subject(self, point: Point, boundary: str) -> Subject:
        """Return what a channel measures: all of what the user named, or a share of it."""
        beside = [peer for peer in self.points if peer.item.boundary == point.item.boundary]
        is_share = len(beside) > 1 or self._parent(point) is not None
        instance = self._measures
        if instance and is_share:
            instance = f"{instance}:{point.id}"
        return Subject(boundary, instance, self.protocol, point.id)

    def _calibration_id(self, point: Point) -> str:
        """Return what tells this sensor from others: its serial number, or its address."""
        serial = self.identity.get("serial")
        device = pseudonym(serial) if serial else self.address.alias
        return f"{self.protocol}:{point.id}@{device}"

    def _stamp_error_s(self, item: MapChannel, offset_s: float | None, refresh_s: float) -> float:
        """Return the standard error of the stamps of a number [s].

        A count that is polled is late by up to its update interval, which the budget takes already.
        """
        if item.kind == "counter" and self._is_polled():
            return OWN_CLOCK_S
        return self._clock_error_s(offset_s, refresh_s)

    def _is_polled(self) -> bool:
        """Return whether our own stamp says when a number was seen, not when it was made."""
        return not self._stamps_used and not self.pushes

    def _clock_error_s(self, offset_s: float | None, refresh_s: float) -> float:
        """Return the standard error of the stamps [s].

        Of a device's clock its offset from ours is known to within the age of the stamp that was
        compared. Our own stamp may be late by the time between two polls.
        """
        if self._stamps_used and offset_s is not None:
            bound_s = max(abs(offset_s), abs(offset_s - self._stamp_age_s(refresh_s)))
            return rounded_up(bound_s / math.sqrt(3))
        return self._poll_s() / math.sqrt(12)

    def _update_s(self, point: Point) -> float:
        """Return how late a count may be for its stamp [s].

        A device that stamps counts may count up to a refresh late. Where we stamp, the count is new
        at the stamp, up to the time between two polls: older ones are dropped as repeats.
        """
        refresh_s = self._refresh_of(point)
        return refresh_s if self._stamps_used else min(refresh_s, self._poll_s())

    def _lag_s(self, item: MapChannel) -> float:
        """Return how late the stamps of a number are in the mean [s].

        Our own stamp is later than the update by half of the time between two polls. For counters
        the budget takes that from the update interval.
        """
        is_late = self._is_polled() and item.kind != "counter"
        return item.lag_s + (self._poll_s() / 2 if is_late else 0.0)

    def _stamp_age_s(self, refresh_s: float) -> float:
        """Return how old the stamp may be that showed the offset of the device's clock [s]."""
        return refresh_s

    # --- times

    def _refresh_of(self, point: Point) -> float:
        """Return the time between two updates of a number [s]."""
        return self._refresh_s or point.item.refresh_s

    def _shortest_refresh_s(self) -> float:
        return min(map(self._refresh_of, self.points), default=self._refresh_s or 1.0)

    def _poll_s(self) -> float:
        return max(MIN_POLL_S, self._shortest_refresh_s() / POLLS_PER_REFRESH)
