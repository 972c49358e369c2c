"""Energy of one channel in one window, with the uncertainty that sampling leaves.

The rules are those of docs/explanation/methodology.md, one run.

A window consists of whole cells, which are summed (`cumulative`), gaps between readings
(`gaps`), and an uncovered part at either end (`edges`). Pure: columns in, numbers out. A long
trace is read in chunks, so memory does not grow with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.core.timestamps import NS
from harness.energy.cells import Cells
from harness.energy.cumulative import sum_cells
from harness.energy.edges import Edge, Surroundings, instant_edge, mean_edge, surroundings
from harness.energy.gaps import find_gaps, value_range
from harness.energy.sampling import u_rounded_count, u_rounded_power, u_sampled_mean
from harness.traces.trace import Trace, Window


@dataclass(frozen=True, slots=True)
class ChannelEnergy:
    """Energy of one channel in one window.

    Attributes:
        energy_j: Best estimate [J].
        filled_j: Part of it that no reading covers: edges and gaps [J].
        u_edge_j: Standard uncertainty of the edges [J].
        u_gap_j: Standard uncertainty of what was filled in gaps [J].
        u_sampling_j: Standard uncertainty of what happened between sampled instants [J].
        u_quantisation_j: Standard uncertainty of rounded readings [J].
        coverage: Share of the window between the first and the last reading that speaks of it.
        gap_share: Share of the window inside gaps.
        largest_gap_s: Longest time between readings in the window [s].
        readings: Readings inside the window.
        interval_s: Expected time between readings [s].
        inside_w: Mean power of the first and the last whole cell inside [W].
        outside_w: Power just before and just after the window [W]; None where nothing was recorded.
        resets: Counter resets that touch the window.
        edges: How both edges were found; empty for readings of an instant.
    """

    energy_j: float
    filled_j: float
    u_edge_j: float
    u_gap_j: float
    u_sampling_j: float
    u_quantisation_j: float
    coverage: float
    gap_share: float
    largest_gap_s: float
    readings: int
    interval_s: float
    inside_w: tuple[float, float]
    outside_w: tuple[float | None, float | None]
    resets: int = 0
    edges: tuple[Edge, ...] = ()


def energy(trace: Trace, window: Window) -> ChannelEnergy | None:
    """Return the energy of `trace` in `window`, or None where no whole cell lies in it."""
    if not len(trace) or window.stop_ns <= window.start_ns:
        return None
    # 1. The whole cells inside the window.
    cells = Cells(trace)
    first, stop = _whole_cells(cells, window)
    extent_ns = min(int(trace.t_ns[-1]), window.stop_ns) - max(int(trace.t_ns[0]), window.start_ns)
    if extent_ns <= 0 or stop <= first:
        return None
    sums = sum_cells(cells, np.array([first]), stop)
    gaps = find_gaps(cells, sums, first, window)
    # 2. The uncovered part at either end.
    around = surroundings(cells, first, stop, window.start_ns, window.stop_ns)
    edges = _edges(cells, around, first, stop)
    held_j = sum(edge.energy_j for edge in edges if not edge.outside)
    # 3. Gaps that reach over an edge.
    late_ns = [
        side.uncovered_ns
        for side in around
        if side.crossing_w is not None and side.uncovered_ns > cells.gap_ns
    ]
    # 4. What the kind of the readings leaves uncertain.
    u_sampling_j, u_quantisation_j = _sampling(cells, around, first, stop, window)
    return ChannelEnergy(
        energy_j=float(sums.energy_j[0]) + sum(edge.energy_j for edge in edges),
        filled_j=max(0.0, held_j + gaps.filled_j),
        u_edge_j=math.sqrt(sum(edge.variance for edge in edges)),
        u_gap_j=gaps.u_j,
        u_sampling_j=u_sampling_j,
        u_quantisation_j=u_quantisation_j,
        coverage=min(1.0, extent_ns / NS / window.seconds),
        gap_share=(gaps.unread_s + sum(late_ns) / NS) / window.seconds,
        largest_gap_s=max([gaps.largest_step_s, *(late / NS for late in late_ns)]),
        readings=stop - first + 1,
        interval_s=cells.interval_ns / NS,
        inside_w=(around[0].inside[0], around[1].inside[0]),
        outside_w=(_first(around[0].outside), _first(around[1].outside)),
        resets=gaps.resets,
        edges=() if _is_sampled(cells) else edges,
    )


def _whole_cells(cells: Cells, window: Window) -> tuple[int, int]:
    """Return the range of the cells that lie wholly inside the window."""
    t_ns = cells.trace.t_ns
    begins_inside = (
        int(t_ns.searchsorted(window.start_ns, "left")) + 1
    )  # the cell after that reading
    if cells.first == 0 and cells.start_ns >= window.start_ns:
        begins_inside = 0
    return begins_inside, int(t_ns.searchsorted(window.stop_ns, "right"))


def _is_sampled(cells: Cells) -> bool:
    """Whether readings show instants, and nothing of the time between them."""
    return cells.kind in ("instant", "estimate")


def _edges(
    cells: Cells, around: tuple[Surroundings, Surroundings], first: int, stop: int
) -> tuple[Edge, Edge]:
    """Find the energy of the uncovered parts, by the kind of the readings."""
    if not _is_sampled(cells):
        return mean_edge(around[0], cells), mean_edge(around[1], cells)
    t_ns, value = cells.trace.t_ns, cells.trace.value
    head, tail = first - 1, stop - 1  # the first and the last reading inside
    start = instant_edge(
        around[0],
        float(value[head]),
        float(value[head + 1]),
        int(t_ns[head + 1] - t_ns[head]),
        cells.interval_ns,
    )
    end = instant_edge(
        around[1],
        float(value[tail]),
        float(value[tail - 1]),
        int(t_ns[tail] - t_ns[tail - 1]),
        cells.interval_ns,
    )
    return start, end


def _sampling(
    cells: Cells,
    around: tuple[Surroundings, Surroundings],
    first: int,
    stop: int,
    window: Window,
) -> tuple[float, float]:
    """Return the standard uncertainties from sampling and from rounding [J]."""
    u_sampling_j = 0.0
    if _is_sampled(cells):
        inside = cells.trace.value[first - 1 : stop]
        u_sampling_j = u_sampled_mean(inside) * window.seconds
    resolution = cells.trace.channel.resolution
    if not resolution:
        return u_sampling_j, 0.0
    if cells.kind == "counter":
        return u_sampling_j, u_rounded_count(resolution)
    swing_w = max(value_range(side.inside) for side in around)
    return u_sampling_j, u_rounded_power(resolution, swing_w, stop - first, window.seconds)


def _first(values: list[float]) -> float | None:
    return values[0] if values else None
