"""Gaps: cells longer than 1.5 intervals, of which a part was not read.

The unread part is filled with the mean of the readings on both sides, by `harness.energy.cells`;
here stands what this leaves uncertain. A reset of a counter is uncertain in the same way: nobody
counted its cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.core.timestamps import NS
from harness.energy.cells import Cells
from harness.energy.cumulative import CellSums
from harness.traces.trace import Floats, Window

NEAREST_CELLS = 10
"""Cells next to an edge or a gap that show how far power swings there."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a window lacks between its first and its last reading.

    Attributes:
        unread_s: Time inside gaps that no reading covers [s].
        largest_step_s: Longest time between two readings [s].
        filled_j: Energy that was filled in [J].
        u_j: Standard uncertainty of the energy filled in [J].
        resets: Counter resets that touch the window.
    """

    unread_s: float
    largest_step_s: float
    filled_j: float
    u_j: float
    resets: int


def swing_variance(swing_w: float, uncovered_ns: int, interval_ns: int) -> float:
    """Return the variance of energy that was filled from power nearby [J^2].

    (R/2)^2 (f D + f^2): the power of the uncovered part f lies within the range R of the cells
    nearby, and takes a new value each interval D (docs/explanation/methodology.md, one run).

    Args:
        swing_w: Range of the power of the cells nearby [W].
        uncovered_ns: Length of the part that was filled [ns].
        interval_ns: Expected time between readings [ns].
    """
    return (swing_w / 2 / NS) ** 2 * uncovered_ns * (interval_ns + uncovered_ns)


def value_range(values: list[float]) -> float:
    """Return the largest less the smallest of a few values; a list is faster than an array here."""
    return max(values) - min(values)


def find_gaps(cells: Cells, sums: CellSums, first: int, window: Window) -> Gaps:
    """Find what is missing between the first and the last reading in a window.

    Args:
        cells: Cells of a trace.
        sums: Sums over the whole cells inside the window.
        first: First whole cell inside the window.
        window: The window.
    """
    unread_ns, filled_j, variance = 0, 0.0, 0.0
    for cell in sums.gaps:
        missing_ns = _length_ns(cells, cell) - cells.interval_ns
        sides = cells.trace.value[max(cell - 1, 0) : cell + 1]
        unread_ns += missing_ns
        filled_j += float(sides.mean()) * missing_ns / NS
        variance += swing_variance(
            _swing_at(cells, first, cell, sides), missing_ns, cells.interval_ns
        )
    resets = 0
    for fall in cells.falls.values():
        begin_ns, end_ns = cells.boundaries(fall.cell, fall.cell + 1).tolist()
        if not fall.is_reset or end_ns <= window.start_ns or begin_ns >= window.stop_ns:
            continue
        resets += 1
        if begin_ns >= window.start_ns and end_ns <= window.stop_ns:
            length_ns = end_ns - begin_ns
            filled_j += fall.energy_j
            usual_w = fall.energy_j / (length_ns / NS)
            variance += swing_variance(usual_w, length_ns, cells.interval_ns)
    return Gaps(unread_ns / NS, sums.longest_ns / NS, filled_j, math.sqrt(variance), resets)


def _length_ns(cells: Cells, cell: int) -> int:
    begin_ns, end_ns = cells.boundaries(cell, cell + 1).tolist()
    return int(end_ns - begin_ns)


def _swing_at(cells: Cells, first: int, cell: int, sides: Floats) -> float:
    """Return the range of power around a gap [W].

    Of the cells before it, and of the readings on both sides.
    """
    nearest = cells.power(max(first, cell - NEAREST_CELLS), cell)
    return value_range([*nearest.tolist(), *sides.tolist()])
