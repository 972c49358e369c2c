"""The trace of an entry: power over time with its window, its gaps and the places of findings.

It is what a reader sees without scripts; with them, every channel and run can be chosen and zoomed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.core.timestamps import NS
from harness.energy.cells import Cells
from harness.formats.base import Run
from harness.render.escape import escape
from harness.render.trace_svg import choose_trace
from harness.site.entries import SiteEntry
from harness.site.numbers import Scale, significant
from harness.site.plots.finding_marks import FindingMark
from harness.site.plots.svg import BOTTOM, LEFT, RIGHT, TOP, Frame, element, picture, text, titled
from harness.traces.trace import Floats, Ints, Trace, Window

if TYPE_CHECKING:
    from markupsafe import Markup

WIDTH, HEIGHT = 960.0, 260.0
COLUMNS = 480
"""Columns of the plot; of the readings in each, the lowest and the highest are drawn."""
MAX_MARKS = 100
"""Gaps and dropped readings that are drawn."""
MAX_SMALL_MARKS = 10
"""Gaps, and places of findings, that a small picture shows."""
MAX_WINDOW_DISTANCE_NS = 86_400 * NS
"""A window further from the trace is not drawn: the time axis would show nothing else."""
SMALL_WIDTH, SMALL_HEIGHT, SMALL_COLUMNS = 480, 88, 64
"""Size and columns of a small picture; it is shown at half its size."""
POINT = "%.1f,%.1f "
"""A place of a line as text."""
FLAG_WIDTH = 20.0
"""Room for the number of a finding [pixels]."""
HEADROOM, HEADROOM_WITH_FLAGS = 1.06, 1.2
"""Upper end of the axis over the highest power, without and with numbers of findings above it."""


@dataclass(frozen=True, slots=True)
class TraceFigure:
    """The picture of a trace.

    Attributes:
        svg: The picture.
        label: Run and channel.
        marks: The findings that are marked in it, with their places in words.
    """

    svg: Markup
    label: str
    marks: Sequence[tuple[FindingMark, str]]

    @property
    def numbers(self) -> frozenset[int]:
        """Numbers of the findings that are marked."""
        return frozenset(mark.number for mark, _ in self.marks)


class _Drawn(NamedTuple):
    """What a picture of a trace shows.

    Attributes:
        run: The run.
        trace: One of its traces.
        window: Its window; None where it has none of any length.
        t_ns: Times of the powers [ns UTC], at least one.
        power_w: Powers [W].
        marks: Places of findings in this trace.
    """

    run: Run
    trace: Trace
    window: Window | None
    t_ns: Ints
    power_w: Floats
    marks: list[FindingMark]


def _drawn_trace(entry: SiteEntry, marks: Sequence[FindingMark]) -> _Drawn | None:
    """Return the trace that the worst finding is about; None where no channel has readings."""
    chosen = choose_trace(entry.result.entry, entry.report)
    if chosen is None:
        return None
    run, trace = chosen
    t_ns, power_w = power_of(trace)
    if not len(t_ns):
        return None
    window = run.window if run.window is not None and run.window.seconds > 0 else None
    here = [mark for mark in marks if (mark.run, mark.channel) == (run.id, trace.channel.id)]
    return _Drawn(run, trace, window, t_ns, power_w, here)


def trace_figure(entry: SiteEntry, marks: Sequence[FindingMark]) -> TraceFigure | None:
    """Return the picture of the trace that the worst finding is about.

    ``None`` where no channel has readings.

    Args:
        entry: The entry.
        marks: The places of its findings, in all of its traces.
    """
    drawn = _drawn_trace(entry, marks)
    if drawn is None:
        return None
    run, trace, window, t_ns, power_w, here = drawn
    origin_ns, first_ns, last_ns = _span(t_ns, window)
    headroom = HEADROOM_WITH_FLAGS if here else HEADROOM
    top_w = max(float(power_w.max()), 1e-9) * headroom
    axes = Frame(
        WIDTH,
        HEIGHT,
        Scale(
            (first_ns - origin_ns) / NS, max((last_ns - origin_ns) / NS, 1e-9), WIDTH - LEFT - RIGHT
        ),
        Scale(0.0, top_w, HEIGHT - TOP - BOTTOM),
    )
    label = f"{run.id}, {trace.channel.id}"
    parts = list(_shades(axes, trace, window, origin_ns))
    parts += axes.axes("time since the window began [s]", "power [W]")
    parts.append(_line(axes, t_ns, power_w, origin_ns))
    parts += _dropped(axes, trace, origin_ns)
    parts += _marks(axes, here, origin_ns)
    alternative = f"Power over time, {label}"
    if here:
        alternative += ", with the places of its findings"
    by_number = sorted(here, key=lambda mark: (mark.number, mark.span or (0, 0)))
    places = [(mark, mark.place(origin_ns)) for mark in by_number]
    return TraceFigure(picture(WIDTH, HEIGHT, alternative, parts), label, places)


def small_trace(entry: SiteEntry, marks: Sequence[FindingMark]) -> Markup | None:
    """Return the same trace in few bytes: a list of entries shows hundreds of them.

    ``None`` where no channel has readings.

    Args:
        entry: The entry.
        marks: The places of its findings, in all of its traces.
    """
    drawn = _drawn_trace(entry, marks)
    if drawn is None:
        return None
    run, trace, window, t_ns, power_w, here = drawn
    _, first_ns, last_ns = _span(t_ns, window)
    per_ns = SMALL_WIDTH / max(1, last_ns - first_ns)

    def shade(begin_ns: int, end_ns: int, css: str) -> str:
        left = min(max(0, round((begin_ns - first_ns) * per_ns)), SMALL_WIDTH)
        right = min(round((end_ns - first_ns) * per_ns), SMALL_WIDTH)
        return element(
            "rect", x=left, y=0, width=max(3, right - left), height=SMALL_HEIGHT, css=css
        )

    parts = [] if window is None else [shade(window.start_ns, window.stop_ns, "window")]
    parts += [shade(*gap, "gap") for gap in trace.gaps(window)[:MAX_SMALL_MARKS]]
    kept = _extremes(power_w, SMALL_COLUMNS)
    x = np.rint((t_ns[kept] - first_ns) * per_ns).astype(int)
    top_w = max(float(power_w.max()), 1e-9) * HEADROOM
    y = np.rint(SMALL_HEIGHT - SMALL_HEIGHT * power_w[kept] / top_w).astype(int)
    points = " ".join(f"{a},{b}" for a, b in zip(x.tolist(), y.tolist(), strict=True))
    parts.append(element("polyline", points=points, css="trace"))
    spans = dict.fromkeys((mark.span, mark.severity) for mark in here if mark.span is not None)
    parts += [
        element("g", shade(*span, "place"), css=f"mark {severity}")
        for span, severity in list(spans)[:MAX_SMALL_MARKS]
    ]
    label = f"Power over time, {run.id}, {trace.channel.id}"
    return picture(SMALL_WIDTH, SMALL_HEIGHT, label, parts)


def power_of(trace: Trace) -> tuple[Ints, Floats]:
    """Return times [ns UTC] and powers [W]; of a counter the mean power between readings."""
    if trace.channel.kind != "counter":
        return trace.t_ns, trace.value
    cells = Cells(trace)
    if cells.stop <= cells.first:
        return trace.t_ns[:0], trace.value[:0]
    return trace.t_ns[1:], np.maximum(cells.power(cells.first, cells.stop), 0.0)


def _span(t_ns: Ints, window: Window | None) -> tuple[int, int, int]:
    """Return the origin of the time axis, and both of its ends [ns UTC]."""
    first_ns, last_ns = int(t_ns[0]), int(t_ns[-1])
    if window is None or abs(window.start_ns - first_ns) > MAX_WINDOW_DISTANCE_NS:
        return first_ns, first_ns, max(last_ns, first_ns + 1)
    return window.start_ns, min(first_ns, window.start_ns), max(last_ns, window.stop_ns)


def _shades(axes: Frame, trace: Trace, window: Window | None, origin_ns: int) -> Iterator[str]:
    """Yield the window and the gaps as shades."""
    floor = HEIGHT - BOTTOM

    def shade(begin_ns: int, end_ns: int, css: str, title: str) -> str:
        left = axes.left((begin_ns - origin_ns) / NS)
        right = axes.left((end_ns - origin_ns) / NS)
        width = max(1.0, right - left)
        box = element("rect", x=left, y=float(TOP), width=width, height=floor - TOP, css=css)
        return titled(box, title)

    if window is not None:
        seconds = significant(window.seconds, 5)
        yield shade(window.start_ns, window.stop_ns, "window", f"timed window, {seconds} s")
    for begin_ns, end_ns in trace.gaps(window)[:MAX_MARKS]:
        yield shade(begin_ns, end_ns, "gap", f"gap of {significant((end_ns - begin_ns) / NS, 3)} s")


def _marks(axes: Frame, marks: Sequence[FindingMark], origin_ns: int) -> Iterator[str]:
    """Yield the places of findings, each under the number of its finding."""
    floor = HEIGHT - BOTTOM
    next_x, has_anchor = LEFT + FLAG_WIDTH / 2, set[int]()
    placed = sorted(marks, key=lambda mark: (mark.span is not None, mark.span or (0, 0)))
    for mark in placed:
        css, x = f"mark {mark.severity}", next_x
        parts: list[str] = []
        if mark.span is not None:
            left, right = (axes.left((t_ns - origin_ns) / NS) for t_ns in mark.span)
            x = max((left + right) / 2, next_x)
            width = max(1.5, right - left)
            parts.append(
                element("rect", x=left, y=float(TOP), width=width, height=floor - TOP, css="place")
            )
        x = min(x, WIDTH - RIGHT - FLAG_WIDTH / 2)
        next_x = x + FLAG_WIDTH
        parts.append(element("circle", cx=x, cy=TOP + 10.0, r=8.5))
        parts.append(text(x, TOP + 14, str(mark.number), anchor="middle"))
        title = f"{mark.severity}: {mark.title}, {mark.place(origin_ns)}"
        attributes = {"css": css if mark.span is not None else f"{css} whole"}
        if mark.number not in has_anchor:
            has_anchor.add(mark.number)
            attributes["id"] = f"mark-{mark.number}"
        name = element("title", escape(title, "html"))
        yield element("g", name + "".join(parts), **attributes)


def _line(axes: Frame, t_ns: Ints, power_w: Floats, origin_ns: int) -> str:
    kept = _extremes(power_w, COLUMNS)
    # all places at once: a trace has hundreds of them, and a site thousands of traces
    seconds = (t_ns[kept] - origin_ns) / NS
    x = LEFT + axes.x.length * (seconds - axes.x.low) / (axes.x.high - axes.x.low)
    y = HEIGHT - BOTTOM - axes.y.length * power_w[kept] / axes.y.high
    coordinates = np.column_stack([x, y]).ravel().tolist()
    points = POINT * len(kept) % tuple(coordinates)  # one format, as there are thousands of traces
    return element("polyline", points=points.rstrip(), css="trace")


def _extremes(value: Floats, columns: int) -> Ints:
    """Return the indices of the lowest and the highest reading of each column, in time order."""
    if len(value) <= 2 * columns:
        return np.arange(len(value))
    size = len(value) // columns
    whole = value[: size * columns].reshape(columns, size)
    offsets = np.arange(columns) * size
    ends = np.array([0, len(value) - 1])
    kept = np.concatenate([offsets + whole.argmin(axis=1), offsets + whole.argmax(axis=1), ends])
    return np.unique(kept)


def _dropped(axes: Frame, trace: Trace, origin_ns: int) -> Iterator[str]:
    """Yield a tick for each reading that cleaning dropped."""
    floor = HEIGHT - BOTTOM
    stamped = [(item.t_ns, item.reason) for item in trace.dropped if item.t_ns is not None]
    for t_ns, reason in stamped[:MAX_MARKS]:
        x = axes.left((t_ns - origin_ns) / NS)
        tick = element("path", d=f"M{x:.1f} {floor}v-9", css="dropped")
        yield titled(tick, f"dropped: {reason}")
