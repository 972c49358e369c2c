"""Edges: the part of a window between an end and the nearest whole cell inside.

The rules are those of docs/explanation/methodology.md, one run.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.timestamps import NS
from harness.energy.cells import Cells
from harness.energy.gaps import NEAREST_CELLS, swing_variance, value_range

MIN_OUTSIDE_CELLS = 3
"""Whole cells outside an edge that are needed to tell how steady power is there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The cells around one end of a window. Lists run away from that end.

    Attributes:
        inside: Power of the whole cells inside [W], at least one.
        outside: Power of the whole cells outside [W].
        crossing_w: Mean power of the cell that crosses the edge [W]; None where none does.
        crossing_ns: Length of that cell [ns], 0 where there is none.
        uncovered_ns: Length of the part inside that no whole cell covers [ns].
    """

    inside: list[float]
    outside: list[float]
    crossing_w: float | None
    crossing_ns: int
    uncovered_ns: int


@dataclass(frozen=True, slots=True)
class Edge:
    """The energy of the uncovered part at one end of a window, and how it was found.

    Attributes:
        energy_j: Energy of the part [J].
        variance: Its variance [J^2].
        outside: False: the power inside was held; True: what lies outside was taken off the
            crossing cell.
        part_s: Length of what was held or taken off [s].
    """

    energy_j: float
    variance: float
    outside: bool
    part_s: float


def surroundings(
    cells: Cells, first: int, stop: int, start_ns: int, stop_ns: int
) -> tuple[Surroundings, Surroundings]:
    """Return the cells around both ends of a window whose whole cells are `first` to `stop - 1`."""
    inside = cells.power(first, stop) if stop - first <= NEAREST_CELLS else None
    head = cells.power(first, first + NEAREST_CELLS) if inside is None else inside
    tail = cells.power(stop - NEAREST_CELLS, stop) if inside is None else inside
    head_ns = int(cells.boundaries(first, first + 1)[0])
    tail_ns = int(cells.trace.t_ns[stop - 1])
    crosses_start = head_ns > start_ns and first > cells.first
    crosses_stop = tail_ns < stop_ns and stop < cells.stop
    before = first - 1 if crosses_start else first
    after = stop + 1 if crosses_stop else stop
    outside_before = cells.power(max(cells.first, before - NEAREST_CELLS), before)
    outside_after = cells.power(after, min(cells.stop, after + NEAREST_CELLS))
    start = Surroundings(
        head.tolist(),
        outside_before[::-1].tolist(),
        *_crossing(cells, first - 1, crosses_start),
        head_ns - start_ns,
    )
    end = Surroundings(
        tail[::-1].tolist(),
        outside_after.tolist(),
        *_crossing(cells, stop, crosses_stop),
        stop_ns - tail_ns,
    )
    return start, end


def _crossing(cells: Cells, cell: int, crosses: bool) -> tuple[float | None, int]:
    """Return power [W] and length [ns] of a cell that crosses an edge, as it was read.

    None and 0 for none.
    """
    if not crosses:
        return None, 0
    begin_ns, end_ns = cells.boundaries(cell, cell + 1).tolist()
    length_ns = int(end_ns - begin_ns)
    if cells.kind == "mean":
        return float(cells.trace.value[cell]), length_ns
    return float(cells.power(cell, cell + 1)[0]), length_ns


def mean_edge(around: Surroundings, cells: Cells) -> Edge:
    """Find the energy at an edge of a `mean` or a `counter`.

    It is found in two ways: hold the power inside, or take the power outside off the cell that
    crosses the edge. The second is right also where load rises slowly, the first where power
    outside is not steady or falls slowly. The one that leaves the smaller uncertainty is used, the
    second only where it implies no more power than was read.
    """
    uncovered_ns = around.uncovered_ns
    held = Edge(
        around.inside[0] * uncovered_ns / NS,
        swing_variance(value_range(around.inside), uncovered_ns, cells.interval_ns),
        False,
        uncovered_ns / NS,
    )
    is_gap = cells.has_gaps and around.crossing_ns > cells.gap_ns
    if around.crossing_w is None or not uncovered_ns or is_gap:
        return held
    if len(around.outside) < MIN_OUTSIDE_CELLS:
        return held
    beyond_ns = around.crossing_ns - uncovered_ns
    rest = (around.crossing_w * around.crossing_ns - around.outside[0] * beyond_ns) / NS
    variance = swing_variance(value_range(around.outside), beyond_ns, cells.interval_ns)
    is_plausible = 0 <= rest <= max(around.inside) * uncovered_ns / NS
    if is_plausible and variance < held.variance:
        return Edge(rest, variance, True, beyond_ns / NS)
    return held


def instant_edge(
    around: Surroundings, nearest_w: float, following_w: float, step_ns: int, interval_ns: int
) -> Edge:
    """Find the energy at an edge of an `instant`.

    The nearest reading stands for one interval, wherever it fell; the next one makes up what is
    left. So the weight of a reading does not depend on its distance from the edge, and load that
    rises within that distance counts as often as readings meet it. Up to one interval is part of
    the sampling term, the rest a gap.

    Args:
        around: Cells around the edge.
        nearest_w: Reading inside nearest the edge [W].
        following_w: The next reading inside [W].
        step_ns: Time between these two [ns].
        interval_ns: Expected time between readings [ns].
    """
    uncovered_ns = around.uncovered_ns
    if not uncovered_ns:
        return Edge(0.0, 0.0, False, 0.0)
    weight_ns = min(interval_ns, step_ns)  # so that no reading has a weight below 0
    shared_ns = min(uncovered_ns, weight_ns) - weight_ns / 2
    energy = nearest_w * uncovered_ns + (following_w - nearest_w) * shared_ns
    beyond_ns = max(0, uncovered_ns - interval_ns)
    variance = swing_variance(value_range(around.inside), beyond_ns, interval_ns)
    return Edge(energy / NS, variance, False, uncovered_ns / NS)
