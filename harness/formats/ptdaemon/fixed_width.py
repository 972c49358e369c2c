"""Lines that differ in digits alone, as one program writes them: a matrix of bytes, whose columns are digits."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.traces.trace import Floats, Ints

Spans = tuple[tuple[int, int], ...]
_TOGETHER = 256
"""Lines whose digits are taken together, so that they stay in the cache."""
_DIGITS = np.arange(10, dtype=np.uint8)[:, None]


@dataclass(frozen=True, slots=True)
class LineTemplate:
    """Lines of a text that have the same bytes but for digits, which stand at the same places.

    at: which lines, int64, shape (n,); first: the first of them
    varying: places whose digit is not in all of them that of the first, int64, shape (places,)
    digits: those that stand there, uint8, shape (places, n)
    """

    at: Ints
    first: bytes
    varying: Ints
    digits: NDArray[np.uint8]

    def digit_positions(self, where: Ints) -> bool:
        """Whether all that varies stands at some places, as `places` gives them."""
        known = np.zeros(len(self.first) + 1, bool)
        known[where] = True
        return bool(known[self.varying].all())


def alike(content: bytes, start: Ints, stop: Ints) -> Iterator[LineTemplate]:
    """Lines start..stop of a text in groups, in the order of the first line of each."""
    length, left = stop - start, np.arange(len(start))
    while len(left):
        size = int(length[left[0]])
        same = length[left] == size
        cells = np.ndarray((len(content) - size + 1, size), np.uint8, content, strides=(1, 1))[
            start[left[same]]
        ]
        varying, digits = _varying(cells)
        if digits.max(initial=0) > 9:
            fits = ((digits == digits[:, :1]) | (np.maximum(digits, digits[:, :1]) <= 9)).all(
                axis=0
            )
            same[same] = fits
            varying, digits = _varying(cells[fits])
        yield LineTemplate(left[same], cells[0].tobytes(), varying, digits)
        left = left[~same]


def _varying(cells: NDArray[np.uint8]) -> tuple[Ints, NDArray[np.uint8]]:
    """Places where some line differs from the first, and by place what the lines have there, as digits."""
    varying = np.flatnonzero((cells != cells[0]).any(axis=0))
    return varying, np.ascontiguousarray(cells[:, varying].T) - np.uint8(ord("0"))


@functools.lru_cache(256)
def places(whole: Spans, part: Spans) -> Ints:
    """Where in a line the digits of numbers stand, int64, shape (digits, numbers); -1 ahead of a shorter number.

    whole, part: where the digits ahead of each decimal point begin and end, and those behind it
    """
    (begin, end), (point, last) = np.array(whole).T, np.array(part).T
    behind = last - point
    most = int((end - begin + behind).max())
    rank = np.arange(-(-most // 4) * 4)[::-1, None]  # from the last digit on
    place = np.where(rank < behind, last - 1 - rank, end - 1 - rank + behind)
    found = np.where((rank < behind) | (place >= begin), place, -1)
    found.flags.writeable = False
    return found


def numbers(lines: LineTemplate, where: Ints) -> Floats:
    """Whole numbers whose digits stand at some places of lines, as `places` gives them; float64, shape (numbers, n)."""
    zero = len(lines.varying)  # after the digits that vary come rows of zeros, of ones, and so on
    row = np.append(np.frombuffer(lines.first, np.uint8).astype(np.int64) + (zero - ord("0")), zero)
    row[lines.varying] = np.arange(zero)
    taken = row[where]
    found = np.empty((where.shape[1], len(lines.at)))
    for at in range(0, len(lines.at), _TOGETHER):
        varying = lines.digits[:, at : at + _TOGETHER]
        digits = np.empty((zero + 10, varying.shape[1]), np.uint8)
        digits[:zero], digits[zero:] = varying, _DIGITS
        found[:, at : at + _TOGETHER] = _values(digits[taken])
    return found


def _values(digits: NDArray[np.uint8]) -> Floats:
    """Numbers from their digits, the first axis: neighbours become numbers of two digits, then of four."""
    pairs = digits[0::2] * np.uint8(10) + digits[1::2]
    first, *rest = pairs[0::2] * np.uint16(100) + pairs[1::2]
    value = first.astype(np.float64)
    for four in rest:
        value *= 10_000
        value += four
    return np.asarray(value, np.float64)
