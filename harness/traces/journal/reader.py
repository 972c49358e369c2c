"""Read a journal: traces, lateness, cost of sampling, and steps of the wall clock."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.documents import parse_json
from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import read_bytes
from harness.core.schemas import check
from harness.core.timestamps import NS
from harness.traces.channel import Channel
from harness.traces.columns import GrowingColumn, order_statistic
from harness.traces.journal.chain import Links, links
from harness.traces.journal.segment import ChannelColumns, SegmentReadings, line_groups
from harness.traces.journal.writer import MAGIC, segment_path
from harness.traces.trace import Ints, Trace

STEP_MIN_NS = 10_000_000
"""A change of wall minus monotonic clock that is reported as a step [ns]."""
_SEGMENT = re.compile(r"\.\d{4}\.csv$")
SLEW = 1e-3
"""A clock that is being disciplined runs at most this much fast or slow: twice what adjtimex(2)
allows."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the wall clock.

    Attributes:
        t_ns: Wall clock after the step [ns UTC].
        step_s: Size of the step [s].
    """

    t_ns: int
    step_s: float


@dataclass(frozen=True)
class Samples:
    """The journal of one meter.

    Attributes:
        path: The file.
        about: What the sampler states of itself.
        traces: Readings, one trace a channel.
        late_ns: How late each read began [ns], int64, shape (reads,).
        clocks: Rows of wall clock, monotonic clock and processor time so far [ns], int64, shape (n,
            3).
        end: What the sampler states at its end; None where it was stopped before.
        links: What the chain of the journal shows.
        cut: Lines that are not whole.
        faults: Failed reads of each channel.
        context: Times [ns UTC], and what else the meter said then, by channel and name.
    """

    path: Path
    about: Mapping[str, Any]
    traces: tuple[Trace, ...]
    late_ns: Ints
    clocks: Ints
    end: Mapping[str, Any] | None
    links: Links
    cut: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    context: tuple[tuple[int, Mapping[str, Mapping[str, float]]], ...] = ()

    @property
    def last_ns(self) -> int | None:
        """Wall clock of the last sign of life [ns UTC]."""
        times = [int(trace.t_ns[-1]) for trace in self.traces if len(trace)] + self.clocks[
            -1:, 0
        ].tolist()
        return max(times, default=None)

    @property
    def cpu_s(self) -> float | None:
        """Processor time of the sampler between the first and the last clock line [s]."""
        return float(self.clocks[-1, 2] - self.clocks[0, 2]) / NS if len(self.clocks) > 1 else None

    @property
    def seconds(self) -> float:
        """Time between the first and the last clock line [s], on the monotonic clock."""
        return float(self.clocks[-1, 1] - self.clocks[0, 1]) / NS if len(self.clocks) > 1 else 0.0

    def steps(self) -> list[Step]:
        """Return the steps of the wall clock against the monotonic one."""
        if len(self.clocks) < 2:
            return []
        offset, elapsed = np.diff(self.clocks[:, 0] - self.clocks[:, 1]), np.diff(self.clocks[:, 1])
        stepped = np.flatnonzero(np.abs(offset) > STEP_MIN_NS + SLEW * elapsed)
        return [Step(int(self.clocks[i + 1, 0]), float(offset[i]) / NS) for i in stepped]

    def statistics(self) -> dict[str, Any]:
        """Return how many reads there were, how late and at what cost, for the run record."""
        at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        return {
            "meter": self.about.get("meter"),
            "options": self.about.get("options"),
            "interval_s": self.about.get("interval_s"),
            "realtime": self.about.get("realtime"),
            **self._configuration(),
            "reads": len(self.late_ns),
            "missed": (self.end or {}).get("missed"),
            "failed": dict(self.faults),
            "late_ms": {name: self._late_ms(share) for name, share in at.items()}
            if len(self.late_ns)
            else None,
            "cpu_s": self.cpu_s,
            "seconds": self.seconds,
            "cpu_share": self.cpu_s / self.seconds
            if self.cpu_s is not None and self.seconds
            else None,
        }

    def _configuration(self) -> dict[str, Any]:
        """Return how the device was read, where the meter states it."""
        configuration = self.about.get("configuration")
        return {"configuration": configuration} if isinstance(configuration, dict) else {}

    def _late_ms(self, share: float) -> float:
        """Return how late the reads are that are later than a share of all [ms]."""
        count = len(self.late_ns)
        rank = min(int(share * count), count - 1)
        late_ns = order_statistic(self.late_ns.__getitem__, count, rank)
        return round(late_ns / 1e6, 4)


def journal_paths(folder: Path) -> list[Path]:
    """Return the journals in a folder, each by its first segment, by name."""
    return sorted(path for path in folder.glob("*.csv") if not _SEGMENT.search(path.name))


def segment_paths(first: Path) -> list[Path]:
    """Return the segments of a journal, in order."""
    paths = [first]
    while (path := segment_path(first, len(paths) + 1)).is_file():
        paths.append(path)
    return paths


def read_samples(path: Path) -> Samples:
    """Read a journal with all its segments, whole or cut off at any byte.

    One segment is held at a time; of what was read only the columns stay.

    Args:
        path: Its first segment.

    Raises:
        UnreadableError: Not even its header is there, or a segment is of another journal.
    """
    columns: list[ChannelColumns] = []
    late, clocks = GrowingColumn(np.int64), [np.empty((0, 3), np.int64)]
    context: list[tuple[int, dict[str, dict[str, float]]]] = []
    about: dict[str, Any] = {}
    channels: list[Channel] = []
    chain, end, cut = Links(0, 0, None, 0, False), None, 0
    for number, segment in enumerate(segment_paths(path), 1):
        content = read_bytes(segment)
        header, body, broken_off = _split(content, segment)
        if number == 1:
            about, channels = _header(header, f"{segment}:1")
            columns = [ChannelColumns() for _ in channels]
        elif header.get("segment") != number or header.get("previous") != chain.last_link:
            raise UnreadableError(
                "is not the continuation of the segment before",
                where=str(segment),
                got=f"segment {shorten(header.get('segment'))}",
                expected=f"segment {number} after link {chain.last_link[:16]}",
            )
        parsed = SegmentReadings(columns, late)
        for comments, readings in line_groups(body):
            parsed.add_lines(comments)
            if readings and not parsed.add_plain(readings):
                parsed.add_lines(readings)
        end = parsed.end
        context += parsed.context
        clocks.append(np.array(parsed.clocks, np.int64).reshape(-1, 3))
        cut += parsed.unreadable + broken_off
        chain = _joined(chain, links(content))
    faults = {
        channel.id: len(column.faults)
        for channel, column in zip(channels, columns, strict=True)
        if column.faults
    }
    return Samples(
        path,
        about,
        tuple(column.trace(c) for c, column in zip(channels, columns, strict=True)),
        late.column(),
        np.concatenate(clocks),
        end,
        chain,
        cut,
        faults,
        tuple(context),
    )


def _joined(before: Links, segment: Links) -> Links:
    """Return the chain of a journal after one more of its segments."""
    return replace(
        segment, count=before.count + segment.count, broken=before.broken or segment.broken
    )


def _split(content: bytes, path: Path) -> tuple[dict[str, Any], bytes, bool]:
    """Return the header, the text of the readings, and whether its last line is cut off."""
    first = content[: _line_end(content, 0)].removesuffix(b"\n")
    if not first.startswith(MAGIC.encode()):
        raise UnreadableError(
            "is not a journal of samples", where=str(path), got=shorten(repr(first[:40]))
        )
    header = parse_json(first[len(MAGIC) :], where=f"{path}:1")
    if not isinstance(header, dict):
        raise UnreadableError("is not a journal of samples", where=f"{path}:1")
    begin = _line_end(content, 0)
    whole = max(begin, content.rfind(b"\n") + 1)
    broken_off = whole < len(content)  # no line end: the writer was stopped in it
    readings = content[_line_end(content, begin) : whole]  # after the names of the columns
    return header, readings, broken_off


def _line_end(content: bytes, begin: int) -> int:
    """Return where the line after the one at `begin` begins."""
    return content.find(b"\n", begin) + 1 or len(content)


def _header(document: Any, where: str) -> tuple[dict[str, Any], list[Channel]]:
    """Return what the sampler states of itself, and its channels.

    Raises:
        UnreadableError: The header is not an object with channels.
        SchemaError: A channel does not match its schema.
    """
    headers = document.pop("channels", []) if isinstance(document, dict) else None
    if not isinstance(headers, list):
        raise UnreadableError(
            "is not a journal of samples", where=where, expected="an object with a list of channels"
        )
    for header in headers:
        check("power-trace", header, where=where)
    return document, [Channel.from_header(header) for header in headers]


class JournalReader:
    """Read each journal once, however many rules look at it: what one saw, all saw."""

    def __init__(self) -> None:
        self._results: dict[Path, Samples | JoulemarkError] = {}

    def read(self, path: Path) -> Samples:
        """Return a journal by its first segment; raises what `read_samples` raises."""
        result = self._results.get(path)
        if result is None:
            try:
                result = read_samples(path)
            except JoulemarkError as error:
                result = error
            self._results[path] = result
        if isinstance(result, JoulemarkError):
            raise result
        return result

    def readable(self, folder: Path) -> list[Samples]:
        """Return all journals of a folder that can be read, by name."""
        journals = []
        for path in journal_paths(folder):
            try:
                journals.append(self.read(path))
            except JoulemarkError:
                continue
        return journals


def readable(folder: Path) -> list[Samples]:
    """Return all journals of a folder that can be read, by name."""
    return JournalReader().readable(folder)
