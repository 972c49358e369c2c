"""Lines that differ in digits alone, as one program writes them: a matrix of bytes, whose columns are digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.traces.trace import Ints

MOST_DIGITS = 8
"""Of one number: those that eight bytes hold."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Lines of a text that have the same bytes but for digits, which stand at the same places.

    at: which lines, int64, shape (n,); first: the first of them; varying: places whose digit is not that of the first
    """

    at: Ints
    first: bytes
    varying: list[int]


def alike(content: bytes, start: Ints, stop: Ints) -> Iterator[Alike]:
    """Lines start..stop of a text in groups, in the order of the first line of each."""
    length, left = stop - start, np.arange(len(start))
    while len(left):
        size = int(length[left[0]])
        same = length[left] == size
        cells = np.ndarray((len(content) - size + 1, size), np.uint8, content, strides=(1, 1))[start[left[same]]]
        varying = _varying(cells)
        digits = cells[:, varying] - np.uint8(ord("0"))
        if digits.max(initial=0) > 9:
            fits = ((digits == digits[0]) | (np.maximum(digits, digits[0]) <= 9)).all(axis=1)
            same[same] = fits
            varying = _varying(cells[fits])
        yield Alike(left[same], cells[0].tobytes(), varying.tolist())
        left = left[~same]


def _varying(cells: NDArray[np.uint8]) -> Ints:
    return np.flatnonzero((cells != cells[0]).any(axis=0))


def numbers(content: bytes, start: Ints, of: Ints, begin: Ints, length: Ints) -> Ints:
    """The numbers of some lines, int64, shape (numbers, lines).

    start: where each line begins in the text; of: its form; begin, length: where in a line of a form each number
    begins, and its digits, 1 to MOST_DIGITS; shape (forms, numbers)
    """
    words = np.ndarray(len(content), "<u8", content + bytes(MOST_DIGITS), strides=(1,))
    shift = (8 * (MOST_DIGITS - length)).astype(np.uint64)
    found = np.empty((begin.shape[1], len(start)), np.int64)
    for at in range(0, len(start), _TOGETHER):
        some = slice(at, at + _TOGETHER)
        form = of[some]
        found[:, some] = _values(words[start[some] + np.take(begin.T, form, axis=1)], np.take(shift.T, form, axis=1))
    return found


_TOGETHER = 256
"""Lines whose numbers are taken together: memory that is used again costs less than fresh memory."""


def _values(words: NDArray[np.uint64], shift: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Numbers from eight bytes each: neighbours become numbers of two digits, then of four, then of eight."""
    words = (words << shift) & np.uint64(0x0F0F0F0F0F0F0F0F)  # what follows a number falls out, zeros come ahead of it
    for bits, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
        words = (words * np.uint64(10 ** (bits // 8)) + (words >> np.uint64(bits))) & np.uint64(mask)
    return words
