"""Columns of any length: short ones lie in memory, long ones in a temporary file.

A column that grows beyond SPILL_BYTES moves to an unnamed file in the folder for temporary files
(TMPDIR), which is mapped into memory: the system keeps what is in use and takes back the rest, so a
long run needs no more memory than a short one. All that goes through a whole column does so in
`spans`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import JoulemarkError

S = TypeVar("S", np.int64, np.float64)

SPILL_BYTES = 4 * 2**20
"""A column beyond this size lies in a file."""
SPAN_ROWS = 2**17
"""Rows that are processed at once: a MiB of each column."""


class NoTemporarySpace(JoulemarkError):
    """A long column does not fit into the folder for temporary files."""

    exit_code = 3


class GrowingColumn(Generic[S]):
    """A column that takes rows part by part.

    Args:
        dtype: int64 or float64.
    """

    def __init__(self, dtype: type[S]) -> None:
        self._dtype: np.dtype[S] = np.dtype(dtype)
        self._parts: list[NDArray[S]] = []
        self._bytes = 0
        self._file: Any = None

    def __del__(self) -> None:  # what was read up to a fault, and is not wanted any more
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return self._bytes // int(self._dtype.itemsize)

    def extend(self, rows: NDArray[S]) -> None:
        """Append rows.

        Raises:
            NoTemporarySpace: The file cannot take them.
        """
        self._bytes += rows.nbytes
        if self._file is None and self._bytes <= SPILL_BYTES:
            self._parts.append(rows)
            return
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="joulemark-")  # noqa: SIM115 - the mapping outlives it
                for part in self._parts:
                    self._file.write(part.tobytes())
                self._parts.clear()
            self._file.write(rows.tobytes())
        except OSError as error:
            raise NoTemporarySpace(
                f"the columns of a long trace cannot be stored: {error.strerror}",
                where=tempfile.gettempdir(),
                expected=f"room for {self._bytes} bytes and more",
                fix="Free space there, or let TMPDIR name a folder on a larger disk.",
            ) from None

    def column(self) -> NDArray[S]:
        """Return all rows as one array; it takes no more rows afterwards."""
        if self._file is None:
            return np.concatenate([*self._parts, np.empty(0, self._dtype)])
        self._file.flush()
        mapped = np.memmap(self._file, self._dtype, mode="r+")
        self._file.close()  # the mapping stays
        return np.asarray(mapped)


def spans(first: int, stop: int, rows: int = SPAN_ROWS) -> Iterator[slice]:
    """Yield the ranges of rows that are processed at once."""
    for low in range(first, stop, rows):
        yield slice(low, min(low + rows, stop))


def order_statistic(part: Callable[[slice], NDArray[Any]], count: int, rank: int) -> int:
    """Return the integer that `rank` of `count` integers are not above, as sorting would give it.

    A long column is not sorted: half of the range that is left is counted away in each pass.

    Args:
        part: Returns the integers of a range of rows; int64.
        count: How many there are.
        rank: Place in the sorted order, from 0.
    """
    if count <= SPAN_ROWS:
        values = np.array(part(slice(0, count)))
        values.partition(rank)
        return int(values[rank])
    low = min(int(part(rows).min()) for rows in spans(0, count))
    high = max(int(part(rows).max()) for rows in spans(0, count))
    while low < high:
        middle = (low + high) // 2
        at_most = sum(int(np.count_nonzero(part(rows) <= middle)) for rows in spans(0, count))
        if at_most > rank:
            high = middle
        else:
            low = middle + 1
    return low


def median_of(part: Callable[[slice], NDArray[Any]], count: int) -> float:
    """Return the median of integers; the arguments are those of `order_statistic`."""
    upper = order_statistic(part, count, count // 2)
    if count % 2:
        return float(upper)
    return (order_statistic(part, count, count // 2 - 1) + upper) / 2
