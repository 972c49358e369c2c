"""What all network meters share: they are polled, and may be slow, stale, wrong or gone.

A meter of one protocol says how to connect and how to fetch numbers. Everything else is here:

1. The device is asked on our own clock, twice in each of its refresh intervals at most.
2. A number that was seen before is no new reading: one with the device's stamp of the last, or,
   without stamps, one of the same value before a refresh interval has passed.
3. The journal keeps two stamps: the device's, as the time of the reading, and our own monotonic
   clock. A device whose clock is far off does not stamp; its stamps only show repeats.
4. A peer that does not answer, answers too late or answers nonsense gives a gap with the reason,
   and is connected to anew. It never gives a zero.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.core.timestamps import NS
from harness.meters.base import Note, NoteKind, ReadFailed, Reading, Unavailable, whole_read
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.device_map import DeviceMap, MapChannel, built_in_maps, find_map
from harness.meters.network.points import Fetched, Point, Sample, reading_fault, rounded_up
from harness.meters.topology import Subject
from harness.traces.calibration import pseudonym
from harness.traces.channel import Accuracy, Channel

DEFAULT_TIMEOUT_S = 3.0
POLLS_PER_REFRESH = 2
MIN_POLL_S = 0.02
NEARLY = 0.9
"""Share of a refresh interval after which an unchanged value counts as a new reading."""
MAX_EARLY_S, MAX_LATE_S = 5.0, 30.0
"""How far a device's clock may be off before its stamps are not used [s]."""


@dataclass(slots=True)
class _Last:
    """The last reading of a point: what a repeat is recognised by."""

    value: float
    stamp_ns: int | None
    mono_ns: int


