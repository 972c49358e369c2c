"""Cumulative energy of a trace: the one function behind the energy of a window and the energy of each hour.

Energy runs through the cells of a trace (`harness.energy.cells`) at their mean power. Before the first and after the
last reading the nearest power is held. So the energies of adjacent spans add up, wherever they are cut.
"""

from __future__ import annotations

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
    at = [_cell(cells, cell) for cell in holder.tolist()]
    begin_ns = np.array([begin for begin, _ in at], np.int64)
    power_w = np.array([power for _, power in at])
    partial = power_w * (cuts_ns - begin_ns) / NS
    # 2. The energy of the whole cells from the cell of one cut to the cell of the next.
    return np.asarray(_between_cells(cells, holder) + np.diff(partial))


def whole_cells_energy(cells: Cells, first: int, stop: int) -> float:
    """Return the energy of the cells `first` to `stop - 1` [J]."""
    return float(_grouped_energy(cells, np.array([first], np.int64), stop)[0])


def _held_power(trace: Trace) -> float:
    """Return the power of a single reading [W]; a single count says nothing of power."""
    if len(trace) and trace.channel.quantity == "power":
        return float(trace.value[0])
    return 0.0


def _cell(cells: Cells, cell: int) -> tuple[int, float]:
    """Return the begin [ns UTC] and the mean power [W] of one cell."""
    begin_ns = int(cells.boundaries(cell, cell + 1)[0])
    return begin_ns, float(cells.power(cell, cell + 1)[0])


def _between_cells(cells: Cells, holder: Ints) -> Floats:
    """Return the energy of the whole cells from each holder to the next one [J]."""
    last = int(holder[-1])
    bounds = np.unique(holder[:-1])
    bounds = bounds[bounds < last]
    energy = np.zeros(len(holder) - 1)
    if len(bounds):
        moves = np.diff(holder) > 0
        energy[moves] = _grouped_energy(cells, bounds, last)
    return energy


def _grouped_energy(cells: Cells, bounds: Ints, stop: int) -> Floats:
    """Return the energy of the cells from each bound to the next, and from the last bound to `stop` [J]."""
    total = np.zeros(len(bounds))
    for low, high in chunks(int(bounds[0]), stop):
        length_ns = np.diff(cells.boundaries(low, high))
        energy = cells.power(low, high) * length_ns
        group, after = np.searchsorted(bounds, [low, high - 1], "right").tolist()
        starts = np.maximum(bounds[group - 1 : after] - low, 0)
        total[group - 1 : after] += np.add.reduceat(energy, starts)
    return total / NS
