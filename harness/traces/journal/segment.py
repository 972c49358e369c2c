"""The lines of a segment of a journal: readings, parsed many at once, and what stands between.

Readings without a fault are parsed a megabyte at a time; anything else line by line.
"""

from __future__ import annotations

import io
import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.traces.channel import Channel
from harness.traces.clean import MAX_DROPPED, build_trace
from harness.traces.columns import GrowingColumn
from harness.traces.journal.chain import CLOCK, CONTEXT, END, LINK, NEXT
from harness.traces.text_lines import has_signed_cell, steps
from harness.traces.trace import Floats, Ints, Trace

_DIGITS = b"0123456789.e+-,\n"
_ROW = np.dtype(
    [
        ("channel", np.int64),
        ("t_ns", np.int64),
        ("t_mono_ns", np.int64),
        ("late_ns", np.int64),
        ("value", np.float64),
        ("fault", "S1"),
    ]
)
"""A reading without a fault, as the columns of a journal."""


class ChannelColumns:
    """Readings of one channel, collected segment by segment."""

    def __init__(self) -> None:
        self.t_ns, self.value = GrowingColumn(np.int64), GrowingColumn(np.float64)
        self.faults: dict[int, str] = {}

    def add(self, t_ns: Ints, value: Floats) -> None:
        """Add readings without a fault."""
        self.t_ns.extend(t_ns)
        self.value.extend(value)

    def add_rows(self, rows: list[tuple[int, float, str]]) -> None:
        """Add rows of time, value and fault."""
        for index, row in enumerate(rows, len(self.t_ns)):
            if row[2]:
                self.faults[index] = row[2]
        if len(self.faults) > MAX_DROPPED:
            raise UnreadableError(
                "has too many failed readings",
                got=str(len(self.faults)),
                expected=f"at most {MAX_DROPPED} in a channel",
            )
        t_ns = np.array([row[0] for row in rows], np.int64)
        self.add(t_ns, np.array([row[1] for row in rows], np.float64))

    def trace(self, channel: Channel) -> Trace:
        """Make the trace of the channel."""
        t_ns, value = self.t_ns.column(), self.value.column()
        return build_trace(channel, t_ns, value, _SourceTexts(value, self.faults))


class _SourceTexts(Sequence[str]):
    """The text of each reading, made when it is needed."""

    def __init__(self, value: Floats, faults: Mapping[int, str]) -> None:
        self._value, self._faults = value, faults

    def __len__(self) -> int:
        return len(self._value)

    def __getitem__(self, index: Any) -> Any:
        return self._faults.get(index) or repr(float(self._value[index]))


GROUP_BYTES = 2**20


def line_groups(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield comments and readings apart, about a megabyte at a time, each in their order."""
    for first, stop in steps(text, GROUP_BYTES):
        group = text[first:stop]
        comments, readings, at = [], [], 0
        for begin, end in _comments(group):
            readings.append(group[at:begin])
            comments.append(group[begin:end])
            at = end
        readings.append(group[at:])
        yield b"".join(comments), b"".join(readings)


def _comments(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each line that begins with #."""
    begin = 0 if text.startswith(b"#") else text.find(b"\n#") + 1 or len(text)
    while begin < len(text):
        end = text.find(b"\n", begin) + 1 or len(text)
        yield begin, end
        begin = text.find(b"\n#", end - 1) + 1 or len(text)


class SegmentReadings:
    """What the lines of a segment add to a journal.

    Args:
        columns: The columns of each channel, which take the readings.
        late: Takes how late each read of the first channel began [ns].

    Attributes:
        clocks: Rows of wall clock, monotonic clock and processor time [ns].
        context: Times [ns UTC], and what else the meter said.
        end: Last words of the sampler; None where there are none.
        unreadable: Number of lines that cannot be read.
    """

    def __init__(self, columns: Sequence[ChannelColumns], late: GrowingColumn[np.int64]) -> None:
        self._columns, self._late = columns, late
        self.clocks: list[list[int]] = []
        self.context: list[tuple[int, dict[str, dict[str, float]]]] = []
        self.end: Mapping[str, Any] | None = None
        self.unreadable = 0

    def add_plain(self, group: bytes) -> bool:
        """Add readings without a fault at once; return False where a line holds anything else."""
        if group.translate(None, _DIGITS) or has_signed_cell(group):
            return False
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                table = np.loadtxt(io.BytesIO(group), _ROW, delimiter=",", comments=None, ndmin=1)
        except (ValueError, OverflowError, Warning):
            return False
        number, t_ns, late = table["channel"], table["t_ns"], table["late_ns"]
        if np.any(table["fault"] != b"") or not (
            number.min() >= 0
            and number.max() < len(self._columns)
            and t_ns.min() >= 0
            and late.min() >= 0
        ):
            return False
        for channel, column in enumerate(self._columns):
            rows = number == channel
            column.add(t_ns[rows], table["value"][rows])
        self._late.extend(late[number == 0])
        return True

    def add_lines(self, group: bytes) -> None:
        """Add readings and comments line by line."""
        rows: list[list[tuple[int, float, str]]] = [[] for _ in self._columns]
        late: list[int] = []
        for line in group.split(b"\n"):
            try:
                if line.startswith(b"#"):
                    self._take_comment(line)
                elif line:
                    number, row, lateness = _row(line)
                    rows[number].append(row)
                    if lateness is not None and number == 0:
                        late.append(lateness)
            except (ValueError, IndexError, TypeError, OverflowError, RecursionError):
                self.unreadable += 1
        for column, channel_rows in zip(self._columns, rows, strict=True):
            column.add_rows(channel_rows)
        self._late.extend(np.array(late, np.int64))

    def _take_comment(self, line: bytes) -> None:
        """Take a line that is no reading.

        Raises:
            ValueError, TypeError, OverflowError, RecursionError: It cannot be read.
        """
        if line.startswith(CLOCK.encode()):
            self.clocks.append(_clock(json.loads(line[len(CLOCK) :])))
        elif line.startswith(CONTEXT.encode()):
            self.context.append(_context(json.loads(line[len(CONTEXT) :])))
        elif line.startswith(END.encode()):
            self.end = dict(json.loads(line[len(END) :]))
        elif not line.startswith((LINK.encode(), NEXT.encode())):
            raise ValueError("no comment that a sampler writes")


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
