"""MLLOG lines: `:::MLLOG ` and one JSON object, in LoadGen's detail log and in training logs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

TOKEN = b":::MLLOG"
MOST_BROKEN = 100_000
"""After so many lines that cannot be decoded a log is read no further: each costs as much as ten good ones."""
LONGEST = 2**20
"""A line beyond this is broken [bytes]; real ones have less than a hundredth of it."""
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

    time_ms, value: of the readings, as the log says them, int64 and float64, shape (n,)
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
_LINE = re.compile(re.escape(TOKEN) + rb"([^\n]*)")
"""What follows the token in each line that has it."""

_plain_decoder = msgspec.json.Decoder(_Plain)
_decoder, _key_decoder = msgspec.json.Decoder(Line), msgspec.json.Decoder(_Keyed)
_reading_decoder = msgspec.json.Decoder(_Reading)


def select(content: bytes, keys: Iterable[str]) -> tuple[list[Line], int]:
    """Lines with one of `keys`, in file order, and how many of them could not be decoded.

    Of the other lines only the key is decoded: a detail log is mostly lines that nobody asks for.
    """
    wanted = frozenset(keys)
    found: list[Line] = []
    broken = failed = 0
    for texts in _texts(content):
        if (together := _select_together(texts, wanted)) is not None:
            found += together
            continue
        for text in texts:
            try:
                if _key_decoder.decode(text).key in wanted:
                    found.append(_slim(text))
            except _BROKEN:
                broken += any(b'"' + key.encode() + b'"' in text for key in wanted)
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
        try:
            lines.append(_slim(text))
        except _BROKEN:
            broken += 1
            if broken > MOST_BROKEN:
                break
    return lines, broken


def _slim(text: bytes) -> Line:
    """A line without what nobody reads and memory must hold: lists and objects as values, or inside metadata."""
    if len(text) > LONGEST:
        raise msgspec.DecodeError("the line is longer than any")
    line = _decoder.decode(text)
    if not isinstance(line.value, _SCALAR):
        line.value = None
    if isinstance(line.metadata, dict):
        line.metadata = {name: value for name, value in line.metadata.items() if isinstance(value, _SCALAR)}
    return line


def _texts(content: bytes) -> Iterator[list[bytes]]:
    """The lines that have the token, after the token; taken in steps, so that many short lines need no memory."""
    at = 0
    while at < len(content):
        end = content.find(b"\n", at + 2**20) + 1 or len(content)
        yield _LINE.findall(content, at, end)
        at = end


def read_block(content: bytes) -> Block | None:
    """A log whose readings are numbers and stand in one block; None for any other, which `read_all` reads."""
    first, last = content.find(_READING), content.rfind(_READING)
    if first < 0:
        return None
    start, stop = content.rfind(b"\n", 0, first) + 1, content.find(b"\n", last) + 1 or len(content)
    rows = _decode_lines(content[start:stop], _reading_decoder)
    head, tail = (_decode_lines(part, _decoder) for part in (content[:start], content[stop:]))
    if rows is None or head is None or tail is None:
        return None
    try:
        time_ms = np.fromiter(map(attrgetter("time_ms"), rows), np.int64, len(rows))
    except OverflowError:
        return None
    return Block(head, time_ms, np.fromiter(map(attrgetter("value"), rows), np.float64, len(rows)), tail)


def _decode_lines(content: bytes, decoder: msgspec.json.Decoder[Any]) -> list[Any] | None:
    """All lines at once; None where one of them is no MLLOG line, or not one that the decoder takes."""
    head, *rest = content.split(TOKEN + b" {")
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
