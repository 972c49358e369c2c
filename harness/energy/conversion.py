"""What turns the readings of a channel into the energy behind its power supplies.

Supplies that are stated with their curve are converted at the load of each cell. One stated
efficiency is the peak at most: the energy then reaches down to that at part load.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.energy.cells import Cells, chunks
from harness.traces.supplies import GRADE_LIMIT, Supply, lowest_efficiency
from harness.traces.trace import Trace, Window


@dataclass(frozen=True, slots=True)
class Conversion:
    """The efficiency that is applied to the energy of a channel in a window.

    Attributes:
        factor: Efficiency.
        limit: Its relative limit, in both directions.
        below: How far below the factor it may be besides, as a share of it.
    """

    factor: float = 1.0
    limit: float = 0.0
    below: float = 0.0


NO_CONVERSION = Conversion()


def conversion(trace: Trace, window: Window) -> Conversion:
    """Return the efficiency of the supplies of a channel over a window.

    Args:
        trace: Readings of the channel.
        window: The window.
    """
    channel = trace.channel
    if channel.supply is not None:
        return Conversion(_mean_efficiency(trace, window, channel.supply), channel.supply.limit)
    stated = channel.conversion_efficiency
    if not stated:
        return NO_CONVERSION
    if not 0 < stated < 1:  # nothing is converted, or what no supply does: the audit judges it
        return Conversion(stated, GRADE_LIMIT)
    mean_w, largest_w = _mean_and_largest(trace, window)
    lowest = lowest_efficiency(stated, mean_w, largest_w)
    return Conversion(stated, GRADE_LIMIT, 1 - lowest / stated)


def _mean_efficiency(trace: Trace, window: Window, supply: Supply) -> float:
    """Return the output of supplies over their input, over the cells that end in a window."""
    cells = Cells(trace)
    curve = supply.curve
    input_j = output_j = 0.0
    for low, high in chunks(*_inside(cells, window)):
        read = cells.read(low, high)
        seconds = read.lengths_ns * 1e-9
        input_j += float(read.power_w @ seconds)
        output_j += float(curve.output_w(read.power_w, supply.rated_w) @ seconds)
    return output_j / input_j if input_j > 0 else 1.0


def _mean_and_largest(trace: Trace, window: Window) -> tuple[float, float]:
    """Return the mean power in a window and the largest of the trace [W]."""
    cells = Cells(trace)
    first, stop = _inside(cells, window)
    seconds = energy_j = 0.0
    largest_w = 0.0
    for low, high in chunks(cells.first, cells.stop):
        read = cells.read(low, high)
        largest_w = max(largest_w, float(read.power_w.max(initial=0.0)))
        inside = slice(max(first - low, 0), max(min(stop, high) - low, 0))
        lengths_s = read.lengths_ns[inside] * 1e-9
        seconds += float(np.sum(lengths_s))
        energy_j += float(read.power_w[inside] @ lengths_s)
    return (energy_j / seconds if seconds > 0 else largest_w), largest_w


def _inside(cells: Cells, window: Window) -> tuple[int, int]:
    """Return the range of the cells that end inside a window."""
    t_ns = cells.trace.t_ns
    first = max(cells.first, int(t_ns.searchsorted(window.start_ns, "right")))
    return first, max(first, int(t_ns.searchsorted(window.stop_ns, "right")))