class NetworkMeter:
    """Base of the meters of `harness.meters.network.adapters`.

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
        self._connected = False
        self._stamps_used = True
        self._due_ns = 0
        self._last: dict[str, _Last] = {}

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

    # --- the contract of a meter

    def probe(self) -> Sequence[Channel]:
        """Return the channels of the device that have a value now.

        Raises:
            Unavailable: The device cannot be reached, is of an unknown kind, or gives no value.
        """
        self.notes, self.points, self._last, self._due_ns = [], [], {}, 0
        try:
            self._connect()
            self.map = self.map or self._detected()
            self._setup()
            points = list(self._expanded(self.map))
            fetched = self.fetch(points)
            offset_s = self._clock_offset_s(fetched)
        except PeerFailed as error:
            self.close()
            raise Unavailable(
                f"the device cannot be read: {error}",
                where=f"{self.protocol}, port {self.address.port}",
                fix=self.remedy,
            ) from None
        except JoulemarkError:
            self.close()
            raise
        self.points = self._with_values(points, fetched)
        self._judge_clock(offset_s)
        return [self._channel(point, offset_s) for point in self.points]

    def read(self) -> Sequence[Reading]:
        """Return the readings that are new; none while the next poll is not due.

        Raises:
            ReadFailed: The device does not answer.
        """
        now_ns, poll_ns = time.monotonic_ns(), round(self._poll_s() * NS)
        if now_ns < self._due_ns:
            return ()
        self._due_ns = max(self._due_ns, now_ns - poll_ns) + poll_ns  # at even times, on average
        try:
            self._connect()
            fetched = self.fetch(self.points)
        except PeerFailed as error:
            self.close()
            raise ReadFailed(str(error)) from None
        readings = [
            reading
            for point in self.points
            for reading in self._new_readings(point, fetched.get(point.id, "no answer"), now_ns)
        ]
        return whole_read(readings) if readings else ()

    def close(self) -> None:
        """Let go of the device."""
        if self._connected:
            self._connected = False
            self.disconnect()

    def configuration(self) -> dict[str, Any]:
        """Return what the record states of the meter: which device, how it was read; no secret."""
        shown = self.map
        return {
            "protocol": self.protocol,
            "host": self.address.host if self._show_host else f"host-{self.address.alias}",
            "port": self.address.port,
            "device": shown.name if shown else "",
            "map_sha256": shown.sha256 if shown else "",
            "map_source": shown.source if shown else "",
            "identity": {key: text for key, text in self.identity.items() if key != "serial"},
            "refresh_s": self._shortest_refresh_s(),
            "timeout_s": self.timeout_s,
            "stamps": "device" if self._stamps_used and not self.pushes else "own",
        }

    # --- probing

    def _connect(self) -> None:
        if not self._connected:
            self._connected = True  # from here on there may be something to close
            self.connect()

    def _setup(self) -> None:
        """Prepare the device, if the map says how."""

    def _detected(self) -> DeviceMap:
        """Return the map of the connected device.

        Raises:
            UsageError: No map fits.
        """
        maps = built_in_maps(self.protocol)
        for device_map in maps.values():
            if self.recognises(device_map):
                return device_map
        raise UsageError(
            "the device is of a kind that is not built in",
            where=f"{self.protocol}:device",
            got=shorten("; ".join(self.identity.values()) or "a device that does not say"),
            expected="device=" + " or ".join(maps) if maps else "map=FILE.yaml",
            fix="For any other device, write a map and name it: map=FILE.yaml "
            f"(docs/reference/meters/{self.protocol}.md).",
        )

    def _expanded(self, device_map: DeviceMap) -> Iterator[Point]:
        """Yield the numbers to read, as far as the user wants them.

        Raises:
            UsageError: The user wants a channel that the device does not have.
        """
        points = [
            Point(item.id + suffix, item, read)
            for item in device_map.channels
            for suffix, read in self.expand(item)
        ]
        ids = [point.id for point in points]
        unknown = [id_ for id_ in self._only if id_ not in ids]
        if unknown:
            raise UsageError(
                "no such channel",
                where=f"{self.protocol}:only",
                got=shorten(", ".join(unknown)),
                expected=shorten(", ".join(ids), 400) or "a device that measures something",
            )
        for point in points:
            if not self._only or point.id in self._only:
                yield point

    def _with_values(self, points: Sequence[Point], fetched: Fetched) -> list[Point]:
        """Return the points that have a value; the others are noted.

        Raises:
            Unavailable: None has one.
        """
        usable = []
        for point in points:
            answer = fetched.get(point.id, "no answer")
            fault = answer if isinstance(answer, str) else ""
            if not fault and not answer:
                fault = "no value"
            if not isinstance(answer, str) and answer:
                fault = reading_fault(point.item, answer[-1].value)
            if fault:
                self.notes.append(Note(NoteKind.REMARK, point.id, f"is left out: {fault}"))
            else:
                usable.append(point)
        if not usable:
            raise Unavailable(
                "the device gives no value",
                where=f"{self.protocol}, port {self.address.port}",
                got=shorten("; ".join(f"{note.channel} {note.message}" for note in self.notes)),
                fix="See which channels it has: joulemark meters --probe; or write a map.",
            )
        return usable

    def _clock_offset_s(self, fetched: Fetched) -> float | None:
        """Return our time less that of the device [s]; None where it does not stamp."""
        stamps = [
            sample.stamp_ns
            for answer in fetched.values()
            if not isinstance(answer, str)
            for sample in answer[-1:]
            if sample.stamp_ns is not None
        ]
        if not stamps:
            return None
        before_ns = time.time_ns()
        device_ns = self.device_time_ns()
        middle_ns = (before_ns + time.time_ns()) // 2
        return (middle_ns - (max(stamps) if device_ns is None else device_ns)) / NS

    def _judge_clock(self, offset_s: float | None) -> None:
        """Decide whether the device's stamps are the times of the readings."""
        if offset_s is None:
            self._stamps_used = False
            return
        self._stamps_used = -MAX_EARLY_S <= offset_s <= MAX_LATE_S + self._shortest_refresh_s()
        if not self._stamps_used:
            self.notes.append(
                Note(
                    NoteKind.REMARK,
                    self.protocol,
                    f"the device's clock is {offset_s:+.0f} s off, so our own clock stamps its "
                    "readings; set its clock by NTP",
                )
            )

    def _channel(self, point: Point, offset_s: float | None) -> Channel:
        item, refresh_s = point.item, self._refresh_of(point)
        boundary = self._boundary or item.boundary
        ids = {peer.id for peer in self.points}
        averages = item.averaging_s is not None and item.averaging_s > refresh_s
        return Channel(
            id=point.id,
            quantity=item.quantity,
            unit="J" if item.quantity == "energy" else "W",
            kind=item.kind,
            boundary=boundary,
            part_of=item.part_of if item.part_of in ids else None,
            meter=item.instrument,
            calibration_id=self._calibration_id(point),
            accuracy=self._accuracy(point),
            nominal_interval_s=refresh_s,
            clock="device" if self._stamps_used and not self.pushes else "system",
            clock_error_s=self._clock_error_s(offset_s, refresh_s),
            current=item.current,
            counter_modulus_j=item.modulus_j,
            resolution=item.quantum,
            update_interval_s=self._update_s(point) if item.kind == "counter" else None,
            stamp_lag_s=self._lag_s(item) or None,
            averaging_s=item.averaging_s if averages else None,
            extra=self._subject(point, boundary).header(),
        )

    def _accuracy(self, point: Point) -> Accuracy:
        """Return the limits of error of a channel."""
        return point.item.accuracy

    def _subject(self, point: Point, boundary: str) -> Subject:
        """Return what a channel measures: all of what the user named, or a share of it."""
        ids = {peer.id for peer in self.points}
        beside = [peer for peer in self.points if peer.item.boundary == point.item.boundary]
        is_share = len(beside) > 1 or point.item.part_of in ids
        instance = self._measures
        if instance and is_share:
            instance = f"{instance}:{point.id}"
        return Subject(boundary, instance, self.protocol, point.id)

    def _calibration_id(self, point: Point) -> str:
        """Return what tells this sensor from others: its serial number, or its address."""
        serial = self.identity.get("serial")
        device = pseudonym(serial) if serial else self.address.alias
        return f"{self.protocol}:{point.id}@{device}"

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
        is_polled = not self._stamps_used and not self.pushes and item.kind != "counter"
        return item.lag_s + (self._poll_s() / 2 if is_polled else 0.0)

    def _stamp_age_s(self, refresh_s: float) -> float:
        """Return how old the stamp may be that showed the offset of the device's clock [s]."""
        return refresh_s

    # --- reading

    def _refresh_of(self, point: Point) -> float:
        """Return the time between two updates of a number [s]."""
        return self._refresh_s or point.item.refresh_s

    def _shortest_refresh_s(self) -> float:
        return min(map(self._refresh_of, self.points), default=self._refresh_s or 1.0)

    def _poll_s(self) -> float:
        return max(MIN_POLL_S, self._shortest_refresh_s() / POLLS_PER_REFRESH)

    def _new_readings(
        self, point: Point, answer: Sequence[Sample] | str, now_ns: int
    ) -> Iterator[Reading]:
        """Yield the readings of a point, without repeats."""
        if isinstance(answer, str):
            yield Reading(point.id, math.nan, fault=answer)
            return
        for sample in answer:
            if self._is_repeat(point, sample, now_ns):
                continue
            self._last[point.id] = _Last(sample.value, sample.stamp_ns, now_ns)
            t_ns = sample.stamp_ns if self._stamps_used else None
            fault = reading_fault(point.item, sample.value)
            value = math.nan if fault else sample.value * point.item.scale
            yield Reading(point.id, value, t_ns, fault)

    def _is_repeat(self, point: Point, sample: Sample, now_ns: int) -> bool:
        last = self._last.get(point.id)
        if last is None:
            return False
        if sample.stamp_ns is not None and last.stamp_ns is not None:
            return sample.stamp_ns <= last.stamp_ns
        age_s = (now_ns - last.mono_ns) / NS
        return sample.value == last.value and age_s < NEARLY * self._refresh_of(point)
