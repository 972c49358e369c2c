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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.core.timestamps import NS
from harness.meters.base import Note, NoteKind, ReadFailed, Reading, Unavailable, whole_read
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.device import NetworkDevice
from harness.meters.network.device_map import DeviceMap, built_in_maps
from harness.meters.network.points import Fetched, Point, Sample, reading_fault
from harness.traces.channel import Channel

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


class NetworkMeter(NetworkDevice):
    """Base of the meters of `harness.meters.network.adapters`; see `NetworkDevice` for options."""

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self._connected = False
        self._due_ns = 0
        self._last: dict[str, _Last] = {}

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
        except JoulemarkError as error:  # it came back as another device than it was
            self.close()
            raise ReadFailed(error.message) from None
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
                    f"the device's clock is {abs(offset_s):.0f} s "
                    f"{'behind' if offset_s > 0 else 'ahead of'} ours, so our own clock stamps "
                    "its readings; set its clock by NTP",
                )
            )

    # --- reading

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
