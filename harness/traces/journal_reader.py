"""Read a journal: traces, lateness, cost of sampling, and steps of the wall clock."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import read_bytes
from harness.core.schemas import check, parse_json
from harness.core.timestamps import NS
from harness.traces.channel import Channel
from harness.traces.clean import build_trace
from harness.traces.journal_chain import CLOCK, CONTEXT, END, LINK, NEXT, Links, links
from harness.traces.journal_writer import MAGIC, segment_path
from harness.traces.trace import Floats, Ints, Trace

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
        late = np.sort(self.late_ns) / 1e6
        at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
        return {
            "meter": self.about.get("meter"),
            "options": self.about.get("options"),
            "interval_s": self.about.get("interval_s"),
            "realtime": self.about.get("realtime"),
            **self._configuration(),
            "reads": len(late),
            "missed": (self.end or {}).get("missed"),
            "failed": dict(self.faults),
            "late_ms": {
                k: round(float(late[min(int(q * len(late)), len(late) - 1)]), 4)
                for k, q in at.items()
            }
            if len(late)
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


def journal_paths(folder: Path) -> list[Path]:
    """Return the journals in a folder, each by its first segment, by name."""
    return sorted(path for path in folder.glob("*.csv") if not _SEGMENT.search(path.name))


def segment_paths(first: Path) -> list[Path]:
    """Return the segments of a journal, in order."""
    paths = [first]
    while (path := segment_path(first, len(paths) + 1)).is_file():
        paths.append(path)
    return paths


class _Columns:
    """Readings of one channel, collected segment by segment."""

    def __init__(self) -> None:
        self.t_ns: list[Ints] = []
        self.value: list[Floats] = []
        self.faults: dict[int, str] = {}
        self.count = 0

    def add(self, rows: list[tuple[int, float, str]]) -> None:
        self.t_ns.append(np.array([row[0] for row in rows], np.int64))
        self.value.append(np.array([row[1] for row in rows], np.float64))
        for index, row in enumerate(rows, self.count):
            if row[2]:
                self.faults[index] = row[2]
        self.count += len(rows)

    def trace(self, channel: Channel) -> Trace:
        t_ns = np.concatenate([*self.t_ns, np.empty(0, np.int64)])
        value = np.concatenate([*self.value, np.empty(0, np.float64)])
        return build_trace(channel, t_ns, value, _SourceTexts(value, self.faults))


class _SourceTexts(Sequence[str]):
    """The text of each reading, made when it is needed."""

    def __init__(self, value: Floats, faults: Mapping[int, str]) -> None:
        self._value, self._faults = value, faults

    def __len__(self) -> int:
        return len(self._value)

    def __getitem__(self, index: Any) -> Any:
        return self._faults.get(index) or repr(float(self._value[index]))


def read_samples(path: Path) -> Samples:
    """Read a journal with all its segments, whole or cut off at any byte.

    One segment is held at a time; of what was read only the columns stay.

    Args:
        path: Its first segment.

    Raises:
        UnreadableError: Not even its header is there, or a segment is of another journal.
    """
    columns: list[_Columns] = []
    late: list[Ints] = []
    clocks: list[list[int]] = []
    context: list[tuple[int, dict[str, dict[str, float]]]] = []
    about: dict[str, Any] = {}
    channels: list[Channel] = []
    chain, end, cut = Links(0, 0, None, 0, False), None, 0
    for number, segment in enumerate(segment_paths(path), 1):
        content = read_bytes(segment)
        header, lines, broken_off = _split(content, segment)
        if number == 1:
            about, channels = _header(header, f"{segment}:1")
            columns = [_Columns() for _ in channels]
        elif header.get("segment") != number or header.get("previous") != chain.last_link:
            raise UnreadableError(
                "is not the continuation of the segment before",
                where=str(segment),
                got=f"segment {shorten(header.get('segment'))}",
                expected=f"segment {number} after link {chain.last_link[:16]}",
            )
        parsed = _parse(lines, len(channels))
        for column, channel_rows in zip(columns, parsed.rows, strict=True):
            column.add(channel_rows)
        late.append(np.array(parsed.late, np.int64))
        clocks += parsed.clocks
        context += parsed.context
        end = parsed.end
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
        np.concatenate(late),
        np.array(clocks, np.int64).reshape(-1, 3),
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


def _split(content: bytes, path: Path) -> tuple[dict[str, Any], list[bytes], bool]:
    """Return the header, the lines of readings, and whether the last line is cut off."""
    first, _, body = content.partition(b"\n")
    if not first.startswith(MAGIC.encode()):
        raise UnreadableError(
            "is not a journal of samples", where=str(path), got=shorten(repr(first[:40]))
        )
    header = parse_json(first[len(MAGIC) :], where=f"{path}:1")
    if not isinstance(header, dict):
        raise UnreadableError("is not a journal of samples", where=f"{path}:1")
    lines = body.split(b"\n")
    broken_off = bool(lines.pop())  # no line end: the writer was stopped in it
    return header, lines[1:], broken_off


@dataclass(slots=True)
class _Segment:
    """What the lines of a segment hold.

    Attributes:
        rows: Stamp, value and fault of each reading, by channel.
        late: How late each read began [ns].
        clocks: Rows of wall clock, monotonic clock and processor time [ns].
        context: Times [ns UTC], and what else the meter said.
        end: Last words of the sampler; None where there are none.
        unreadable: Lines that cannot be read.
    """

    rows: list[list[tuple[int, float, str]]]
    late: list[int] = field(default_factory=list)
    clocks: list[list[int]] = field(default_factory=list)
    context: list[tuple[int, dict[str, dict[str, float]]]] = field(default_factory=list)
    end: Mapping[str, Any] | None = None
    unreadable: int = 0

    def take(self, line: bytes) -> None:
        """Take one line.

        Raises:
            ValueError, IndexError, TypeError, OverflowError, RecursionError: It cannot be read.
        """
        if line.startswith(CLOCK.encode()):
            self.clocks.append(_clock(json.loads(line[len(CLOCK) :])))
        elif line.startswith(CONTEXT.encode()):
            self.context.append(_context(json.loads(line[len(CONTEXT) :])))
        elif line.startswith(END.encode()):
            self.end = dict(json.loads(line[len(END) :]))
        elif line and not line.startswith((LINK.encode(), NEXT.encode())):
            number, row, lateness = _row(line)
            self.rows[number].append(row)
            if lateness is not None and number == 0:
                self.late.append(lateness)


def _parse(lines: Sequence[bytes], channel_count: int) -> _Segment:
    """Parse the lines of a segment; those that cannot be read are counted."""
    segment = _Segment([[] for _ in range(channel_count)])
    for line in lines:
        try:
            segment.take(line)
        except (ValueError, IndexError, TypeError, OverflowError, RecursionError):
            segment.unreadable += 1
    return segment


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


def _clock(row: Any) -> list[int]:
    """Return wall clock, monotonic clock and processor time [ns].

    ValueError or TypeError where they are not.
    """
    wall, mono, cpu = (_int64(value) for value in row)
    return [wall, mono, cpu]


def _context(row: Any) -> tuple[int, dict[str, dict[str, float]]]:
    """Return the time of a look [ns UTC] and its values; ValueError or TypeError where not."""
    t_ns, channels = row
    values = {
        str(channel): {str(name): float(value) for name, value in names.items()}
        for channel, names in _object(channels).items()
    }
    if not all(math.isfinite(value) for names in values.values() for value in names.values()):
        raise ValueError("not a finite number")
    return _int64(t_ns), values


def _object(value: Any) -> dict[str, dict[str, Any]]:
    """Return an object of objects; TypeError where it is none."""
    if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
        raise TypeError("not an object of objects")
    return value


def _int64(value: Any) -> int:
    if isinstance(value, bytes) and not value.isdigit():  # int() also takes 1_0 and spaces
        raise ValueError("not a whole number")
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError("not an int64")
    return number


def _row(line: bytes) -> tuple[int, tuple[int, float, str], int | None]:
    number, t_ns, _, late, value, fault = line.split(b",", 5)
    message = str(json.loads(fault)) if fault else ""
    if b"_" in value or value != value.strip():  # float() also takes 1_0 and spaces
        raise ValueError("not a number")
    lateness = _int64(late) if late and not late.startswith(b"-") else None
    return (
        _int64(number),
        (_int64(t_ns or 0), float(value) if value else float("nan"), message),
        lateness,
    )


def readable(folder: Path) -> list[Samples]:
    """Return all journals of a folder that can be read, by name."""
    journals = []
    for path in journal_paths(folder):
        try:
            journals.append(read_samples(path))
        except JoulemarkError:
            continue
    return journals
