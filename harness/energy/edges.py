"""Edges: the part of a window between an end and the nearest whole cell inside.

A reading of `mean` or `counter` covers a cell, and a cell that crosses an end of the window mixes
load with what lies outside. Conservation of energy gives the part inside, if the power of the part
outside is known. What is known is decided by evidence (docs/explanation/methodology.md, one run):

1. *held*: the rest of the cell is more than the load can draw, and the power outside is above the
   floor of the trace: load went on outside. The power inside is held.
2. *outside*: the rest is what the load can draw, and the power outside is the floor, so nothing can
   have been below it. It is taken off the cell.
3. *between*: the rest is what the load can draw, but load that warmed up may have dipped before the
   window, though not below the floor. Both are bounds, with the value in the middle and a
   rectangular distribution between them.
4. *surplus*: the rest is more than the load can draw, next to the floor. Load went on for a moment,
   or it swings faster than the readings show: both are bounds likewise.

A *gap* over an edge is bounded by the powers on both of its sides. Readings of an *instant* do not
show when within an interval the power stepped; that step is part of the uncertainty.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.core.timestamps import NS
from harness.energy.cells import Cells
from harness.energy.gaps import NEAREST_CELLS, swing_variance, value_range
from harness.traces.trace import Floats

EdgeRule = Literal["covered", "held", "outside", "between", "surplus", "gap", "nearest"]

MIN_OUTSIDE_CELLS = 3
"""Whole cells outside an edge that are needed to tell the floor of the trace."""
MAX_OUTSIDE_CELLS = 10_000
"""Whole cells on each side of the window that are searched for the floor of the trace."""
BOUNDS_SHARE = 0.8
"""Share of the rectangle between two readings of an edge that holds both. The truth often lies at
one of them (there was a dip, or there was none); a rectangle of 95 % would leave the other errors
of the result no room beyond it."""
GAP_SHARE = 0.95
"""Share of the rectangle between the powers on both sides of a gap that holds both."""
MAX_NOISE_LAG = 3
"""Longest distance in cells over which their scatter is judged: noise may last for some cells."""
MIN_NOISE_STEPS = 5
"""Differences between cells that a distance of more than one must leave."""
MIN_FLOOR_STEPS = 20
"""The same for the scatter of the floor, of which decaying load may be a part."""
MAX_NOISE_CELLS = 200
"""Cells on each side of the window by which the scatter of the floor is judged."""
MEDIAN_STEP = 0.954
"""Median |x - y| of a normal x and y with standard deviation 1."""
MEDIAN_ERROR = 1.2
"""Relative standard error of the median of normal steps, times the square root of their number."""
CAP_TOLERANCE = 0.005
"""Power above the largest of ten cells inside that the load is still held to be able to draw, as a
fraction: what the readings of a power-capped load scatter."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The cells around one end of a window. Lists run away from that end.

    Attributes:
        inside: Power of the whole cells inside [W], at least one.
        outside: Power of the whole cells outside [W].
        floor_w: Lowest power of all whole cells outside the window [W]; None where there are none.
        floor_cells: Number of cells searched for the floor.
        floor_sd_w: Standard deviation of a cell at the floor [W].
        crossing_w: Mean power of the cell that crosses the edge [W]; None where none does.
        crossing_ns: Length of that cell [ns], 0 where there is none.
        uncovered_ns: Length of the part inside that no whole cell covers [ns].
    """

    inside: list[float]
    outside: list[float]
    floor_w: float | None
    floor_cells: int
    floor_sd_w: float
    crossing_w: float | None
    crossing_ns: int
    uncovered_ns: int


@dataclass(frozen=True, slots=True)
class Edge:
    """The energy of the uncovered part at one end of a window, and how it was found.

    Attributes:
        rule: How it was found, see the module.
        energy_j: Energy of the part [J].
        u_j: Standard uncertainty from the scatter of power nearby, new in each run [J].
        half_width_j: Half-width of the rectangular distribution between two bounds [J]. The rule
            meets every run of an entry alike, so this error is the same in all of them.
        part_s: Length of the part that was held, taken off or bounded [s].
        filled_j: Energy of the part if load fills the window up to this end [J]; None where it is
            the energy.
    """

    rule: EdgeRule
    energy_j: float
    u_j: float = 0.0
    half_width_j: float = 0.0
    part_s: float = 0.0
    filled_j: float | None = None

    @property
    def energy_if_filled_j(self) -> float:
        """Energy of the part if load fills the window up to this end [J]."""
        return self.energy_j if self.filled_j is None else self.filled_j


def surroundings(
    cells: Cells, first: int, stop: int, start_ns: int, stop_ns: int
) -> tuple[Surroundings, Surroundings]:
    """Return the cells around both ends of a window whose whole cells are `first` to `stop - 1`."""
    head = cells.power(first, min(stop, first + NEAREST_CELLS))
    tail = cells.power(max(first, stop - NEAREST_CELLS), stop)
    head_ns = int(cells.boundaries(first, first + 1)[0])
    tail_ns = int(cells.trace.t_ns[stop - 1])
    crosses_start = head_ns > start_ns and first > cells.first
    crosses_stop = tail_ns < stop_ns and stop < cells.stop
    before = first - 1 if crosses_start else first
    after = stop + 1 if crosses_stop else stop
    earlier = cells.power(max(cells.first, before - MAX_OUTSIDE_CELLS), before)
    later = cells.power(after, min(cells.stop, after + MAX_OUTSIDE_CELLS))
    floor_w = min((float(side.min()) for side in (earlier, later) if len(side)), default=None)
    floor_cells = len(earlier) + len(later)
    floor_sd_w = _scatter_of_floor(earlier[-MAX_NOISE_CELLS:], later[:MAX_NOISE_CELLS])
    start = Surroundings(
        head.tolist(),
        earlier[: -NEAREST_CELLS - 1 : -1].tolist(),
        floor_w,
        floor_cells,
        floor_sd_w,
        *_crossing(cells, first - 1, crosses_start),
        head_ns - start_ns,
    )
    end = Surroundings(
        tail[::-1].tolist(),
        later[:NEAREST_CELLS].tolist(),
        floor_w,
        floor_cells,
        floor_sd_w,
        *_crossing(cells, stop, crosses_stop),
        stop_ns - tail_ns,
    )
    return start, end


def _crossing(cells: Cells, cell: int, crosses: bool) -> tuple[float | None, int]:
    """Return power [W] and length [ns] of a cell that crosses an edge; None and 0 for none."""
    if not crosses:
        return None, 0
    begin_ns, end_ns = cells.boundaries(cell, cell + 1).tolist()
    length_ns = int(end_ns - begin_ns)
    if cells.kind == "mean":  # as it was read: of a gap the reading covers one interval
        return float(cells.trace.value[cell]), length_ns
    return float(cells.power(cell, cell + 1)[0]), length_ns


# Means and counters


def mean_edge(around: Surroundings, cells: Cells, side: Literal["start", "stop"]) -> Edge:
    """Find the energy at an edge of a `mean` or a `counter` by the evidence around it."""
    if not around.uncovered_ns:
        return Edge("covered", 0.0)
    inside_s = around.uncovered_ns / NS
    held = _held(around, cells)
    if around.crossing_w is None or not around.outside:
        return held
    if cells.has_gaps and around.crossing_ns > cells.gap_ns:
        return _mean_gap(around, cells, side)
    # 1. What the crossing cell leaves for the part inside.
    outside_s = around.crossing_ns / NS - inside_s
    outside_w, u_outside_j = _outside_power(around, outside_s, cells)
    rest_j = around.crossing_w * (inside_s + outside_s) - outside_w * outside_s
    # 2. Whether that is more than the load can draw, and whether the floor is outside.
    cap_w = max(around.inside) * (1 + CAP_TOLERANCE)
    scatter_w = _scatter(around.inside, MAX_NOISE_LAG)
    noise_j = math.hypot(u_outside_j, scatter_w * math.sqrt(inside_s * cells.interval_ns / NS))
    is_above_cap = rest_j > cap_w * inside_s + noise_j
    is_floor = _is_floor(around)
    # 3. Load that goes on outside; nothing below the floor; otherwise two bounds.
    if is_above_cap and not is_floor:
        return held
    if is_floor and not is_above_cap:
        return Edge("outside", max(0.0, rest_j), u_outside_j, part_s=outside_s)
    other_j = held.energy_j
    if not is_floor:
        other_j = min(other_j, _most_inside_j(around, inside_s, outside_s))
    bounds = max(0.0, rest_j), other_j
    noise_j = math.hypot(u_outside_j, held.u_j)
    half_width_j = _half_width(*bounds, noise_j, BOUNDS_SHARE)
    filled_j = held.energy_j if is_above_cap else max(bounds)
    rule: EdgeRule = "surplus" if is_above_cap else "between"
    return Edge(rule, sum(bounds) / 2, 0.0, half_width_j, inside_s, filled_j)


def _held(around: Surroundings, cells: Cells) -> Edge:
    """Hold the power inside over the uncovered part."""
    swing_w = value_range(around.inside)
    u_j = math.sqrt(swing_variance(swing_w, around.uncovered_ns, cells.interval_ns))
    inside_s = around.uncovered_ns / NS
    return Edge("held", around.inside[0] * inside_s, u_j, part_s=inside_s)


def _most_inside_j(around: Surroundings, inside_s: float, outside_s: float) -> float:
    """Return the energy inside if the power outside had been the floor of the trace [J]."""
    if around.floor_w is None or len(around.outside) < MIN_OUTSIDE_CELLS:
        return math.inf
    crossing_j = (around.crossing_w or 0.0) * (inside_s + outside_s)
    return crossing_j - around.floor_w * outside_s


def _outside_power(around: Surroundings, outside_s: float, cells: Cells) -> tuple[float, float]:
    """Return the power outside [W], and the standard uncertainty of its energy over a part [J].

    Cells at the floor are averaged. Elsewhere the nearest cell stands for the part.
    """
    interval_s = cells.interval_ns / NS
    if not _is_floor(around):
        u_j = _scatter(around.outside, 1) * math.sqrt(outside_s * interval_s + outside_s**2)
        return around.outside[0], u_j
    limit_w = around.outside[0] + 3 * around.floor_sd_w
    level = [power for power in around.outside if power <= limit_w]
    deviation_w = float(np.std(level, ddof=1)) if len(level) > 1 else 0.0
    u_j = deviation_w * math.sqrt(outside_s * interval_s + outside_s**2 / len(level))
    return math.fsum(level) / len(level), u_j


def _is_floor(around: Surroundings) -> bool:
    """Whether the power just outside is the floor of the trace, within its scatter.

    The lowest of n cells with normal scatter lies about sqrt(2 ln n) deviations below their mean,
    and the nearest one up to two above it.
    """
    if around.floor_w is None or len(around.outside) < MIN_OUTSIDE_CELLS:
        return False
    deviations = math.sqrt(2 * math.log(around.floor_cells)) + 2
    tolerance_w = deviations * around.floor_sd_w + CAP_TOLERANCE * around.floor_w
    return around.outside[0] - around.floor_w <= tolerance_w


def _scatter(powers: list[float], max_lag: int) -> float:
    """Return the standard deviation of a cell from the median step between cells [W].

    A single step or a spike among the cells does not move it. Noise that lasts for some cells shows
    in steps over two or three of them, as does load that sinks.

    Args:
        powers: Power of cells in a row [W].
        max_lag: Longest step [cells].
    """
    deviation_w = 0.0
    for lag in range(1, max_lag + 1):
        steps = sorted(abs(a - b) for a, b in zip(powers[lag:], powers[:-lag], strict=True))
        if not steps or (lag > 1 and len(steps) < MIN_NOISE_STEPS):
            break
        deviation_w = max(deviation_w, steps[len(steps) // 2] / MEDIAN_STEP)
    return deviation_w


def _scatter_of_floor(*sides: Floats) -> float:
    """Return the same for all cells on both sides of the window, of which most are at the floor.

    It is raised by its standard error, as few cells hardly show it.
    """
    deviation_w = 0.0
    for lag in range(1, MAX_NOISE_LAG + 1):
        steps = np.abs(np.concatenate([side[lag:] - side[:-lag] for side in sides]))
        if not len(steps) or (lag > 1 and len(steps) < MIN_FLOOR_STEPS):
            break
        standard_error = MEDIAN_ERROR / math.sqrt(len(steps))
        typical_w = _median(steps) / MEDIAN_STEP
        deviation_w = max(deviation_w, typical_w * (1 + standard_error))
    return deviation_w


def _median(values: Floats) -> float:
    """Return the median of a few values, which are put in order; `np.median` takes far longer."""
    values.sort()
    middle = len(values) // 2
    if len(values) % 2:
        return float(values[middle])
    return float(values[middle - 1] + values[middle]) / 2


def _half_width(lower_j: float, upper_j: float, noise_j: float, share: float) -> float:
    """Return the half-width of a rectangle whose middle holds both bounds and twice their noise.

    Args:
        lower_j: One bound [J].
        upper_j: The other [J].
        noise_j: Standard uncertainty of each [J].
        share: Share of the rectangle that holds them.
    """
    return (abs(upper_j - lower_j) / 2 + 2 * noise_j) / share


# Gaps over an edge


def _mean_gap(around: Surroundings, cells: Cells, side: Literal["start", "stop"]) -> Edge:
    """Bound the unread part of a gap over an edge; its reading covers one interval at its end."""
    read_ns = min(around.uncovered_ns, cells.interval_ns) if side == "start" else 0
    unread_s = (around.uncovered_ns - read_ns) / NS
    read_j = (around.crossing_w or 0.0) * read_ns / NS
    return _bounded_gap(around, cells, read_j, unread_s, around.outside[0])


def _bounded_gap(
    around: Surroundings, cells: Cells, read_j: float, unread_s: float, outside_w: float
) -> Edge:
    """Put the power of an unread part between the powers on both sides of the gap."""
    inside_j = math.fsum(around.inside) / len(around.inside) * unread_s
    outside_j = outside_w * unread_s
    swing_w = value_range(around.inside)
    noise_j = math.sqrt(swing_variance(swing_w, round(unread_s * NS), cells.interval_ns))
    energy_j = read_j + (inside_j + outside_j) / 2
    half_width_j = _half_width(inside_j, outside_j, noise_j, GAP_SHARE)
    filled_j = read_j + max(inside_j, outside_j)
    return Edge("gap", energy_j, 0.0, half_width_j, unread_s, filled_j)


# Instants


@dataclass(frozen=True, slots=True)
class EdgeReadings:
    """Readings of an `instant` around an edge.

    Attributes:
        nearest_w: Reading inside nearest the edge [W].
        following_w: The next reading inside [W].
        step_ns: Time between these two [ns].
        outside_w: Nearest reading outside [W]; None where there is none.
    """

    nearest_w: float
    following_w: float
    step_ns: int
    outside_w: float | None


def instant_edge(around: Surroundings, readings: EdgeReadings, cells: Cells) -> Edge:
    """Find the energy at an edge of an `instant`.

    The nearest reading stands for one interval, wherever it fell; the next one makes up what is
    left. So the weight of a reading does not depend on its distance from the edge, and load that
    rises within that distance counts as often as readings meet it. Where a single window steps is
    not known: the height of the step times U(0, one interval) is its uncertainty. What is further
    from any reading is a gap.
    """
    uncovered_ns, interval_ns = around.uncovered_ns, cells.interval_ns
    step_from_w = readings.nearest_w if readings.outside_w is None else readings.outside_w
    half_width_j = abs(readings.nearest_w - step_from_w) * interval_ns / NS / 2
    if not uncovered_ns:
        return Edge("nearest", 0.0, half_width_j=half_width_j)
    weight_ns = min(interval_ns, readings.step_ns)  # so that no reading has a weight below 0
    shared_ns = min(uncovered_ns, weight_ns) - weight_ns / 2
    rise_w = readings.following_w - readings.nearest_w
    read_ns = uncovered_ns
    if uncovered_ns > cells.gap_ns and readings.outside_w is not None:
        read_ns = interval_ns  # the reading stands for one interval, the rest is a gap
    energy_j = (readings.nearest_w * read_ns + rise_w * shared_ns) / NS
    if read_ns < uncovered_ns:
        unread_s = (uncovered_ns - read_ns) / NS
        return _bounded_gap(around, cells, energy_j, unread_s, step_from_w)
    beyond_ns = max(0, uncovered_ns - interval_ns)
    u_j = math.sqrt(swing_variance(value_range(around.inside), beyond_ns, interval_ns))
    return Edge("nearest", energy_j, u_j, half_width_j, uncovered_ns / NS)


def edge_readings(value: Floats, t_ns: np.ndarray, nearest: int, direction: int) -> EdgeReadings:
    """Return the readings around an edge.

    Args:
        value: Readings [W].
        t_ns: Their times [ns UTC].
        nearest: Index of the reading inside nearest the edge.
        direction: 1 at the start of the window, -1 at its end.
    """
    following, outside = nearest + direction, nearest - direction
    outside_w = float(value[outside]) if 0 <= outside < len(value) else None
    step_ns = abs(int(t_ns[following] - t_ns[nearest]))
    return EdgeReadings(float(value[nearest]), float(value[following]), step_ns, outside_w)
