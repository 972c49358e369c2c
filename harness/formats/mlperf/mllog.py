"""MLLOG lines: `:::MLLOG ` and one JSON object, in LoadGen's detail log and in training logs."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from operator import attrgetter
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.traces.text_lines import steps
from harness.traces.trace import T_MAX_NS

TOKEN = b":::MLLOG"
_HEAD = TOKEN + b" {"
"""How a line begins that holds an event and nothing ahead of it."""
MOST_BROKEN = 100_000
"""After so many lines that cannot be decoded a log is read no further: each costs as much as twenty good ones."""
LONGEST = 2**20
"""A line beyond this is broken [bytes]; real ones have less than a hundredth of it."""
LATEST_MS = T_MAX_NS // 1_000_000
"""A reading after it has no time [ms]."""
NEAR = 16384
"""A name is looked for in so many bytes at once."""
MOST = 1e60
"""No log holds a larger number that means anything."""
_SCALAR = (bool, int, float, str, type(None))
_BROKEN = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Line(msgspec.Struct, gc=False):
    """The fields of an MLLOG line that the harness uses; time_ms is what the line says, of any type."""

    key: str
    value: Any = None
    time_ms: Any = None
    metadata: Any = None


@dataclass(frozen=True, slots=True)
class Block:
    """A power log as most are: markers, then nothing but readings, then markers.

    time_ms, value: of the readings, as the log says them, int64 and float64, shape (n,); times from 1970 to 2099
    """

    before: list[Line]
    time_ms: NDArray[np.int64]
    value: NDArray[np.float64]
    after: list[Line]


class _Plain(Line, gc=False):
    """A line whose value is a number or a text."""

    value: bool | int | float | str | None = None
    metadata: dict[str, bool | int | float | str | None] | None = None


class _Keyed(msgspec.Struct, gc=False):
    key: str


class _Reading(msgspec.Struct, gc=False):
    key: Literal["power_reading"]
    time_ms: int
    value: float


_READING = b'"power_reading"'
_NUMBERS = [re.compile(rb'"%b": ?(\d{1,15})[,}]' % name) for name in (b"time_ms", b"value")]
_POWERS = 10.0 ** np.arange(14, -1, -1)
_Columns = tuple[NDArray[np.int64], NDArray[np.float64]]
"""time_ms and value of readings, as the log says them."""
_LINE = re.compile(re.escape(TOKEN) + rb"([^\n]*)")
"""What follows the token in each line that has it."""

_plain_decoder = msgspec.json.Decoder(_Plain)
_decoder, _key_decoder = msgspec.json.Decoder(Line), msgspec.json.Decoder(_Keyed)
_reading_decoder = msgspec.json.Decoder(_Reading)


def select(content: bytes, keys: Iterable[str]) -> tuple[list[Line], int]:
    """Lines with one of `keys`, in file order, and how many of them could not be decoded.

    Lines that name none of them are not decoded: a detail log is mostly lines that nobody asks for.
    """
    wanted = frozenset(keys)
    found: list[Line] = []
    broken = failed = 0
    for texts in _texts_with(content, _in_quotes(wanted)):
        if (together := _select_together(texts, wanted)) is not None:
            found += together
            continue
        for text in texts:
            events, lost = _events(text, wanted)
            found += events
            if lost:
                broken += any(b'"' + key.encode() + b'"' in lost for key in wanted)
                failed += 1
                if failed > MOST_BROKEN:  # no log of anything
                    return found, max(broken, 1)
    return found, broken


def _select_together(texts: list[bytes], wanted: frozenset[str]) -> Sequence[Line] | None:
    """The same of all lines at once; None where one of them is broken, or holds more than numbers and texts."""
    try:
        keys = _key_decoder.decode_lines(b"\n".join(texts))
        if len(keys) != len(texts):
            return None
        chosen = [text for text, line in zip(texts, keys, strict=True) if line.key in wanted]
        if max(map(len, chosen), default=0) > LONGEST:
            return None
        lines = _plain_decoder.decode_lines(b"\n".join(chosen))
    except _BROKEN:
        return None
    return lines if len(lines) == len(chosen) else None


def read_all(content: bytes) -> tuple[list[Line], int]:
    """All MLLOG lines of a log that holds little else, and how many lines with the token are broken."""
    together = _decode_lines(content, _plain_decoder)
    if together is not None:
        return together, 0
    lines: list[Line] = []
    broken = 0  # one bad line: take them one by one
    for text in chain.from_iterable(_texts(content)):
        events, lost = _events(text)
        lines += events
        broken += bool(lost)
        if broken > MOST_BROKEN:
            break
    return lines, broken


def glued(content: bytes) -> int:
    """How many events stand on a line behind another one."""
    return content.count(TOKEN) - sum(map(len, _texts(content)))


def _events(text: bytes, wanted: frozenset[str] | None = None) -> tuple[list[Line], bytes]:
    """The events of a line, which ranks that write at once may share, and what of it could not be decoded.

    Where one of several is broken only the last counts, as in MLPerf's parser.
    """
    try:
        return _event(text, wanted), b""
    except _BROKEN:
        if len(text) > LONGEST:
            return [], text
    parts = text.split(TOKEN)
    for first in sorted({0, len(parts) - 1}):
        try:
            events = [line for part in parts[first:] for line in _event(_mended(part), wanted)]
            return events, b"".join(parts[:first])
        except _BROKEN:
            continue
    return [], text


def _event(text: bytes, wanted: frozenset[str] | None) -> list[Line]:
    return [_slim(text)] if wanted is None or _key_decoder.decode(text).key in wanted else []


def _mended(text: bytes) -> bytes:
    """An event without what follows its last brace, such as a colour of the terminal, and as UTF-8."""
    event = text[: text.rfind(b"}") + 1]
    try:
        event.decode()
    except UnicodeDecodeError:
        return event.decode("latin-1").encode()
    return event


def _slim(text: bytes) -> Line:
    """A line without what nobody reads and memory must hold: lists and objects as values, or inside metadata."""
    if len(text) > LONGEST:
        raise msgspec.DecodeError("the line is longer than any")
    line = _decoder.decode(text)
    if not isinstance(line.value, _SCALAR):
        line.value = None
    if isinstance(line.metadata, dict):
        line.metadata = {
            name: value for name, value in line.metadata.items() if isinstance(value, _SCALAR)
        }
    return line


def _texts(content: bytes) -> Iterator[list[bytes]]:
    """The lines that have the token, after the token; taken in steps, so that many short lines need no memory."""
    for at, end in steps(content, 2**20):
        yield _LINE.findall(content, at, end)


def _texts_with(content: bytes, name: re.Pattern[bytes]) -> Iterator[list[bytes]]:
    """Those of them that have a name, or a backslash, behind which there may be one."""
    for at, end in steps(content, 2**20):
        texts: list[bytes] = []
        named = -1
        while (at := content.find(TOKEN, at, end)) >= 0:
            if named < at:
                named = _named(content, name, at, end)
            odd = content.find(b"\\", at, named)
            place = named if odd < 0 else odd
            if place == end:
                break
            stop = content.find(b"\n", place, end)
            stop = end if stop < 0 else stop
            begin = content.find(TOKEN, content.rfind(b"\n", at, place) + 1 or at, stop)
            if begin >= 0:
                texts.append(content[begin + len(TOKEN) : stop])
            at = stop
        yield texts


def _named(content: bytes, name: re.Pattern[bytes], at: int, end: int) -> int:
    """Where the first name stands, or `end`; a list of numbers, which holds no quote, is passed over."""
    while 0 <= at < end:
        if match := name.search(
            content, at, min(at + NEAR + len(name.pattern), end)
        ):  # no name is longer
            return match.start()
        at = content.find(b'"', at + NEAR, end)
    return end


@functools.lru_cache(16)
def _in_quotes(names: frozenset[str]) -> re.Pattern[bytes]:
    """One of some names in quotes; looked for by their first words, as many names have the same."""
    words = groupby(sorted(names), lambda name: name.partition("_")[0])
    parts = [
        re.escape(word) + f"(?:{'|'.join(re.escape(n[len(word) :]) for n in some)})"
        for word, some in words
    ]
    return re.compile(f'"(?:{"|".join(parts)})"'.encode("utf-8", "surrogatepass"))


def read_blocks(contents: Sequence[bytes]) -> list[Block | None]:
    """Logs whose readings are numbers and stand in one block; None for any other, which `read_all` reads.

    What one logger wrote is read at once: to begin costs as much as to read two hundred lines.
    """
    places = [_place(content) for content in contents]
    columns = _columns([content[place] for content, place in zip(contents, places, strict=True)])
    return list(map(_block, contents, places, columns))


def _place(content: bytes) -> slice:
    """Where the readings of a log stand: whole lines from the first to the last one."""
    first, last = content.find(_READING), content.rfind(_READING)
    if first < 0:
        return slice(0, 0)
    return slice(content.rfind(b"\n", 0, first) + 1, content.find(b"\n", last) + 1 or len(content))


def _block(content: bytes, place: slice, columns: _Columns | None) -> Block | None:
    markers = _decode_lines(content[: place.start] + content[place.stop :], _decoder)
    if columns is None or markers is None or any(line.key == "power_reading" for line in markers):
        return None
    before = content.count(_HEAD, 0, place.start)
    return Block(markers[:before], *columns, markers[before:])


def _columns(parts: Sequence[bytes]) -> list[_Columns | None]:
    """Columns of each part; None where a line of it is no reading."""
    together = _equal_lines(parts)
    if together is not None:
        return list(together)
    if len(parts) > 1:
        return [columns for part in parts for columns in _columns([part])]
    return [_readings(part) for part in parts]


def _equal_lines(parts: Sequence[bytes]) -> list[_Columns] | None:
    """The same where all lines of all parts differ in the digits of two numbers alone, as most loggers write them.

    Such lines are a matrix of bytes: where a column of it is not constant, it is one digit of all times or values.
    """
    content = b"".join(parts)
    line = content[: content.find(b"\n") + 1]
    numbers = [match for name in _NUMBERS if (match := name.search(line))]
    if len(numbers) != 2 or line.count(b'"time_ms"') + line.count(b'"value"') != 2 or b"\\" in line:
        return None
    first = _readings(line)
    if first is None or [int(number[1]) for number in numbers] != [*first[0], *first[1]]:
        return None
    if any(len(part) % len(line) for part in parts):
        return None
    text = np.frombuffer(content, np.uint8)
    cells = text.reshape(-1, len(line))
    places = np.zeros((len(line), 2))
    for column, number in enumerate(numbers):
        places[slice(*number.span(1)), column] = _POWERS[-len(number[1]) :]
    varying = (
        (text[len(line) :] != text[: -len(line)]).reshape(-1, len(line)).any(axis=0).nonzero()[0]
    )
    digits, weights = cells[:, varying] - ord("0"), places[varying]
    if not weights.any(axis=1).all() or digits.max(initial=0) > 9:
        return None
    change = (digits - digits[0].astype(float)) @ weights
    time_ms, value = first[0] + change[:, 0].astype(np.int64), first[1] + change[:, 1]
    least = [10 ** (len(number[1]) - 1) for number in numbers]
    if time_ms.min() < least[0] or value.min() < least[1] or time_ms.max() > LATEST_MS:
        return None  # a number that begins with 0, or no time
    ends = np.cumsum([len(part) // len(line) for part in parts]).tolist()
    return [(time_ms[a:b], value[a:b]) for a, b in pairwise([0, *ends])]


def _readings(content: bytes) -> _Columns | None:
    """The same of lines of any form."""
    rows = _decode_lines(content, _reading_decoder)
    if rows is None:
        return None
    try:
        time_ms = np.fromiter(map(attrgetter("time_ms"), rows), np.int64, len(rows))
    except OverflowError:
        return None
    if not 0 < time_ms.min(initial=1) <= time_ms.max(initial=1) <= LATEST_MS:
        return None
    return time_ms, np.fromiter(map(attrgetter("value"), rows), np.float64, len(rows))


def _decode_lines(content: bytes, decoder: msgspec.json.Decoder[Any]) -> list[Any] | None:
    """All lines at once; None where one of them is no MLLOG line, or not one that the decoder takes."""
    head, *rest = content.split(_HEAD)
    if head:
        return None
    try:
        lines = decoder.decode_lines(b"{".join([head, *rest]))
    except _BROKEN:
        return None
    return lines if len(lines) == len(rest) else None


def number(value: object) -> float | None:
    """A number from an MLLOG value that may be a number or a string; None where it is neither, or beyond MOST.

    What is nearer to 0 than 1/MOST is 0: products and ratios of a few such numbers are finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    if not abs(result) <= MOST:  # or no number
        return None
    return result if abs(result) >= 1 / MOST else 0.0


def count(value: object) -> float | None:
    """A number that may count work: at least a millionth and at most 1e18; None for any other."""
    found = number(value)
    return found if found is not None and 1e-6 <= found <= 1e18 else None
