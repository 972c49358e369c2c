"""The cells of a trace: the steps between its readings, each with its mean power.

What a reading *is* decides the power of a cell (docs/explanation/methodology.md, one run):

- `mean`: the reading is the mean power of the cell that ends at its stamp;
- `instant`, `estimate`: the mean of both readings (trapezoid);
- `counter`: the energy counted between both readings, divided by the time between them.

Two irregularities are settled here, once for all users of a trace: the unread part of a gap gets
the mean of the readings on both sides, and a counter that falls has either passed its modulus or
begun anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.core.timestamps import NS
from harness.traces.trace import GAP_CELLS, Floats, Ints, Trace

CHUNK_CELLS = 32_768
"""Cells processed at once: both columns of a chunk stay in the processor's cache."""


def chunks(first: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows that are processed at once."""
    for low in range(first, stop, CHUNK_CELLS):
        yield low, min(low + CHUNK_CELLS, stop)


@dataclass(frozen=True, slots=True)
class CounterFall:
    """A cell in which a counter shows less than before.

    Attributes:
        cell: Index of the cell.
        energy_j: Energy used in the cell [J].
        is_reset: Whether the counter began anew; what it counted in the cell is then lost, and the
            power of the cell before is held. Otherwise the counter passed its modulus and nothing
            is lost.
    """

    cell: int
    energy_j: float
    is_reset: bool


@dataclass(frozen=True, slots=True)
class CellRange:
    """Some cells in a row.

    Attributes:
        lengths_ns: Length of each cell [ns], shape (n,).
        power_w: Mean power of each cell [W], shape (n,).
        longest_ns: The longest of them [ns].
        gaps: Indices of those that are gaps.
    """

    lengths_ns: Ints
    power_w: Floats
    longest_ns: int
    gaps: list[int]


class Cells:
    """The cells of a trace. Cell `i` begins at reading `i - 1` and ends at reading `i`.

    A `mean` has a cell 0 too: its first reading speaks of the interval before it.

    Attributes:
        trace: The readings.
        interval_ns: Expected time between readings [ns].
        gap_ns: A cell longer than this is a gap [ns].
        first: Index of the first cell.
        stop: Index after the last cell.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.kind = trace.channel.kind
        self.interval_ns = round(trace.expected_interval_s * NS)
        self.gap_ns = int(GAP_CELLS * self.interval_ns)
        self.first = 0 if self.kind == "mean" else 1
        self.stop = len(trace)

    @property
    def has_gaps(self) -> bool:
        """Whether a long cell is a gap; a counter that is read late loses nothing."""
        return self.kind != "counter"

    @property
    def start_ns(self) -> int:
        """Begin of the first cell [ns UTC]."""
        return int(self.trace.t_ns[0]) - (self.interval_ns if self.first == 0 else 0)

    def boundaries(self, first: int, stop: int) -> Ints:
        """Return the begins of cells `first` to `stop - 1`, and the end of the last [ns UTC]."""
        t_ns = self.trace.t_ns
        if first > 0:
            return t_ns[first - 1 : stop]
        return np.concatenate([[self.start_ns], t_ns[:stop]])

    def read(self, first: int, stop: int) -> CellRange:
        """Return lengths and powers of the cells `first` to `stop - 1`."""
        value = self.trace.value
        bounds_ns = self.boundaries(first, stop)
        lengths_ns = bounds_ns[1:] - bounds_ns[:-1]
        longest_ns = int(lengths_ns.max(initial=0))
        gaps: list[int] = []
        if longest_ns > self.gap_ns and self.has_gaps:
            gaps = (first + np.flatnonzero(lengths_ns > self.gap_ns)).tolist()
        before = value[first - 1 : stop - 1] if first > 0 else value[:0]
        power_w = self._power(range(first, stop), before, value[first:stop], lengths_ns, bool(gaps))
        return CellRange(lengths_ns, power_w, longest_ns, gaps)

    def power(self, first: int, stop: int) -> Floats:
        """Return the mean power of the cells `first` to `stop - 1` [W]."""
        return self.read(first, stop).power_w

    def gather(self, cells: Ints) -> tuple[Ints, Floats]:
        """Return begin [ns UTC] and mean power [W] of cells anywhere, shape (n,) each."""
        t_ns, value = self.trace.t_ns, self.trace.value
        previous = np.maximum(cells - 1, 0)
        begin_ns = np.where(cells > 0, t_ns[previous], self.start_ns)
        lengths_ns = t_ns[cells] - begin_ns
        power_w = self._power(cells, value[previous], value[cells], lengths_ns, self.has_gaps)
        return begin_ns, power_w

    def _power(
        self,
        cells: range | Ints,
        before: Floats,
        after: Floats,
        lengths_ns: Ints,
        may_have_gaps: bool,
    ) -> Floats:
        """Return the mean power of cells [W] from the readings at both of their ends."""
        if self.kind == "counter":
            rise = after - before
            for i in np.flatnonzero(rise < 0).tolist():
                rise[i] = self.falls[int(cells[i])].energy_j
            return np.asarray(rise / (lengths_ns / NS))
        if self.kind != "mean":
            return (before + after) / 2
        if not may_have_gaps:
            return after
        power = after.copy()
        for i in np.flatnonzero(lengths_ns > self.gap_ns).tolist():
            unread = 1 - self.interval_ns / int(lengths_ns[i])
            power[i] += unread * (self.trace.value[int(cells[i]) - 1] - power[i]) / 2
        return power

    @cached_property
    def falls(self) -> dict[int, CounterFall]:
        """Cells in which a counter fell, by index; empty for other kinds."""
        falls: dict[int, CounterFall] = {}
        if self.kind != "counter":
            return falls
        value = self.trace.value
        for low, high in chunks(self.first, self.stop):
            for cell in (low + np.flatnonzero(np.diff(value[low - 1 : high]) < 0)).tolist():
                falls[cell] = self._fall(cell, falls)
        return falls

    def _fall(self, cell: int, earlier: dict[int, CounterFall]) -> CounterFall:
        """Tell a counter that passed its modulus from one that was reset."""
        t_ns, value = self.trace.t_ns, self.trace.value
        modulus = self.trace.channel.counter_modulus_j
        rise = float(value[cell] - value[cell - 1])
        if modulus and 0 <= rise + modulus <= modulus / 2:
            return CounterFall(cell, rise + modulus, is_reset=False)
        if (
            cell == self.first
        ):  # nothing came before: what was counted since the reset is all there is
            return CounterFall(cell, float(value[cell]), is_reset=True)
        if cell - 1 in earlier:
            rise_before = earlier[cell - 1].energy_j
        else:
            rise_before = float(value[cell - 1] - value[cell - 2])
        usual_w = rise_before / int(t_ns[cell - 1] - t_ns[cell - 2])
        return CounterFall(cell, usual_w * int(t_ns[cell] - t_ns[cell - 1]), is_reset=True)
