"""Draw the energy per unit of work of all tables in one figure (extra `pictures`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.ranking.leaderboard import Table
from harness.render.numbers import prefix
from harness.render.plots import new_figure
from harness.scoring.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#3d6b8e", "#b5533c", "#4c8c4a", "#8a6bb0", "#b08a2e", "#5f6b73")
MAX_POINTS = 400
"""Results that a picture has room for."""
JOULES_PER_UJ = 1e-6


@dataclass(frozen=True, slots=True)
class Point:
    """One result in the figure.

    Attributes:
        unit: Unit of its work, such as query.
        benchmark: Its benchmark, which gives the colour.
        label: Submitter and system.
        value_j: Energy per unit of work [J].
        low_j: Lower end of its interval [J]; ``None`` where it is printed and was not measured.
        high_j: Upper end, likewise [J].
    """

    unit: str
    benchmark: str
    label: str
    value_j: float
    low_j: float | None
    high_j: float | None


def energy_picture(tables: Sequence[Table]) -> Figure:
    """Draw each result of each table, from the least energy per unit of work to the most.

    A result without readings stands at the energy that it prints, as a hollow mark without an
    interval.

    Raises:
        UsageError: No table has a result with an energy per unit of work.
    """
    by_unit: dict[str, list[Point]] = {}
    for table in tables:
        for row in table.rows:
            point = _point(table, row.result)
            if point is not None:
                by_unit.setdefault(point.unit, []).append(point)
    if not by_unit:
        raise UsageError("nothing to draw", got="no result with an energy per unit of work")
    panels = {unit: _ordered(points) for unit, points in sorted(by_unit.items())}
    height = sum(1.2 + 0.24 * len(points) for points in panels.values())
    figure, axes = new_figure(len(panels), 1, (9, height))
    for panel, (unit, points) in zip(axes[:, 0], panels.items(), strict=True):
        _draw(panel, unit, points)
    return figure


def _point(table: Table, result: Result) -> Point | None:
    label = f"{result.entry.submitter} {result.entry.system}".strip()
    name = table.benchmark.replace("$", "") or "?"  # the legend reads mathematics
    estimate = result.energy_per_unit
    if estimate.value is not None and estimate.value > 0:
        unit = table.unit.removeprefix("J/")
        return Point(unit, name, label, estimate.value, estimate.low, estimate.high)
    printed_uj = result.compat.get("mlperf_tiny", {}).get("value")
    if printed_uj:
        return Point("query", name, label, printed_uj * JOULES_PER_UJ, None, None)
    return None


def _ordered(points: Sequence[Point]) -> list[Point]:
    return sorted(points, key=lambda point: (point.value_j, point.label))[:MAX_POINTS]


def _draw(axes: Axes, unit: str, points: Sequence[Point]) -> None:
    label = f"energy per {unit}, with its interval"
    benchmarks = sorted({point.benchmark for point in points})
    for number, benchmark in enumerate(benchmarks):
        colour = COLOURS[number % len(COLOURS)]
        for place, point in enumerate(points):
            if point.benchmark == benchmark:
                _draw_point(axes, place, point, colour)
        axes.plot([], [], "o", color=colour, label=benchmark)
    if any(point.low_j is None for point in points):
        axes.plot([], [], "o", mfc="none", color="black", label="printed, without a trace")
    names = [point.label for point in points]
    axes.set_yticks(range(len(points)), names, fontsize="small", parse_math=False)
    axes.set(xscale="log", ylim=(len(points) - 0.4, -0.6), xlabel=label)
    axes.xaxis.set_major_formatter(_joules)
    axes.grid(axis="x", linewidth=0.4, color="#ccc")
    axes.legend(fontsize="small", loc="best")


def _draw_point(axes: Axes, place: int, point: Point, colour: str) -> None:
    if point.low_j is None or point.high_j is None:
        axes.plot(point.value_j, place, "o", mfc="none", color=colour)
        return
    around = [[point.value_j - point.low_j], [point.high_j - point.value_j]]
    axes.errorbar(point.value_j, place, xerr=around, fmt="o", color=colour, capsize=3)


def _joules(value: float, _position: Any = None) -> str:
    if value <= 0 or not math.isfinite(value):
        return ""
    scale, unit = prefix(value, "J")
    return f"{value / scale:g} {unit}"
