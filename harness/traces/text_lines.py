"""Lines of a large text, without an object for each line that nobody uses."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TypeVar, overload

import numpy as np

STEP = 4 * 2**20
"""Bytes of text that are processed at once, which bounds the memory that their objects take."""
_SPACES = b" \t\x0b\x0c"
_SIGNS = (b",+", b",-", b"\n+", b"\n-")
T = TypeVar("T", bound=bytes)


def steps(content: bytes, size: int = STEP) -> Iterator[tuple[int, int]]:
    """Yield begin and end of pieces of whole lines, of `size` bytes and the rest of a line."""
    at = 0
    while at < len(content):
        end = content.find(b"\n", at + size) + 1 or len(content)
        yield at, end
        at = end


def has_signed_cell(text: bytes) -> bool:
    """Tell whether a cell of comma-separated lines begins with a sign.

    Such cells are read one by one: `numpy.loadtxt` takes ``-0`` and ``+1`` for whole numbers.
    """
    if b"-" not in text and b"+" not in text:
        return False
    return text.startswith((b"+", b"-")) or any(sign in text for sign in _SIGNS)


def count_filled(content: bytes) -> int:
    """Count the lines that hold more than spaces.

    A line ends with a line feed, a carriage return, or both.
    """
    count = 0
    for at, end in steps(content):
        code = np.frombuffer(content[at:end].translate(None, _SPACES), np.uint8)
        text = (code != 10) & (code != 13)
        count += int(text[:1].sum()) + int((text[1:] & ~text[:-1]).sum())
    return count


def line_groups(lines: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the lines in groups of about STEP bytes, at least one line in each."""
    first = size = 0
    for at, line in enumerate(lines):
        size += len(line)
        if size >= STEP:
            yield lines[first : at + 1]
            first, size = at + 1, 0
    if first < len(lines):
        yield lines[first:]


class Lines(Sequence[bytes]):
    """The lines of a text that does not end with a line feed, split when one is first used."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __len__(self) -> int:
        return self._content.count(b"\n") + 1

    @functools.cached_property
    def _lines(self) -> list[bytes]:
        return self._content.split(b"\n")

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> list[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | list[bytes]:
        return self._lines[at]


class Cells(Sequence[str]):
    """One cell of each line as it is written; only cells that are used become text."""

    def __init__(self, lines: Sequence[bytes], cell: int) -> None:
        self._lines, self._cell = lines, cell

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[k] for k in range(*at.indices(len(self)))]
        return (
            self._lines[at].split(b",", self._cell + 1)[self._cell][:40].decode("utf-8", "replace")
        )
