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
    text = np.frombuffer(content, np.uint8)
    length, left = stop - start, np.arange(len(start))
    while len(left):
        same = length[left] == length[left[0]]
        cells = np.lib.stride_tricks.sliding_window_view(text, length[left[0]])[start[left[same]]]
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


def numbers(content: bytes, start: Ints, length: Ints) -> Ints:
    """Numbers of 1 to MOST_DIGITS digits that begin in a text at `start`; of any shape.

    From eight bytes each: neighbours become numbers of two digits, then of four, then of eight.
    """
    words = np.ndarray(len(content), "<u8", content + bytes(MOST_DIGITS), strides=(1,))[start]
    words <<= (8 * (MOST_DIGITS - length)).astype(np.uint64)  # what follows a number falls out, zeros come ahead of it
    words &= 0x0F0F0F0F0F0F0F0F
    for bits, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
        words = (words * 10 ** (bits // 8) + (words >> bits)) & mask
    return words.view(np.int64)
