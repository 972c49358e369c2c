"""Read an analyzer through SPEC's PTDaemon, which MLPerf's power tools use."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Sequence
from typing import Any

from harness.core.errors import shorten
from harness.core.timestamps import NS
from harness.meters.base import Note, NoteKind
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.lines import LineClient
from harness.meters.network.clients.ptdaemon import PtdClient, PtdSample
from harness.meters.network.device_map import DeviceMap
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter
from harness.traces.channel import Accuracy, Channel
from harness.traces.instruments import instrument

MARK = "joulemark"
QUARTER_S = 900.0
"""Zones differ by multiples of a quarter of an hour [s]."""
SAMPLES_A_POLL = 0.01
"""Share of its readings that a daemon must add before it is asked for all of them again: it sends
all since Go, and a long measurement must not be sent a second time each second."""
FIRST_SAMPLE_S = 5.0
"""How long the first reading after Go may take [s]."""
FIRST_SAMPLE_AGE_S = 0.1
"""How old the first reading after Go may be when it is seen [s]: it is waited for."""
MIN_CLOCK_ERROR_S = 0.06
"""Standard error of a clock that is known to within that age [s]: 0.1 s / sqrt(3)."""
FAILED_W = 0.0
"""A PTDaemon writes -1 or -2 W for a failed reading."""


class Ptdaemon(NetworkMeter):
    """An analyzer (Yokogawa WT210 to WT500) through a PTDaemon that runs already.

    Readings are means over one second. The daemon takes one client at a time. Ranges are used as
    they are set; `joulemark run --mlperf-session` sets them as MLPerf demands.
    """

    protocol = "ptdaemon"
    default_port = 8888
    remedy = "Start the PTDaemon with TZ=UTC, and end any other client: it takes one at a time."

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        lines = LineClient(self.address.host, self.address.port, self.timeout_s)
        self.client = PtdClient(lines)
        self._zone_ns = 0
        self._range_w: float | None = None
        self._next_ns = 0

    def probe(self) -> Sequence[Channel]:
        """Return the channel of the analyzer; a measurement of this meter begins anew."""
        self.close()
        return super().probe()

    def connect(self) -> None:
        """Connect, identify the analyzer, and begin to measure.

        Raises:
            PeerFailed: No PTDaemon answers, or it measures already.
        """
        self.client.open()
        model = self.client.identity.split(",")[0]
        meter = self.client.identity.rpartition(",")[2]
        parts = meter.split(";")
        self.identity = {"model": shorten(model, 60)}
        if len(parts) > 3:
            self.identity |= {"analyzer": parts[1], "serial": parts[2], "firmware": parts[3]}
        self.simulated = self.client.is_emulated
        ranges = self.client.ranges()
        if ranges.amps is not None and ranges.volts is not None:
            self._range_w = ranges.amps * ranges.volts
        if self.points:  # connected anew: the measurement from before goes on
            self.client.stop()
        self.client.go(MARK)
        self._next_ns = 0

    def disconnect(self) -> None:
        """End the measurement and the connection."""
        with contextlib.suppress(PeerFailed, OSError):  # it may be gone
            self.client.stop()
        self.client.close()

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return whether the daemon's identity is of the kind that a map describes."""
        meter = self.client.identity.rpartition(",")[2]
        return bool(device_map.matches and device_map.matches.search(meter))

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return the readings since Go; repeats are dropped by their stamps.

        Raises:
            PeerFailed: The daemon does not answer.
        """
        now_ns = time.monotonic_ns()
        if now_ns < self._next_ns:
            return {point.id: [] for point in points}
        samples = self.client.samples()
        if not samples and not self.points:
            samples = self._first_samples()
        self._next_ns = now_ns + round(len(samples) * SAMPLES_A_POLL * NS)
        self._find_zone(samples)
        return {point.id: self._of_channel(point, samples) for point in points}

    def _first_samples(self) -> list[PtdSample]:
        end = time.monotonic() + FIRST_SAMPLE_S
        samples: list[PtdSample] = []
        while not samples and time.monotonic() < end:
            time.sleep(0.05)
            samples = self.client.samples()
        return samples

    def _find_zone(self, samples: Sequence[PtdSample]) -> None:
        """Note by how many quarters of an hour the daemon's stamps differ from UTC."""
        if not samples or self.points:
            return
        offset_s = time.time() - samples[-1].t_ns / NS
        quarters = round(offset_s / QUARTER_S)
        self._zone_ns = round(quarters * QUARTER_S * NS)
        if quarters:
            hours = quarters * QUARTER_S / 3600
            self.notes.append(
                Note(
                    NoteKind.REMARK,
                    self.protocol,
                    f"the daemon's stamps are {hours:g} h off UTC, which is corrected; MLPerf "
                    "demands that it runs with TZ=UTC",
                )
            )

    def _of_channel(self, point: Point, samples: Sequence[PtdSample]) -> Sequence[Sample]:
        field = int(point.read["field"])
        values = []
        for sample in samples:
            watts = sample.watts if field == 0 else _watts_of(sample.line, field)
            is_good = watts > FAILED_W
            values.append(Sample(watts if is_good else math.nan, sample.t_ns + self._zone_ns))
        return values

    def _accuracy(self, point: Point) -> Accuracy:
        """Return the limits of the analyzer at its present range."""
        return instrument(point.item.instrument).accuracy(range_w=self._range_w)

    def _stamp_age_s(self, refresh_s: float) -> float:
        del refresh_s
        return FIRST_SAMPLE_AGE_S

    def _clock_error_s(self, offset_s: float | None, refresh_s: float) -> float:
        return max(super()._clock_error_s(offset_s, refresh_s), MIN_CLOCK_ERROR_S)


def _watts_of(line: str, field: int) -> float:
    """Return the power of one channel of a line [W]; NaN where there is none."""
    try:
        return float(line.split(",")[3 + 8 * field])
    except (IndexError, ValueError):
        return math.nan


METER = Ptdaemon
