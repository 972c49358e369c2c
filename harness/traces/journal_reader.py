"""Read a journal: traces, lateness, cost of sampling, and steps of the wall clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import read_bytes
from harness.core.schemas import check, parse_json
from harness.core.timestamps import NS
from harness.traces.channel import Channel
from harness.traces.clean import build_trace
from harness.traces.journal_chain import CLOCK, END, LINK, Links, links
from harness.traces.journal_writer import MAGIC
from harness.traces.trace import Ints, Trace

STEP_MIN_NS = 10_000_000
"""A change of wall minus monotonic clock that is reported as a step [ns]."""
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
            "interval_s": self.about.get("interval_s"),
            "realtime": self.about.get("realtime"),
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


def read_samples(path: Path) -> Samples:
    """Read a journal, whole or cut off at any byte.

    Raises:
        UnreadableError: Not even its header is there.
    """
    content = read_bytes(path)
    first, _, body = content.partition(b"\n")
    if not first.startswith(MAGIC.encode()):
        raise UnreadableError(
            "is not a journal of samples", where=str(path), got=shorten(repr(first[:40]))
        )
    about, channels = _header(parse_json(first[len(MAGIC) :], where=f"{path}:1"), f"{path}:1")
    rows: list[list[tuple[int, float, str]]] = [[] for _ in channels]
    late, clocks, end, cut = [], [], None, 0
    lines = body.split(b"\n")
    cut += bool(lines.pop())  # no line end: the writer was stopped in it
    for line in lines[1:]:
        try:
            if line.startswith(CLOCK.encode()):
                clocks.append(_clock(json.loads(line[len(CLOCK) :])))
            elif line.startswith(END.encode()):
                end = dict(json.loads(line[len(END) :]))
            elif line and not line.startswith(LINK.encode()):
                number, row, lateness = _row(line)
                rows[number].append(row)
                late += [lateness] if lateness is not None and number == 0 else []
        except (ValueError, IndexError, TypeError, OverflowError, RecursionError):
            cut += 1
    faults = {}
    for channel, channel_rows in zip(channels, rows, strict=True):
        count = sum(bool(row[2]) for row in channel_rows)
        if count:
            faults[channel.id] = count
    return Samples(
        path,
        about,
        tuple(map(_trace, channels, rows)),
        np.array(late, np.int64),
        np.array(clocks, np.int64).reshape(-1, 3),
        end,
        links(content),
        cut,
        faults,
    )


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


def _int64(value: Any) -> int:
    number = int(value)
    if not 0 <= number < 1 << 63:
        raise ValueError("not an int64")
    return number


def _row(line: bytes) -> tuple[int, tuple[int, float, str], int | None]:
    number, t_ns, _, late, value, fault = line.split(b",", 5)
    message = str(json.loads(fault)) if fault else ""
    lateness = _int64(late) if late and not late.startswith(b"-") else None
    return (
        _int64(number),
        (_int64(t_ns or 0), float(value) if value else float("nan"), message),
        lateness,
    )


def _trace(channel: Channel, rows: list[tuple[int, float, str]]) -> Trace:
    t_ns = np.array([row[0] for row in rows], np.int64)
    value = np.array([row[1] for row in rows], np.float64)
    return build_trace(channel, t_ns, value, [row[2] or repr(row[1]) for row in rows])


def readable(folder: Path) -> list[Samples]:
    """Return all journals of a folder that can be read, by name."""
    journals = []
    for path in sorted(folder.glob("*.csv")):
        try:
            journals.append(read_samples(path))
        except JoulemarkError:
            continue
    return journals
