"""One entry as a small picture: its runs, and the trace of the run at fault with window, gaps and what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from harness.auditing.report import EntryReport
from harness.auditing.rules.base import place
from harness.core.timestamps import NS
from harness.formats.base import Entry, Run
from harness.render.escape import escape
from harness.traces.trace import Trace

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 900, 180, 60, 24, 20
COLUMNS = 400
"""Columns of the picture: of the readings in each, the lowest and the highest are drawn."""
MARKS = 200
COLOURS = {"fail": "#b5533c", "error": "#c9a227", "warn": "#d89b4a", "": "#8fc1a9"}
WINDOW, GAP = "#dfeaf2", "#f0c9bf"
_ORDER = ("fail", "error", "warn")


def entry_svg(entry: Entry, report: EntryReport) -> str:
    """The picture, "" where the entry has no trace."""
    picked = _pick(entry, report)
    if picked is None:
        return ""
    run, trace = picked
    parts = [*_runs(entry, report), *_trace(run, trace, _found(report, run, trace))]
    title = escape(f"{entry.id}: {place(run, trace)}", "html")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" xmlns="http://www.w3.org/2000/svg" font-size="11" '
        f'font-family="sans-serif"><title>{title}</title>{"".join(parts)}</svg>'
    )


def _pick(entry: Entry, report: EntryReport) -> tuple[Run, Trace] | None:
    """The trace that the worst finding names, or the first of its run, or the first."""
    all_traces = [(run, t) for run in entry.runs for t in run.outer if len(t)]
    for finding in report.findings:
        if finding.status == "skip":
            continue
        for run, trace in all_traces:
            if finding.where.startswith(place(run, trace)):
                return run, trace
        for run, trace in all_traces:
            if _names(finding.where, run.id):
                return run, trace
    return all_traces[0] if all_traces else None


def _names(where: str, run_id: str) -> bool:
    """Whether a place names a run: its id is a part of the path, or the file of that name."""
    return any(part.split(".")[0] == run_id for part in where.split("/"))


def _found(report: EntryReport, run: Run, trace: Trace) -> str:
    """Rules with a finding in this trace or its run, the worst first."""
    at = place(run, trace)
    told = [
        f
        for f in report.findings
        if f.status in _ORDER and (f.where.startswith(at) or f.where == run.id)
    ]
    return ", ".join(dict.fromkeys(f"{f.status} {f.rule}" for f in told))


def _runs(entry: Entry, report: EntryReport) -> Iterator[str]:
    """A cell for each run, in the colour of its worst finding."""
    shown = entry.runs[:MARKS]
    step = (WIDTH - LEFT) / max(1, len(shown))
    count = len(entry.runs)
    yield f'<text x="0" y="12" fill="#444">{count} run{"s" * (count != 1)}</text>'
    for number, run in enumerate(shown):
        statuses = {f.status for f in report.findings if _names(f.where, run.id)}
        worst = next((status for status in _ORDER if status in statuses), "")
        yield (
            f'<rect x="{LEFT + number * step:.1f}" y="2" width="{max(1.0, step - 2):.1f}" height="12" '
            f'fill="{COLOURS[worst]}"><title>{escape(run.id, "html")}: {worst or "no finding"}</title></rect>'
        )


def _trace(run: Run, trace: Trace, found: str) -> Iterator[str]:
    power = trace if trace.channel.kind != "counter" else _power(trace)
    if not len(power):
        return
    window = run.window
    first, last = int(power.t_ns[0]), int(power.t_ns[-1])
    if window is not None and window.seconds > 0 and abs(window.start_ns - first) < 86400 * NS:
        first, last = min(first, window.start_ns), max(last, window.stop_ns)
    span, top = max(1, last - first), max(float(power.value.max()), 1e-9) * 1.05
    floor, height = HEIGHT - BOTTOM, HEIGHT - BOTTOM - TOP

    def x(t_ns: int) -> float:
        return LEFT + (WIDTH - LEFT) * min(1.0, max(0.0, (t_ns - first) / span))

    if window is not None and window.seconds > 0:
        yield _box(x(window.start_ns), x(window.stop_ns), WINDOW, "window")
    for begin, end in power.gaps(window)[:MARKS]:
        yield _box(x(begin), x(end), GAP, "gap")
    yield f'<polyline fill="none" stroke="#3d6b8e" points="{_points(power, x, top, floor, height)}"/>'
    for lost in [d for d in trace.dropped if d.t_ns is not None and first <= d.t_ns <= last][
        :MARKS
    ]:
        at = x(lost.t_ns or 0)
        yield f'<path d="M{at:.1f} {floor}v-8" stroke="#b5533c"><title>{escape(lost.reason, "html")}</title></path>'
    yield f'<text x="0" y="{TOP + 10}" fill="#444">{top / 1.05:.4g} W</text>'
    yield f'<text x="0" y="{floor}" fill="#444">0 W</text>'
    said = f"{place(run, trace)}, {span / NS:.0f} s" + (f": {found}" if found else "")
    yield f'<text x="{LEFT}" y="{HEIGHT - 5}" fill="#444">{escape(said, "html")}</text>'
    yield from _legend(len(power.gaps(window)))


def _legend(gaps: int) -> Iterator[str]:
    """What the shades mean."""
    shades = [("window", WINDOW), *([(f"{gaps} gap{'s' * (gaps != 1)}", GAP)] if gaps else [])]
    for number, (name, colour) in enumerate(shades):
        y = TOP + 34 + 16 * number
        yield f'<rect x="0" y="{y - 9}" width="10" height="10" fill="{colour}" stroke="#aaa"/>'
        yield f'<text x="14" y="{y}" fill="#444">{name}</text>'


def _power(trace: Trace) -> Trace:
    """Mean power between the readings of a counter."""
    if len(trace) < 2:
        return trace.slice(0, 0)
    watts = np.maximum(np.diff(trace.value) / (np.diff(trace.t_ns) / NS), 0.0)
    return Trace(trace.channel, trace.t_ns[1:].copy(), watts)


def _box(left: float, right: float, colour: str, title: str) -> str:
    width = max(0.5, right - left)
    return (
        f'<rect x="{left:.1f}" y="{TOP}" width="{width:.1f}" height="{HEIGHT - BOTTOM - TOP}" fill="{colour}">'
        f"<title>{title}</title></rect>"
    )


def _points(trace: Trace, x: Callable[[int], float], top: float, floor: int, height: int) -> str:
    """Of the readings in each column the lowest and the highest, in the order of time."""
    keep = np.arange(len(trace))
    if len(trace) > 2 * COLUMNS:
        chunks = np.array_split(keep, COLUMNS)
        keep = np.unique(
            [
                i
                for part in chunks
                for i in (part[trace.value[part].argmin()], part[trace.value[part].argmax()])
            ]
        )
    return " ".join(
        f"{x(int(trace.t_ns[i])):.1f},{floor - height * float(trace.value[i]) / top:.1f}"
        for i in keep
    )
