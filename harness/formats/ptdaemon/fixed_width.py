"""Read numbers from lines that one program writes: they differ in digits alone.

Lines of equal length are a matrix of bytes, one row a line. Its columns that vary are digits, and
a number is the sum of its digits times their place values, for all lines at once. In three steps::

    for lines in group_by_template(content, starts, stops):   # lines of one form
        positions = digit_positions(whole_spans, decimal_spans)
        values = numbers(lines, positions)                    # float64, shape (numbers, n)
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.traces.trace import Floats, Ints

Spans = tuple[tuple[int, int], ...]
"""Where some texts begin and end in a line."""
CACHED_LINES = 256
"""Lines whose digits are taken together, so that they stay in the processor's cache."""
_TEN_DIGITS = np.arange(10, dtype=np.uint8)[:, None]
_ZERO = np.uint8(ord("0"))


@dataclass(frozen=True, slots=True)
class LineTemplate:
    """Lines of a text that have the same bytes but for digits, which stand at the same positions.

    Attributes:
        line_numbers: Which lines, int64, shape (n,).
        first: The first of them.
        varying: Positions whose digit differs between lines, int64, shape (positions,).
        digits: The digits there, uint8, shape (positions, n).
    """

    line_numbers: Ints
    first: bytes
    varying: Ints
    digits: NDArray[np.uint8]

    def varies_only_at(self, positions: Ints) -> bool:
        """Tell whether all that varies stands at some positions, see `digit_positions`."""
        allowed = np.zeros(len(self.first) + 1, bool)
        allowed[positions] = True
        return bool(allowed[self.varying].all())


def group_by_template(content: bytes, start: Ints, stop: Ints) -> Iterator[LineTemplate]:
    """Yield the lines of a text in groups, in the order of the first line of each.

    Args:
        content: The text.
        start: Where each line begins, int64, shape (n,).
        stop: Where each line ends, int64, shape (n,).
    """
    length, remaining = stop - start, np.arange(len(start))
    while len(remaining):
        # 1. The lines that are as long as the first one.
        width = int(length[remaining[0]])
        belongs = length[remaining] == width
        all_cells = np.ndarray(
            (len(content) - width + 1, width), np.uint8, content, strides=(1, 1)
        )  # a view: row k is the text from byte k on
        cells = all_cells[start[remaining[belongs]]]
        varying, digits = _varying(cells)

        # 2. Of them, those that differ from the first one in digits alone.
        if digits.max(initial=0) > 9:
            first_digits = digits[:, :1]
            is_equal = digits == first_digits
            are_digits = np.maximum(digits, first_digits) <= 9
            fits = (is_equal | are_digits).all(axis=0)
            belongs[belongs] = fits
            varying, digits = _varying(cells[fits])

        yield LineTemplate(remaining[belongs], cells[0].tobytes(), varying, digits)
        remaining = remaining[~belongs]


def _varying(cells: NDArray[np.uint8]) -> tuple[Ints, NDArray[np.uint8]]:
    """Return the positions where a line differs from the first, and what all lines have there.

    What they have there is a digit, or a number above 9 that stands for another character.
    """
    varying = np.flatnonzero((cells != cells[0]).any(axis=0))
    return varying, np.ascontiguousarray(cells[:, varying].T) - _ZERO


@functools.lru_cache(256)
def digit_positions(whole: Spans, decimals: Spans) -> Ints:
    """Return where the digits of some numbers stand in a line.

    Args:
        whole: By number, where its digits before the decimal point begin and end.
        decimals: By number, where its digits after the decimal point begin and end.

    Returns:
        Positions from the first digit to the last, int64, shape (digits, numbers). Shorter
        numbers are filled up in front with -1; the count of digits is a multiple of 4.
    """
    (begin, point), (decimals_begin, end) = np.array(whole).T, np.array(decimals).T
    decimal_count = end - decimals_begin
    most = int((point - begin + decimal_count).max())
    from_last = np.arange(-(-most // 4) * 4)[::-1, None]
    is_decimal = from_last < decimal_count
    position = np.where(is_decimal, end - 1 - from_last, point - 1 - from_last + decimal_count)
    positions = np.where(is_decimal | (position >= begin), position, -1)
    positions.flags.writeable = False
    return positions


def numbers(lines: LineTemplate, positions: Ints) -> Floats:
    """Return the whole numbers whose digits stand at some positions of some lines.

    Args:
        lines: The lines.
        positions: See `digit_positions`; the decimal point is left out, so 12.50 is 1250.

    Returns:
        float64, shape (numbers, n).
    """
    # Row k of `rows` says where the digits of position k are: those that vary in `lines.digits`,
    # and below them ten constant rows, of zeros, of ones, and so on. -1 takes the last, a zero.
    varying_count = len(lines.varying)
    first_line = np.frombuffer(lines.first, np.uint8).astype(np.int64)
    rows = np.append(first_line + (varying_count - ord("0")), varying_count)
    rows[lines.varying] = np.arange(varying_count)
    wanted = rows[positions]

    values = np.empty((positions.shape[1], len(lines.line_numbers)))
    for start in range(0, len(lines.line_numbers), CACHED_LINES):
        varying = lines.digits[:, start : start + CACHED_LINES]
        digits = np.empty((varying_count + 10, varying.shape[1]), np.uint8)
        digits[:varying_count], digits[varying_count:] = varying, _TEN_DIGITS
        values[:, start : start + CACHED_LINES] = _values(digits[wanted])
    return values


def _values(digits: NDArray[np.uint8]) -> Floats:
    """Return numbers from their digits, which are the first axis.

    Neighbours are put together to numbers of two digits, then of four, in the smallest type that
    holds them; only those become floating point.
    """
    pairs = digits[0::2] * np.uint8(10) + digits[1::2]
    first, *rest = pairs[0::2] * np.uint16(100) + pairs[1::2]
    value = first.astype(np.float64)
    for four_digits in rest:
        value *= 10_000
        value += four_digits
    return np.asarray(value, np.float64)
