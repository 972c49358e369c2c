"""Read the readings of MLPerf training power logs as columns.

A node of a training run logs one line a second for hours, and a submission has hundreds of
nodes. Their lines differ in nothing but the digits of two numbers::

    :::MLLOG {"time_ms": 1715261563220, "key": "power_reading", "value": 7122, ...}
    :::MLLOG {"time_ms": 1715261564221, "key": "power_reading", "value": 7098, ...}

Such lines, one below the other, are a matrix of bytes. A column of it that is not constant is one
digit, of all times or of all values, so both columns of numbers are sums of digit columns times
powers of ten. That is about thirty times faster than decoding JSON.

`read_blocks` does so where a log is as simple as that, decodes the readings as JSON where it is
not, and returns ``None`` for a log that only :func:`harness.formats.mlperf.mllog.read_all` can
read, line by line.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.formats.mlperf.mllog import HEAD, Line, decode_lines, read_markers
from harness.traces.trace import T_MAX_NS, Floats, Ints

LATEST_MS = T_MAX_NS // 1_000_000
"""A reading after it has no valid time [ms]."""
_READING_KEY = b'"power_reading"'
_MAX_DIGITS = 15
"""A float64 holds every integer of so many digits."""
_NUMBERS = tuple(
    re.compile(rb'"%b": ?(\d{1,%d})[,}]' % (name, _MAX_DIGITS)) for name in (b"time_ms", b"value")
)
_PLACE_VALUES = 10.0 ** np.arange(_MAX_DIGITS - 1, -1, -1)


class Columns(NamedTuple):
    """The readings of a log.

    Attributes:
        time_ms: Times as the log states them [ms], int64, shape (n,), from 1970 to 2099.
        value: Values as the log states them [W], float64, shape (n,).
    """

    time_ms: Ints
    value: Floats


@dataclass(frozen=True, slots=True)
class Block:
    """A power log whose readings stand in one block, as in almost all of them.

    Attributes:
        before: The lines before the readings.
        time_ms: Times of the readings, see :class:`Columns`.
        value: Values of the readings, see :class:`Columns`.
        after: The lines after the readings.
    """

    before: list[Line]
    time_ms: Ints
    value: Floats
    after: list[Line]


class _Reading(msgspec.Struct, gc=False):
    key: Literal["power_reading"]
    time_ms: int
    value: float


_reading_decoder = msgspec.json.Decoder(_Reading)


def read_blocks(contents: Sequence[bytes]) -> list[Block | None]:
    r"""Read power logs whose readings are numbers in one block; ``None`` for any other log.

    Logs of one logger are read together, since starting a vector operation costs as much as two
    hundred lines.

    Example:
        >>> line = b':::MLLOG {"time_ms": 171526156%d, "key": "power_reading", "value": 7%d2}'
        >>> log = b"\n".join([line % (1, 0), line % (2, 9)])
        >>> (block,) = read_blocks([log])
        >>> block.time_ms.tolist(), block.value.tolist()
        ([1715261561, 1715261562], [702.0, 792.0])
    """
    spans = [_reading_lines(content) for content in contents]
    parts = [content[span] for content, span in zip(contents, spans, strict=True)]
    columns = _columns(parts)
    return [
        _block(content, span, readings)
        for content, span, readings in zip(contents, spans, columns, strict=True)
    ]


def _reading_lines(content: bytes) -> slice:
    """Return where the readings stand: whole lines, from the first to the last."""
    first, last = content.find(_READING_KEY), content.rfind(_READING_KEY)
    if first < 0:
        return slice(0, 0)
    start = content.rfind(b"\n", 0, first) + 1
    stop = content.find(b"\n", last) + 1 or len(content)
    return slice(start, stop)


def _block(content: bytes, span: slice, readings: Columns | None) -> Block | None:
    markers = read_markers(content[: span.start] + content[span.stop :])
    if readings is None or markers is None:
        return None
    if any(line.key == "power_reading" for line in markers):
        return None
    before_count = content.count(HEAD, 0, span.start)
    return Block(markers[:before_count], *readings, markers[before_count:])


def _columns(parts: Sequence[bytes]) -> list[Columns | None]:
    """Return the readings of each part; ``None`` if one of its lines is no reading."""
    columns = _columns_of_equal_lines(parts)
    if columns is not None:
        return list(columns)
    if len(parts) > 1:
        return [_columns([part])[0] for part in parts]
    return [_columns_by_json(part) for part in parts]


def _columns_by_json(content: bytes) -> Columns | None:
    """Decode readings of any form."""
    rows = decode_lines(content, _reading_decoder)
    if rows is None:
        return None
    try:
        time_ms = np.fromiter(map(attrgetter("time_ms"), rows), np.int64, len(rows))
    except OverflowError:
        return None
    if not 0 < time_ms.min(initial=1) <= time_ms.max(initial=1) <= LATEST_MS:
        return None
    return Columns(time_ms, np.fromiter(map(attrgetter("value"), rows), np.float64, len(rows)))


def _columns_of_equal_lines(parts: Sequence[bytes]) -> list[Columns] | None:
    """Read parts whose lines all differ in the digits of time and value alone; else ``None``."""
    content = b"".join(parts)
    line = content[: content.find(b"\n") + 1]
    template = _template(line)
    if template is None or any(len(part) % len(line) for part in parts):
        return None

    # 1. The lines as a matrix of bytes: which of its columns vary?
    text = np.frombuffer(content, np.uint8)
    cells = text.reshape(-1, len(line))
    differs = (text[len(line) :] != text[: -len(line)]).reshape(-1, len(line))
    varying = np.flatnonzero(differs.any(axis=0))

    # 2. Each of them must be a digit of the time or of the value.
    digits = cells[:, varying] - np.uint8(ord("0"))
    place_values = template.place_values[varying]
    if not place_values.any(axis=1).all() or digits.max(initial=0) > 9:
        return None

    # 3. A number is the first line's plus the change of its digits times their place values.
    change = (digits - digits[0].astype(float)) @ place_values
    time_ms = template.first.time_ms[0] + change[:, 0].astype(np.int64)
    value = template.first.value[0] + change[:, 1]

    # 4. JSON has no number with a leading zero, and a time must be possible.
    if time_ms.min() < template.smallest[0] or value.min() < template.smallest[1]:
        return None
    if time_ms.max() > LATEST_MS:
        return None

    # 5. Cut the columns where the logs end.
    ends = np.cumsum([len(part) // len(line) for part in parts]).tolist()
    return [Columns(time_ms[start:stop], value[start:stop]) for start, stop in pairwise([0, *ends])]


@dataclass(frozen=True, slots=True)
class _Template:
    """The first line of some readings.

    Attributes:
        first: Its reading.
        place_values: By byte of the line, the place value of its digit in the time and in the
            value, 0 elsewhere; float64, shape (bytes, 2).
        smallest: The smallest time and value of as many digits.
    """

    first: Columns
    place_values: NDArray[np.float64]
    smallest: tuple[int, int]


def _template(line: bytes) -> _Template | None:
    matches = [match for name in _NUMBERS if (match := name.search(line))]
    names_count = line.count(b'"time_ms"') + line.count(b'"value"')
    if len(matches) != 2 or names_count != 2 or b"\\" in line:
        return None
    first = _columns_by_json(line)
    if first is None or len(first.value) != 1:
        return None
    if [int(match[1]) for match in matches] != [first.time_ms[0], first.value[0]]:
        return None
    place_values = np.zeros((len(line), 2))
    for column, match in enumerate(matches):
        place_values[slice(*match.span(1)), column] = _PLACE_VALUES[-len(match[1]) :]
    smallest_time, smallest_value = (10 ** (len(match[1]) - 1) for match in matches)
    return _Template(first, place_values, (smallest_time, smallest_value))
