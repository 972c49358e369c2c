"""Draw one entry: a cell for each run, and the trace that its worst finding is about.

The picture shows the readings over time with the window, gaps and dropped readings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from harness.auditing.report import EntryReport, Finding, Location
from harness.auditing.rules.base import location
from harness.core.timestamps import NS
from harness.formats.base import Entry, Run
from harness.render.escape import escape
from harness.traces.trace import Ints, Trace, Window

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 180, 60, 24, 20
FLOOR = HEIGHT - BOTTOM
PLOT_HEIGHT = FLOOR - TOP
COLUMNS = 400
"""Columns of the plot; of the readings in each, the lowest and the highest are drawn."""
MAX_MARKS = 200
"""Runs, gaps and dropped readings that are drawn."""
MAX_WINDOW_DISTANCE_NS = 86400 * NS
"""A window further from the trace is not drawn: the time axis would show nothing else."""
COLOURS = {"fail": "#b5533c", "error": "#c9a227", "warn": "#d89b4a", "": "#8fc1a9"}
WINDOW_COLOUR, GAP_COLOUR = "#dfeaf2", "#f0c9bf"
_SHOWN_STATUSES = ("fail", "error", "warn")


def entry_svg(entry: Entry, report: EntryReport) -> str:
    """Return the picture of an entry, "" where it has no trace."""
    shown = choose_trace(entry, report)
    if shown is None:
        return ""
    run, trace = shown
    caption = trace_caption(report, run, trace)
    parts = [*_run_cells(entry, report), *_trace_plot(run, trace, caption)]
    title = escape(f"{entry.id}: {location(run, trace)}", "html")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg"'
        f' font-size="11" font-family="sans-serif"><title>{title}</title>{"".join(parts)}</svg>'
    )


# What a finding is about


def choose_trace(entry: Entry, report: EntryReport | None) -> tuple[Run, Trace] | None:
    """Return the trace of the worst finding that is about one, else the first of its run."""
    traces = [(run, trace) for run in entry.runs for trace in run.outer if len(trace)]
    for finding in _shown_findings(report):
        for run, trace in traces:
            if _is_about_trace(finding, run, trace):
                return run, trace
        for run, trace in traces:
            if _is_about_run(finding, run):
                return run, trace
    return traces[0] if traces else None


def _shown_findings(report: EntryReport | None) -> Iterator[Finding]:
    findings = () if report is None else report.findings
    return (finding for finding in findings if finding.status in _SHOWN_STATUSES)


def _is_about_trace(finding: Finding, run: Run, trace: Trace) -> bool:
    """Return whether a finding names this trace, by its channel or by its file."""
    place = _place(finding)
    if place.channel is not None:
        return (place.run, place.channel) == (run.id, trace.channel.id)
    return place.file is not None and place.file == trace.channel.source


def _is_about_run(finding: Finding, run: Run) -> bool:
    """Return whether a finding names this run, one of its files, or a file in its folder."""
    place = _place(finding)
    if place.run is not None:
        return place.run == run.id
    if place.file is None:
        return False
    names = [part.partition(".")[0] for part in place.file.split("/")]
    return place.file in run.sources or run.id in names


def _place(finding: Finding) -> Location:
    """Return where a finding is; words that are no place are compared as a file."""
    if finding.location is not None:
        return finding.location
    return Location(file=finding.where.partition(", line ")[0])


def trace_caption(report: EntryReport | None, run: Run, trace: Trace) -> str:
    """Return the rules with a finding about this trace or about its run as a whole."""
    about = [
        f"{finding.status} {finding.rule}"
        for finding in _shown_findings(report)
        if _is_about_trace(finding, run, trace) or _place(finding) == location(run)
    ]
    return ", ".join(dict.fromkeys(about))


# Drawing


def _run_cells(entry: Entry, report: EntryReport) -> Iterator[str]:
    """Yield a cell for each run, in the colour of its worst finding."""
    shown = entry.runs[:MAX_MARKS]
    step = (WIDTH - LEFT) / max(1, len(shown))
    count = len(entry.runs)
    yield f'<text x="0" y="12" fill="#444">{count} run{"s" * (count != 1)}</text>'
    for number, run in enumerate(shown):
        statuses = {f.status for f in _shown_findings(report) if _is_about_run(f, run)}
        worst = next((status for status in _SHOWN_STATUSES if status in statuses), "")
        title = f"{escape(run.id, 'html')}: {worst or 'no finding'}"
        yield (
            f'<rect x="{LEFT + number * step:.1f}" y="2" width="{max(1.0, step - 2):.1f}"'
            f' height="12" fill="{COLOURS[worst]}"><title>{title}</title></rect>'
        )


@dataclass(frozen=True, slots=True)
class _Axes:
    """The axes of the plot.

    Attributes:
        first_ns: Time at the left edge [ns].
        last_ns: Time at the right edge [ns].
        top_w: Power at the upper edge [W].
    """

    first_ns: int
    last_ns: int
    top_w: float

    @property
    def span_ns(self) -> int:
        """Time from edge to edge [ns], at least 1."""
        return max(1, self.last_ns - self.first_ns)

    def x(self, t_ns: int) -> float:
        """Return the abscissa of a time, inside the plot."""
        share = (t_ns - self.first_ns) / self.span_ns
        return LEFT + (WIDTH - LEFT) * min(1.0, max(0.0, share))

    def y(self, power_w: float) -> float:
        """Return the ordinate of a power."""
        return FLOOR - PLOT_HEIGHT * power_w / self.top_w


def _axes(power: Trace, window: Window | None) -> _Axes:
    """Return axes that hold the trace, and its window where it is near."""
    first_ns, last_ns = int(power.t_ns[0]), int(power.t_ns[-1])
    if window is not None and abs(window.start_ns - first_ns) < MAX_WINDOW_DISTANCE_NS:
        first_ns, last_ns = min(first_ns, window.start_ns), max(last_ns, window.stop_ns)
    return _Axes(first_ns, last_ns, max(float(power.value.max()), 1e-9) * 1.05)


def _trace_plot(run: Run, trace: Trace, caption: str) -> Iterator[str]:
    power = _mean_power(trace) if trace.channel.kind == "counter" else trace
    if not len(power):
        return
    window = run.window if run.window is not None and run.window.seconds > 0 else None
    axes = _axes(power, window)
    gaps = power.gaps(run.window)
    if window is not None:
        yield _box(axes.x(window.start_ns), axes.x(window.stop_ns), WINDOW_COLOUR, "window")
    for begin, end in gaps[:MAX_MARKS]:
        yield _box(axes.x(begin), axes.x(end), GAP_COLOUR, "gap")
    yield f'<polyline fill="none" stroke="#3d6b8e" points="{_points(power, axes)}"/>'
    yield from _dropped_marks(trace, axes)
    yield f'<text x="0" y="{TOP + 10}" fill="#444">{axes.top_w / 1.05:.4g} W</text>'
    yield f'<text x="0" y="{FLOOR}" fill="#444">0 W</text>'
    text = f"{location(run, trace)}, {axes.span_ns / NS:.0f} s" + (
        f": {caption}" if caption else ""
    )
    yield f'<text x="{LEFT}" y="{HEIGHT - 5}" fill="#444">{escape(text, "html")}</text>'
    yield from _legend(len(gaps))


def _dropped_marks(trace: Trace, axes: _Axes) -> Iterator[str]:
    """Yield a tick for each reading that cleaning dropped."""
    stamped = [(item.t_ns, item.reason) for item in trace.dropped if item.t_ns is not None]
    inside = [item for item in stamped if axes.first_ns <= item[0] <= axes.last_ns]
    for t_ns, reason in inside[:MAX_MARKS]:
        title = f"<title>{escape(reason, 'html')}</title>"
        yield f'<path d="M{axes.x(t_ns):.1f} {FLOOR}v-8" stroke="#b5533c">{title}</path>'


def _legend(gap_count: int) -> Iterator[str]:
    """Yield what the shades mean."""
    shades = [("window", WINDOW_COLOUR)]
    if gap_count:
        shades.append((f"{gap_count} gap{'s' * (gap_count != 1)}", GAP_COLOUR))
    for number, (name, colour) in enumerate(shades):
        y = TOP + 34 + 16 * number
        yield f'<rect x="0" y="{y - 9}" width="10" height="10" fill="{colour}" stroke="#aaa"/>'
        yield f'<text x="14" y="{y}" fill="#444">{name}</text>'


def _mean_power(trace: Trace) -> Trace:
    """Return the mean power between the readings of a counter [W]."""
    if len(trace) < 2:
        return trace.slice(0, 0)
    power_w = np.diff(trace.value) / (np.diff(trace.t_ns) / NS)
    return Trace(trace.channel, trace.t_ns[1:].copy(), np.maximum(power_w, 0.0))


def _box(left: float, right: float, colour: str, title: str) -> str:
    width = max(0.5, right - left)
    return (
        f'<rect x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{PLOT_HEIGHT}"'
        f' fill="{colour}"><title>{title}</title></rect>'
    )


def _points(trace: Trace, axes: _Axes) -> str:
    """Return the points of the polyline."""
    drawn = _extremes(trace) if len(trace) > 2 * COLUMNS else np.arange(len(trace))
    points = ((axes.x(int(trace.t_ns[i])), axes.y(float(trace.value[i]))) for i in drawn)
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _extremes(trace: Trace) -> Ints:
    """Return the indices of the lowest and the highest reading of each column, in time order."""
    kept: list[int] = []
    for column in np.array_split(np.arange(len(trace)), COLUMNS):
        value = trace.value[column]
        kept += [column[value.argmin()], column[value.argmax()]]
    return np.unique(kept)
