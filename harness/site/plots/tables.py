"""Plots of a table: energy against performance, rank sets, history, and joules a correct answer."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.ranking.leaderboard import DURATION_UNITS
from harness.site.entries import SiteEntry
from harness.site.numbers import Column, percent, significant
from harness.site.plots.labels import name_labels
from harness.site.plots.svg import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Figure,
    Frame,
    element,
    frame,
    picture,
    text,
    titled,
)
from harness.uncertainty.estimate import Estimate

WIDTH, HEIGHT = 580.0, 340.0
"""Size of a plot; two stand side by side [pixels]."""
ROW_HEIGHT = 18.0
MAX_POINTS = 400
"""Entries that a plot shows; the table of the index has all."""
MAX_BARS = 60
"""Entries that the plot of rank sets shows."""
MAX_NAMED = 10
"""Points up to which each bears its name."""
MAX_LABEL = 26
"""Characters of a name beside a bar or a dot."""

MIN_ROUND_WIDTH = 48.0
"""Room for the name of a round below the axis [pixels]."""


@dataclass(frozen=True, slots=True)
class Point:
    """One entry in a plot.

    Attributes:
        name: System and submitter.
        x: Abscissa.
        y: Its estimate.
        x_text: The abscissa as text.
        is_front: Whether no other entry is better in both.
    """

    name: str
    x: float
    y: Estimate
    x_text: str
    is_front: bool = False


def table_figures(entries: Sequence[SiteEntry]) -> list[Figure]:
    """Return the plots of one table; what it has no data for is left out."""
    ranked = [entry for entry in entries if entry.row.rank is not None][:MAX_POINTS]
    figures = (
        _performance_figure(ranked),
        _correctness_figure(ranked),
        _history_figure(ranked),
        _rank_figure(ranked[:MAX_BARS]),
    )
    return [figure for figure in figures if figure is not None]


def _name(entry: SiteEntry) -> str:
    submitter = entry.result.entry.submitter
    system = entry.result.entry.system or entry.result.entry.id
    return f"{system} ({submitter})" if submitter else system


# Energy against performance


def _performance_figure(entries: Sequence[SiteEntry]) -> Figure | None:
    units = {entry.result.performance.unit for entry in entries if entry.result.performance}
    if len(units) != 1:
        return None
    (unit,) = units
    fewer_is_better = unit in DURATION_UNITS
    points = [
        Point(
            _name(entry),
            entry.result.performance.value,
            entry.result.energy_per_unit,
            f"{significant(entry.result.performance.value, 5)} {unit}",
        )
        for entry in entries
        if entry.result.performance is not None
    ]
    points = _with_front(points, -1.0 if fewer_is_better else 1.0)
    best = "left" if fewer_is_better else "right"
    return _scatter(
        points,
        title="Energy against performance",
        caption=f"Better is lower and further {best}. The dashed line is the front: no entry "
        "beats those on it in both. Bars are intervals.",
        x_label=f"performance [{unit}]",
        front_sign=-1.0 if fewer_is_better else 1.0,
    )


def _with_front(points: Sequence[Point], sign: float) -> list[Point]:
    """Mark the points that none reaches in both; `sign` is -1 where a smaller x is better."""
    ordered = sorted(points, key=lambda point: (-sign * point.x, point.y.value or 0.0))
    marked, lowest = [], float("inf")
    for point in ordered:
        value = point.y.value or 0.0
        is_front = value < lowest
        lowest = min(lowest, value)
        marked.append(Point(point.name, point.x, point.y, point.x_text, is_front))
    return marked


def _scatter(
    points: Sequence[Point],
    *,
    title: str,
    caption: str,
    x_label: str,
    front_sign: float | None = None,
) -> Figure | None:
    """Return dots with intervals.

    Args:
        points: The entries; fewer than two make no plot.
        title: What it shows.
        caption: How to read it.
        x_label: What the abscissa is.
        front_sign: 1 to draw the front of largest abscissas, -1 for the smallest; None for none.
    """
    if len(points) < 2:
        return None
    column = Column.for_estimates([point.y for point in points])
    ends = [end / column.factor for point in points for end in _ends(point.y)]
    axes = frame(WIDTH, HEIGHT, [point.x for point in points], ends)
    parts = list(axes.axes(x_label, f"energy [{column.unit}]"))
    if front_sign is not None:
        parts.append(_front_line(points, axes, column.factor, front_sign))
    parts += [_marker(point, axes, column) for point in points]
    if len(points) <= MAX_NAMED:
        parts += _names(points, axes, column)
    front_head = ["Pareto front"] if front_sign is not None else []
    rows = [
        [
            point.name,
            point.x_text,
            column.value(point.y),
            column.interval(point.y),
            *(["yes" if point.is_front else ""] if front_sign is not None else []),
        ]
        for point in points
    ]
    head = ["System", x_label, f"Energy [{column.unit}]", "Interval", *front_head]
    svg = picture(WIDTH, HEIGHT, f"{title}: {len(points)} entries", parts)
    return Figure(title, caption, svg, head, rows)


def _names(points: Sequence[Point], axes: Frame, column: Column) -> Iterator[str]:
    """Yield the names of points, first of those on the front."""
    dots = [
        (
            axes.left(point.x),
            axes.top((point.y.value or 0.0) / column.factor),
            _cut(point.name.partition(" (")[0]),
        )
        for point in sorted(points, key=lambda point: not point.is_front)
    ]
    yield from name_labels(dots, WIDTH)


def _cut(name: str) -> str:
    return name if len(name) <= MAX_LABEL else name[: MAX_LABEL - 1] + "…"


def _ends(estimate: Estimate) -> list[float]:
    return [end for end in (estimate.low, estimate.value, estimate.high) if end is not None]


def _marker(point: Point, axes: Frame, column: Column) -> str:
    """Return an interval with a dot at its value."""
    x = axes.left(point.x)
    low, high = min(_ends(point.y)), max(_ends(point.y))
    top, bottom = axes.top(high / column.factor), axes.top(low / column.factor)
    y = axes.top((point.y.value or 0.0) / column.factor)
    css = "dot front" if point.is_front else "dot"
    content = element("path", d=f"M{x:.1f} {top:.1f}V{bottom:.1f}", css="whisker")
    content += element("circle", cx=x, cy=y, r=3.5, css=css)
    value = f"{column.value(point.y).strip()} {column.unit} [{column.interval(point.y)}]"
    return titled(content, f"{point.name}: {point.x_text}, {value}")


def _front_line(points: Sequence[Point], axes: Frame, factor: float, sign: float) -> str:
    """Return the front as steps: the least energy of all that are at least as good."""
    front = sorted((point.x, point.y.value or 0.0) for point in points if point.is_front)
    places = [(axes.left(x), axes.top(y / factor)) for x, y in front]
    path = [f"M{places[0][0]:.1f} {places[0][1]:.1f}"]
    for x, y in places[1:]:
        path.append(f"V{y:.1f}H{x:.1f}" if sign > 0 else f"H{x:.1f}V{y:.1f}")
    return element("path", d="".join(path), css="front-line")


# Rank sets


def _rank_figure(entries: Sequence[SiteEntry]) -> Figure | None:
    if len(entries) < 2:
        return None
    ranks = [entry.row.rank for entry in entries]
    last = max(rank.high for rank in ranks if rank is not None)
    label_width = 190.0
    height = TOP + ROW_HEIGHT * len(entries) + BOTTOM
    unit = (WIDTH - label_width - RIGHT) / last

    def parts() -> Iterator[str]:
        step = max(1, last // 12)
        floor = height - BOTTOM
        for number in range(1, last + 1, step):
            x = label_width + (number - 0.5) * unit
            yield element("path", d=f"M{x:.1f} {TOP}V{floor:.1f}", css="grid")
            yield text(x, floor + 18, str(number), "tick", "middle")
        yield text((label_width + WIDTH) / 2, height - 6, "rank", "label", "middle")
        for place, (entry, rank) in enumerate(zip(entries, ranks, strict=True)):
            assert rank is not None
            y = TOP + ROW_HEIGHT * (place + 0.5)
            system = entry.result.entry.system or entry.result.entry.id
            yield text(label_width - 8, y + 4, _cut(system), "name", "end")
            left = label_width + (rank.low - 1) * unit + 2
            bar = element(
                "rect",
                x=left,
                y=y - 4,
                width=max(2.0, (rank.high - rank.low + 1) * unit - 4),
                height=8.0,
                rx=2.0,
                css="rank-bar",
            )
            yield titled(bar, f"{_name(entry)}: rank {entry.rank.strip('()')}")

    rows = [
        [
            _name(entry),
            entry.rank,
            percent(entry.row.rank.p_first if entry.row.rank else None),
            percent(entry.row.rank.pareto if entry.row.rank else None),
        ]
        for entry in entries
    ]
    return Figure(
        "Rank sets",
        "The ranks that the data leave open for each entry; one error rate holds for the whole "
        "table.",
        picture(WIDTH, height, f"Rank sets of {len(entries)} entries", list(parts())),
        ["System", "Rank", "P(first)", "P(Pareto)"],
        rows,
    )


# History


def _history_figure(entries: Sequence[SiteEntry]) -> Figure | None:
    rounds = sorted({entry.result.entry.round for entry in entries} - {""}, key=_natural)
    if len(rounds) < 2:
        return None
    places = {name: float(place) for place, name in enumerate(rounds)}
    of_rounds = [entry for entry in entries if entry.result.entry.round]
    column = Column.for_estimates([entry.result.energy_per_unit for entry in of_rounds])
    ends = [
        end / column.factor for entry in of_rounds for end in _ends(entry.result.energy_per_unit)
    ]
    axes = frame(WIDTH, HEIGHT, [-0.4, len(rounds) - 0.6], ends)
    parts = list(_history_axes(axes, rounds, f"energy [{column.unit}]"))
    best: dict[str, float] = {}
    for entry in of_rounds:
        value = (entry.result.energy_per_unit.value or 0.0) / column.factor
        best[entry.result.entry.round] = min(value, best.get(entry.result.entry.round, value))
    line = " ".join(
        f"{axes.left(places[name]):.1f},{axes.top(best[name]):.1f}"
        for name in rounds
        if name in best
    )
    parts.append(element("polyline", points=line, css="front-line"))
    for entry in of_rounds:
        name = entry.result.entry.round
        estimate = entry.result.energy_per_unit
        is_best = (estimate.value or 0.0) / column.factor == best[name]
        point = Point(_name(entry), places[name], estimate, name, is_best)
        parts.append(_marker(point, axes, column))
    rows = [
        [
            entry.result.entry.round,
            _name(entry),
            column.value(entry.result.energy_per_unit),
            column.interval(entry.result.energy_per_unit),
        ]
        for entry in sorted(of_rounds, key=lambda item: _natural(item.result.entry.round))
    ]
    return Figure(
        "Energy over rounds",
        "The line joins the lowest energy of each round. Rules differ between rounds.",
        picture(WIDTH, HEIGHT, f"Energy over {len(rounds)} rounds", parts),
        ["Round", "System", f"Energy [{column.unit}]", "Interval"],
        rows,
    )


def _history_axes(axes: Frame, rounds: Sequence[str], y_label: str) -> Iterator[str]:
    floor = HEIGHT - BOTTOM
    for tick in axes.y.ticks():
        y = axes.top(tick)
        yield element("path", d=f"M{LEFT} {y:.1f}H{WIDTH - RIGHT}", css="grid")
        yield text(LEFT - 8, y + 4, significant(tick, 3), "tick", "end")
    family = _family(rounds)
    step = math.ceil(len(rounds) * MIN_ROUND_WIDTH / (WIDTH - LEFT - RIGHT))
    for place, name in enumerate(rounds):
        if place % step == 0:
            short = name.removeprefix(family)
            yield text(axes.left(float(place)), floor + 18, short, "tick", "middle")
    label = f"round of {family.rstrip('-')}" if family else "round"
    yield text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, label, "label", "middle")
    yield text(4, 11, y_label, "label")


def _family(rounds: Sequence[str]) -> str:
    """Return what the names of all rounds begin with, up to a hyphen: `mlperf-inference-`."""
    families = {name.rpartition("-")[0] for name in rounds}
    return f"{families.pop()}-" if len(families) == 1 and "" not in families else ""


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts v4.9 before v4.10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


# Joules a correct answer


def _correctness_figure(entries: Sequence[SiteEntry]) -> Figure | None:
    points = [
        Point(
            _name(entry),
            entry.result.quality.value,
            entry.result.per_correct,
            significant(entry.result.quality.value, 5),
        )
        for entry in entries
        if entry.result.quality is not None
        and entry.result.per_correct is not None
        and entry.result.per_correct.value is not None
    ]
    metrics = {entry.result.quality.metric for entry in entries if entry.result.quality}
    if not points or len(metrics) != 1:
        return None
    return _scatter(
        points,
        title="Joules per correct answer against accuracy",
        caption="Better is lower and further right.",
        x_label=metrics.pop(),
    )
