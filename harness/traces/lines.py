"""Lines of a large text, taken without an object for each of those that nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np

STEP = 4 * 2**20
"""Bytes of text that are looked at together: so much, times what objects weigh, is held at once."""
_SPACES = b" \t\x0b\x0c"
T = TypeVar("T", bound=bytes)


def filled(content: bytes) -> int:
    """How many lines hold more than spaces; a line ends with a line feed, a carriage return, or both."""
    found, at = 0, 0
    while at < len(content):
        end = content.find(b"\n", at + STEP) + 1 or len(content)
        code = np.frombuffer(content[at:end].translate(None, _SPACES), np.uint8)
        text = (code != 10) & (code != 13)
        found += int(text[:1].sum()) + int((text[1:] & ~text[:-1]).sum())
        at = end
    return found


def together(lines: Sequence[T]) -> Iterator[Sequence[T]]:
    """The lines in groups of about STEP bytes, at least one line in each."""
    first = size = 0
    for at, line in enumerate(lines):
        size += len(line)
        if size >= STEP:
            yield lines[first : at + 1]
            first, size = at + 1, 0
    if first < len(lines):
        yield lines[first:]
