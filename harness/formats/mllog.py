"""MLLOG lines: `:::MLLOG ` and one JSON object, in LoadGen's detail log and in training logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

TOKEN = b":::MLLOG"
_BROKEN = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Line(msgspec.Struct, gc=False):
    """The fields of an MLLOG line that the harness uses; time_ms is what the line says, of any type."""

    key: str
    value: Any = None
    time_ms: Any = None
    metadata: Any = None


class _Keyed(msgspec.Struct, gc=False):
    key: str


_decoder, _key_decoder = msgspec.json.Decoder(Line), msgspec.json.Decoder(_Keyed)


def select(content: bytes, keys: Iterable[str]) -> tuple[list[Line], int]:
    """Lines with one of `keys`, in file order, and how many of them could not be decoded.

    Of the other lines only the key is decoded: a detail log is mostly lines that nobody asks for.
    """
    wanted = frozenset(keys)
    found, broken = [], 0
    for text in _texts(content):
        try:
            if _key_decoder.decode(text).key in wanted:
                found.append(_decoder.decode(text))
        except _BROKEN:
            broken += any(b'"' + key.encode() + b'"' in text for key in wanted)
    return found, broken


def _texts(content: bytes) -> Iterator[bytes]:
    """Each line that has the token, after the token."""
    at = content.find(TOKEN)
    while at >= 0:
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        yield content[at + len(TOKEN) : end]
        at = content.find(TOKEN, end)


def read_all(content: bytes) -> tuple[list[Line], int]:
    """All MLLOG lines of a log that holds little else, and how many lines with the token are broken."""
    head, *rest = content.split(TOKEN + b" {")
    if not head and len(rest) == content.count(b"\n"):
        try:
            return _decoder.decode_lines(b"{".join([head, *rest])), 0
        except _BROKEN:
            pass  # one bad line: take them one by one
    lines, broken = [], 0
    for text in _texts(content):
        try:
            lines.append(_decoder.decode(text))
        except _BROKEN:
            broken += 1
    return lines, broken


def number(value: object) -> float | None:
    """A finite number from an MLLOG value that may be a number or a string; None where it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        result = float(value)
    except (ValueError, OverflowError):
        return None
    return result if abs(result) < float("inf") else None
