"""MLLOG lines: `:::MLLOG ` and one JSON object, in LoadGen's detail log and in training logs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

TOKEN = b":::MLLOG"


class Line(msgspec.Struct):
    """The fields of an MLLOG line that the harness uses; time_ms is what the line says, of any type."""

    key: str
    value: Any = None
    time_ms: Any = None
    metadata: Any = None


_decoder = msgspec.json.Decoder(Line)


def select(content: bytes, keys: Iterable[str]) -> tuple[list[Line], int]:
    """Lines with one of `keys`, in file order, and how many of them could not be decoded.

    Only lines that carry the key are decoded: a detail log is mostly lines that nobody asks for.
    """
    spans: dict[int, int] = {}
    for key in keys:
        for start, end in _lines_with(content, b'"' + key.encode() + b'"'):
            spans[start] = end
    wanted, found, broken = set(keys), [], 0
    for start in sorted(spans):
        line = decode(content[start : spans[start]])
        if line is None:
            broken += 1
        elif line.key in wanted:
            found.append(line)
    return found, broken


def _lines_with(content: bytes, quoted: bytes) -> Iterator[tuple[int, int]]:
    at = content.find(quoted)
    while at >= 0:
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        start = content.rfind(b"\n", 0, at) + 1
        token = content.find(TOKEN, start, end)
        if token >= 0:
            yield token, end
        at = content.find(quoted, end)


def decode(line: bytes) -> Line | None:
    """One line from its token on, or None where it is not MLLOG."""
    try:
        return _decoder.decode(line[len(TOKEN) :])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def read_all(content: bytes) -> tuple[list[Line], int]:
    """All MLLOG lines of a log that holds little else, and how many lines with the token are broken."""
    if content.count(TOKEN + b" {") == content.count(b"\n") and content.startswith(TOKEN):
        try:
            return _decoder.decode_lines(content.replace(TOKEN, b"")), 0
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            pass  # one bad line: take them one by one
    lines, broken = [], 0
    for text in content.split(b"\n"):
        token = text.find(TOKEN)
        if token >= 0:
            line = decode(text[token:])
            broken += line is None
            if line is not None:
                lines.append(line)
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
