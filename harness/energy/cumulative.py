"""Cumulative energy of a trace.

The one function behind the energy of a window and the energy of each hour.

Energy runs through the cells of a trace (`harness.energy.cells`) at their mean power. Before the
first and after the last reading the nearest power is held. So the energies of adjacent spans add
up, wherever they are cut.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.timestamps import NS
from harness.energy.cells import Cells, chunks
from harness.traces.trace import Floats, Ints, Trace


def energy_between(trace: Trace, cuts_ns: Ints) -> Floats:
    """Return the energy between neighbouring cuts.

    Args:
        trace: Readings of one channel.
        cuts_ns: Instants in order [ns UTC], shape (n + 1,).

    Returns:
        Energy of each span [J], shape (n,).
    """
    cells = Cells(trace)
    if cells.stop <= cells.first:
        return np.asarray(_held_power(trace) * np.diff(cuts_ns) / NS)
    # 1. The cell that holds each cut, and the energy from its begin to the cut.
    holder = np.searchsorted(trace.t_ns, cuts_ns, "right")
    holder = np.clip(holder, cells.first, cells.stop - 1)
    begin_ns, power_w = cells.gather(holder)
    partial = power_w * (cuts_ns - begin_ns) / NS
    # 2. The energy of the whole cells from the cell of one cut to the cell of the next.
    return np.asarray(_between_cells(cells, holder) + np.diff(partial))


@dataclass(frozen=True, slots=True)
class CellSums:
    """Sums over whole cells.

    Attributes:
        energy_j: Energy of each group of cells [J], shape (n,).
        longest_ns: Length of the longest cell [ns].
        gaps: Indices of the cells that are gaps.
    """

    energy_j: Floats
    longest_ns: int
    gaps: list[int]


def sum_cells(cells: Cells, bounds: Ints, stop: int) -> CellSums:
    """Sum the cells from each bound to the next, and from the last bound to `stop`.

    Args:
        cells: Cells of a trace.
        bounds: Indices of cells in increasing order, shape (n,).
        stop: Index after the last cell, above all bounds.
    """
    energy = np.zeros(len(bounds))  # [W ns]
    longest_ns, gaps = 0, list[int]()
    for low, high in chunks(int(bounds[0]), stop):
        chunk = cells.read(low, high)
        lengths = chunk.lengths_ns.astype(np.float64)
        group, after = np.searchsorted(bounds, [low, high - 1], "right").tolist()
        if group == after:
            # einsum, as BLAS shares a long product among threads and waits for them on a busy
            # machine
            energy[group - 1] += np.einsum("i,i", chunk.power_w, lengths)
        else:
            starts = np.maximum(bounds[group - 1 : after] - low, 0)
            energy[group - 1 : after] += np.add.reduceat(chunk.power_w * lengths, starts)
        longest_ns = max(longest_ns, chunk.longest_ns)
        gaps += chunk.gaps
    return CellSums(energy / NS, longest_ns, gaps)


def _held_power(trace: Trace) -> float:
    """Return the power of a single reading [W]; a single count shows no power."""
    if len(trace) and trace.channel.quantity == "power":
        return float(trace.value[0])
    return 0.0


def _between_cells(cells: Cells, holder: Ints) -> Floats:
    """Return the energy of the whole cells from each holder to the next one [J]."""
    last = int(holder[-1])
    bounds = np.unique(holder[:-1])
    bounds = bounds[bounds < last]
    energy = np.zeros(len(holder) - 1)
    if len(bounds):
        moves = np.diff(holder) > 0
        energy[moves] = sum_cells(cells, bounds, last).energy_j
    return energy
