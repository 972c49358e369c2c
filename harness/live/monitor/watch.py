"""Watch meters without recording a run: power now, energy so far, and what adds up.

One thread reads each meter on a schedule. The readings of the last minute are kept and checked
like those of a run (`harness.live.sensors.checks`), so a counter that stands still or a platform
that is not wired is named here too, and does not count.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.live.monitor.tally import Tally
from harness.live.recording import with_unique_id
from harness.live.sensors.announcement import announcement
from harness.live.sensors.checks import CheckedSensors, check_sensors
from harness.meters.arrangement import arrange, placed
from harness.meters.base import Meter, ReadFailed, Reading
from harness.meters.registry import make
from harness.meters.sampler import check_interval
from harness.meters.sampler_process import MeterRequest, unique_names
from harness.traces.channel import Channel
from harness.traces.clean import build_trace
from harness.traces.trace import Trace

KEPT_S = 60.0
"""Readings of so much time are kept, to check the sensors against each other [s]."""
MIN_CHECKED_S = 3.0
"""A shorter time does not show whether a counter stands still [s]."""
JOIN_S = 2.0
"""How long to wait for a read in progress when watching ends [s]."""


@dataclass(slots=True)
class _Watched:
    """One channel while it is watched.

    Attributes:
        meter: Name of its meter; of two alike the second is `name-2`.
        tally: Its running figures.
        kept: Stamps [ns UTC] and values of the last minute.
        failures: Reads that failed.
        fault: Why the last read failed; "" if it did not.
    """

    meter: str
    tally: Tally
    kept: deque[tuple[int, float]] = field(default_factory=deque)
    failures: int = 0
    fault: str = ""

    def take(self, t_ns: int, reading: Reading) -> None:
        """Take one reading."""
        if math.isnan(reading.value):
            self.fail(reading.fault or "no value")
            return
        self.fault = ""
        if self.tally.add(t_ns, reading.value):
            self.kept.append((t_ns, reading.value))
            while t_ns - self.kept[0][0] > KEPT_S * NS:
                self.kept.popleft()

    def fail(self, fault: str) -> None:
        """Note a read that failed."""
        self.failures += 1
        self.fault = fault
        self.tally.lose()

    def trace(self) -> Trace:
        """Return the readings of the last minute."""
        t_ns = np.array([stamp for stamp, _ in self.kept], np.int64)
        values = np.array([value for _, value in self.kept], np.float64)
        return build_trace(self.tally.channel, t_ns, values)


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A channel at one moment.

    Attributes:
        channel: The channel, placed in the tree: `part_of` names the one that contains it.
        meter: Name of its meter.
        power_w: Power now [W]; None where there is none.
        energy_j: Energy since watching began [J]; None where the readings show none.
        lost_s: Time for which its energy is not known [s].
        t_ns: Stamp of the last reading [ns UTC]; None before the first.
        failures: Reads that failed.
        counts: Whether it is one of the channels that are summed.
        fault: Why it has no power now, or does not count; "" otherwise.
    """

    channel: Channel
    meter: str
    power_w: float | None
    energy_j: float | None
    lost_s: float
    t_ns: int | None
    failures: int
    counts: bool
    fault: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All channels at one moment.

    Attributes:
        channels: The channels, in the order of their meters.
        seconds: Time since watching began [s].
        notes: What a reader must know of the sum.
    """

    channels: tuple[ChannelState, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def summed(self) -> list[ChannelState]:
        """The outermost channels, which add up."""
        return [state for state in self.channels if state.counts]

    @property
    def is_modelled(self) -> bool:
        """Whether a part of the sum is estimated by a model."""
        return any(state.channel.kind == "estimate" for state in self.summed)

    @property
    def power_w(self) -> float | None:
        """Power of all that is summed [W]; None where a part of it is not known now."""
        return _sum_of_known([state.power_w for state in self.summed])

    @property
    def energy_j(self) -> float | None:
        """Energy of all that is summed since watching began [J]; None where a part is unknown."""
        return _sum_of_known([state.energy_j for state in self.summed])


def _sum_of_known(values: Sequence[float | None]) -> float | None:
    """Return the sum of some values; None where there is none, or one is not known."""
    present = [value for value in values if value is not None]
    return math.fsum(present) if present and len(present) == len(values) else None


class Watch:
    """Reads meters from `__enter__` to `__exit__`.

    Example:
        Show the power of the processor for ten seconds::

            with Watch([MeterRequest(parse("rapl"), 1.0)]) as watch:
                for _ in range(10):
                    time.sleep(1)
                    print(watch.snapshot().power_w)

    Args:
        requests: Meters to read, each with its interval.
        monotonic: Clock of the schedule and of `Snapshot.seconds` [s].
        wall_ns: Clock that stamps readings [ns UTC].

    Attributes:
        notes: What the meters say of what they measure, what adds up, and what is not measured.
    """

    def __init__(
        self,
        requests: Sequence[MeterRequest],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.notes: list[str] = []
        self._requests, self._monotonic, self._wall_ns = requests, monotonic, wall_ns
        self._lock, self._stopping = threading.Lock(), threading.Event()
        self._threads: list[threading.Thread] = []
        self._meters: list[tuple[Meter, float, dict[str, _Watched]]] = []
        self._start_s = 0.0

    def __enter__(self) -> Watch:
        """Probe the meters, and begin to read them.

        Raises:
            JoulemarkError: A meter cannot be used here, or is read too seldom for its counter.
        """
        try:
            self._probe()
        except BaseException:
            self._close()
            raise
        self._start_s = self._monotonic()
        for meter, interval_s, watched in self._meters:
            thread = threading.Thread(
                target=self._poll, args=(meter, interval_s, watched), daemon=True
            )
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop reading. A meter that does not return is left to the end of the process."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(JOIN_S)
        self._close()

    def _close(self) -> None:
        for meter, _, _ in self._meters:
            getattr(meter, "close", lambda: None)()

    def _probe(self) -> None:
        for request, name in zip(self._requests, unique_names(self._requests), strict=True):
            meter = make(request.spec)
            self._meters.append((meter, request.interval_s, {}))
            probed = [
                replace(channel, nominal_interval_s=request.interval_s) for channel in meter.probe()
            ]
            check_interval(probed, request.interval_s, request.spec)
            notes: Sequence[Any] = getattr(meter, "notes", ())
            self.notes += [f"{note.channel}: {note.message}" for note in notes]
            self._meters[-1][2].update(
                {channel.id: _Watched(name, Tally(channel)) for channel in probed}
            )
        counts = Counter(id_ for _, _, watched in self._meters for id_ in watched)
        channels = []
        for _, _, watched in self._meters:
            for item in watched.values():
                item.tally.channel = with_unique_id(item.tally.channel, item.meter, counts)
                channels.append(item.tally.channel)
        self.notes += announcement(channels)

    def _poll(self, meter: Meter, interval_s: float, watched: dict[str, _Watched]) -> None:
        """Read a meter at fixed times until watching ends."""
        deadline_s = self._monotonic()
        while not self._stopping.is_set():
            self._read(meter, watched)
            now_s = self._monotonic()
            deadline_s += interval_s * (1 + max(0, (now_s - deadline_s) // interval_s))
            self._stopping.wait(deadline_s - now_s)

    def _read(self, meter: Meter, watched: dict[str, _Watched]) -> None:
        """Read a meter once; whatever it raises is the fault of all its channels."""
        before_ns = self._wall_ns()
        readings: Sequence[Reading] = ()
        fault = ""
        try:
            readings = meter.read()
        except ReadFailed as error:
            fault = str(error)
        except Exception as error:  # noqa: BLE001 - a third-party meter may raise anything
            fault = f"{type(error).__name__}: {shorten(error)}"
        middle_ns = (before_ns + self._wall_ns()) // 2
        with self._lock:
            for reading in readings:
                if reading.channel in watched:
                    stamp_ns = middle_ns if reading.t_ns is None else reading.t_ns
                    watched[reading.channel].take(stamp_ns, reading)
            for item in watched.values() if fault else ():
                item.fail(fault)

    def snapshot(self) -> Snapshot:
        """Return all channels as they are now."""
        with self._lock:
            watched = [item for _, _, items in self._meters for item in items.values()]
            states = [_state(item) for item in watched]
            traces = [item.trace() for item in watched]
            seconds = self._monotonic() - self._start_s
        return _arranged(states, traces, seconds)


def _state(item: _Watched) -> ChannelState:
    tally = item.tally
    return ChannelState(
        channel=tally.channel,
        meter=item.meter,
        power_w=tally.power_w,
        energy_j=None if tally.t_ns is None else tally.energy_j,
        lost_s=tally.lost_s,
        t_ns=tally.t_ns,
        failures=item.failures,
        counts=False,
        fault=item.fault,
    )


def _arranged(states: Sequence[ChannelState], traces: Sequence[Trace], seconds: float) -> Snapshot:
    """Place the channels in the tree: by the table at first, later also by their readings."""
    if seconds < MIN_CHECKED_S:
        checked = CheckedSensors()
        channels = [state.channel for state in states]
        by_id = {channel.id: channel for channel in placed(channels, arrange(channels))}
    else:
        checked = check_sensors(traces)
        by_id = {trace.channel.id: trace.channel for trace in checked.traces}
    empty = {trace.channel.id for trace in checked.traces if not len(trace)}
    reasons = {finding.channel: finding.message for finding in checked.findings}
    arranged = []
    for state in states:
        id_ = state.channel.id
        channel = by_id.get(id_, state.channel)
        is_usable = id_ in by_id and id_ not in empty
        arranged.append(
            replace(
                state,
                channel=channel,
                power_w=state.power_w if is_usable else None,
                energy_j=state.energy_j if is_usable else None,
                counts=id_ in by_id and channel.part_of is None,
                fault=state.fault or ("" if is_usable else reasons.get(id_, "")),
            )
        )
    return Snapshot(tuple(arranged), seconds, tuple(reasons.values()))
