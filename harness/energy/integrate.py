"""Energy of one channel in one window, with the uncertainty that sampling leaves.

The rules are those of docs/explanation/methodology.md, one run. A window consists of whole cells,
which are summed (`cumulative`), gaps between readings (`gaps`), and an uncovered part at either end
(`edges`). Pure: columns in, numbers out. A long trace is read in chunks, so memory does not grow
with it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness.core.timestamps import NS
from harness.energy.cells import Cells
from harness.energy.clock import ClockError, clock_effect, displacement
from harness.energy.cumulative import sum_cells
from harness.energy.edges import (
    Edge,
    Surroundings,
    edge_readings,
    instant_edge,
    mean_edge,
    surroundings,
)
from harness.energy.gaps import find_gaps
from harness.energy.sampling import (
    Rounding,
    halves_disagree,
    rounded_count,
    rounded_power,
    u_sampled_mean,
)
from harness.traces.channel import Channel
from harness.traces.columns import GrowingColumn, spans
from harness.traces.trace import Trace, Window

MIN_REPEATS = 0.2
"""Share of readings equal to the one before that shows a counter read more often than updated."""
UNKNOWN_UPDATE_S = 0.1
"""Update interval of a counter that states none [s]: the longest of common drivers (NVML)."""


@dataclass(frozen=True, slots=True)
class ChannelEnergy:
    """Energy of one channel in one window.

    Attributes:
        energy_j: Best estimate [J].
        filled_j: Part of it that no reading covers: edges and gaps [J].
        u_gap_j: Standard uncertainty of what was filled in gaps [J].
        u_sampling_j: Standard uncertainty of what happened between sampled instants [J].
        rounding: Error of rounded readings.
        lag_half_widths_j: Half-widths of the rectangular errors at both ends, from a counter that
            is updated now and then [J].
        clock_effect_j: Energy that the clock adds or takes [J], as a profile of a normal component;
            empty where it is negligible.
        coverage: Share of the window between the first and the last reading that speaks of it.
        gap_share: Share of the window inside gaps.
        largest_gap_s: Longest time between readings in the window [s].
        readings: Readings inside the window.
        interval_s: Expected time between readings [s].
        edges: How both edges were found.
        resets: Counter resets that touch the window.
        may_alias: Whether the readings show that sampling meets the load's own period.
        displacement_s: How much later than the window the load lies in the readings [s]; 0 where
            they show none of that.
    """

    energy_j: float
    filled_j: float
    u_gap_j: float
    u_sampling_j: float
    rounding: Rounding
    lag_half_widths_j: tuple[float, float]
    clock_effect_j: tuple[float, ...]
    coverage: float
    gap_share: float
    largest_gap_s: float
    readings: int
    interval_s: float
    edges: tuple[Edge, Edge]
    resets: int = 0
    may_alias: bool = False
    displacement_s: float = 0.0


def energy(trace: Trace, window: Window, clock: ClockError | None = None) -> ChannelEnergy | None:
    """Return the energy of `trace` in `window`, or None where no whole cell lies in it.

    Args:
        trace: Readings of one channel.
        window: The window.
        clock: What is known of the clock of the readings; None for a clock without error.
    """
    if not len(trace) or window.stop_ns <= window.start_ns:
        return None
    # 1. Readings that are late by a known lag speak of the window when it has passed by that lag.
    trace, age_s = _without_repeats(trace)
    lag_ns = round((age_s / 2 + (trace.channel.stamp_lag_s or 0.0)) * NS)
    window = Window(window.start_ns + lag_ns, window.stop_ns + lag_ns)
    # 2. The whole cells inside the window.
    cells = Cells(trace)
    first, stop = _whole_cells(cells, window)
    first_ns, last_ns = int(trace.t_ns[0]), int(trace.t_ns[-1])
    covered_ns = min(last_ns + lag_ns, window.stop_ns) - max(first_ns, window.start_ns)
    if covered_ns <= 0 or stop <= first:
        return None
    sums = sum_cells(cells, np.array([first]), stop)
    gaps = find_gaps(cells, sums, first, window)
    # 3. The uncovered part at either end.
    around = surroundings(cells, first, stop, window.start_ns, window.stop_ns)
    edges = _edges(cells, around, first, stop)
    held_j = sum(edge.energy_j for edge in edges if edge.rule != "outside")
    # 4. Gaps that reach over an edge.
    late_s = [
        side.uncovered_ns / NS
        for side in around
        if side.crossing_w is not None and side.uncovered_ns > cells.gap_ns
    ]
    energy_j = float(sums.energy_j[0]) + sum(edge.energy_j for edge in edges)
    # 5. What the kind of the readings leaves uncertain.
    inside = trace.value[max(first - 1, 0) : stop]
    sampled = _is_sampled(cells)
    effect_j: tuple[float, ...] = ()
    if clock is not None:
        filled = partial(_filled_energy, cells, window)
        effect_j = clock_effect(cells, window, around, edges, energy_j, clock, filled)
    return ChannelEnergy(
        energy_j=energy_j,
        filled_j=max(0.0, held_j + gaps.filled_j),
        u_gap_j=gaps.u_j,
        u_sampling_j=u_sampled_mean(inside) * window.seconds if sampled else 0.0,
        rounding=_rounding(cells, first, stop, window),
        lag_half_widths_j=_lag(age_s, around, edges),
        clock_effect_j=effect_j,
        coverage=min(1.0, covered_ns / NS / window.seconds),
        gap_share=(gaps.unread_s + sum(late_s)) / window.seconds,
        largest_gap_s=max([gaps.largest_step_s, *late_s]),
        readings=stop - first + 1,
        interval_s=cells.interval_ns / NS,
        edges=edges,
        resets=gaps.resets,
        may_alias=sampled and cells.kind == "instant" and halves_disagree(inside),
        displacement_s=0.0 if sampled else displacement(cells, window),
    )


def _filled_energy(cells: Cells, window: Window, shift_s: float) -> float:
    """Return the energy of a shifted window that load fills up to both of its ends [J]."""
    shift_ns = round(shift_s * NS)
    shifted = Window(window.start_ns + shift_ns, window.stop_ns + shift_ns)
    first, stop = _whole_cells(cells, shifted)
    if stop <= first:
        return 0.0
    sums = sum_cells(cells, np.array([first]), stop)
    around = surroundings(cells, first, stop, shifted.start_ns, shifted.stop_ns)
    edges = _edges(cells, around, first, stop)
    return float(sums.energy_j[0]) + sum(edge.energy_if_filled_j for edge in edges)


def _update_s(channel: Channel) -> float:
    """Return the update interval of a counter [s]; 0 for other kinds."""
    if channel.kind != "counter":
        return 0.0
    return UNKNOWN_UPDATE_S if channel.update_interval_s is None else channel.update_interval_s


def _without_repeats(trace: Trace) -> tuple[Trace, float]:
    """Return a counter without readings between two of its updates, and how old a count may be [s].

    A count is at most as old as the update interval, and one that was just seen to change is at
    most as old as the time since the reading before.
    """
    update_s = _update_s(trace.channel)
    if trace.channel.kind != "counter" or len(trace) < 3:
        return trace, update_s
    moves = 1 + sum(np.count_nonzero(_moved(trace, rows)) for rows in spans(1, len(trace)))
    if moves > (1 - MIN_REPEATS) * len(trace) or moves < 3:
        return trace, update_s
    age_s = trace.expected_interval_s
    channel = replace(trace.channel, nominal_interval_s=None)
    t_ns, value = GrowingColumn(np.int64), GrowingColumn(np.float64)
    t_ns.extend(trace.t_ns[:1])
    value.extend(trace.value[:1])
    for rows in spans(1, len(trace)):
        moved = _moved(trace, rows)
        t_ns.extend(trace.t_ns[rows][moved])
        value.extend(trace.value[rows][moved])
    return Trace(channel, t_ns.column(), value.column()), age_s


def _moved(trace: Trace, rows: slice) -> NDArray[np.bool_]:
    """Whether each of some readings of a counter differs from the one before."""
    return np.asarray(trace.value[rows] != trace.value[rows.start - 1 : rows.stop - 1])


def _whole_cells(cells: Cells, window: Window) -> tuple[int, int]:
    """Return the range of the cells that lie wholly inside the window."""
    t_ns = cells.trace.t_ns
    # the first cell inside is the one after the first reading inside
    begins_inside = int(t_ns.searchsorted(window.start_ns, "left")) + 1
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
    start, end = around
    if not _is_sampled(cells):
        return mean_edge(start, cells, "start"), mean_edge(end, cells, "stop")
    t_ns, value = cells.trace.t_ns, cells.trace.value
    head = edge_readings(value, t_ns, first - 1, 1)
    tail = edge_readings(value, t_ns, stop - 1, -1)
    return instant_edge(start, head, cells), instant_edge(end, tail, cells)


def _rounding(cells: Cells, first: int, stop: int, window: Window) -> Rounding:
    """Return the error of rounded readings, by the kind of the readings."""
    trace = cells.trace
    resolution = trace.channel.resolution
    if cells.kind == "estimate":
        return Rounding()
    if cells.kind == "counter":
        return rounded_count(trace.value[first - 1 : stop], resolution)
    inside = trace.value[max(first, 0) : stop]
    return rounded_power(inside, trace.value, resolution, window.seconds)


def _lag(
    age_s: float, around: tuple[Surroundings, Surroundings], edges: tuple[Edge, Edge]
) -> tuple[float, float]:
    """Return the half-widths of the error from the lag of a counter at both ends [J].

    The mean age of a count is taken off its stamp; what is left is rectangular, times the power
    that the uncertain time is counted at.
    """
    start, end = (
        side.outside[0] if edge.rule == "outside" else side.inside[0]
        for side, edge in zip(around, edges, strict=True)
    )
    return abs(start) * age_s / 2, abs(end) * age_s / 2
