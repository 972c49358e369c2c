"""The cells of a trace: the steps between its readings, each with its mean power.

What a reading *is* decides the power of a cell (docs/explanation/methodology.md, one run):

- `mean`: the reading is the mean power of the cell that ends at its stamp;
- `instant`, `estimate`: the mean of both readings (trapezoid);
- `counter`: the energy counted between both readings, divided by the time between them.

Two irregularities are settled here, once for all users of a trace: the unread part of a gap gets the mean of the
readings on both sides, and a counter that falls has either passed its modulus or begun anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from harness.core.timestamps import NS
from harness.traces.trace import GAP_CELLS, Floats, Ints, Trace

CHUNK_CELLS = 16_384
"""Cells processed at once, so that both columns of a chunk stay in the processor's cache."""


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
        is_reset: Whether the counter began anew; what it counted in the cell is then lost, and the power of the
            cell before is held. Otherwise the counter passed its modulus and nothing is lost.
    """

    cell: int
    energy_j: float
    is_reset: bool


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
        """Return where the cells `first` to `stop - 1` begin, and where the last one ends [ns UTC]."""
        t_ns = self.trace.t_ns
        if first > 0:
            return t_ns[first - 1 : stop]
        return np.concatenate([[self.start_ns], t_ns[:stop]])

    def power(self, first: int, stop: int) -> Floats:
        """Return the mean power of the cells `first` to `stop - 1` [W]."""
        value = self.trace.value
        if self.kind == "mean":
            return self._filled(first, stop)
        if self.kind != "counter":
            return (value[first:stop] + value[first - 1 : stop - 1]) / 2
        rise = np.diff(value[first - 1 : stop])
        if rise.min(initial=0.0) < 0:
            for cell in (first + np.flatnonzero(rise < 0)).tolist():
                rise[cell - first] = self.falls[cell].energy_j
        power: Floats = rise / (np.diff(self.boundaries(first, stop)) / NS)
        return power

    def _filled(self, first: int, stop: int) -> Floats:
        """Return means as they were read, with the unread part of each gap filled from both sides."""
        power = self.trace.value[first:stop]
        length = np.diff(self.boundaries(first, stop))
        if length.max(initial=0) <= self.gap_ns:
            return power
        power = power.copy()
        for cell in (first + np.flatnonzero(length > self.gap_ns)).tolist():
            unread = 1 - self.interval_ns / int(length[cell - first])
            before, after = self.trace.value[cell - 1], self.trace.value[cell]
            power[cell - first] = after + unread * (before - after) / 2
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
