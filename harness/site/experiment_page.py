"""What an experiment found, as one page that needs nothing else.

The page loads nothing and runs nothing; its content security policy names its style by its hash.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.experiments.analysis import Analysis, MeasuredSide, Relocation, energy_name
from harness.experiments.recording import CONTROL, FRONTIER, MAIN
from harness.experiments.trainings import Evaluation
from harness.render.escape import escape, grid
from harness.render.experiment.document import costs_of
from harness.render.experiment.terminal import (
    COSTS_HEAD,
    SIDES_HEAD,
    WHERE_HEAD,
    costs_rows,
    ratio_lines,
    relocation_rows,
    side_row,
)
from harness.site.plots.svg import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Frame,
    element,
    frame,
    picture,
    text,
    titled,
)
from harness.uncertainty.estimate import Estimate

WIDTH, HEIGHT = 860.0, 420.0
RATIOS_WIDTH = 560.0
"""Width of the plot of the ratios, which fits a phone [pixels]."""
RATIO_ROW = 46.0
"""Height of a ratio in its plot, its name above it [pixels]."""
LEGEND_ROW = 20.0
"""Height of a line of a legend [pixels]."""
COLOURS = ("#3d6b8e", "#b5533c", "#4c8c4a", "#7d5ba6", "#a07a1c", "#555555")
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:76rem;padding:0 1rem;
  color:#1b1b1b;background:#fff;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
h1{font-size:1.6rem;margin:0 0 .5rem}
h2{font-size:1.2rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:1.4rem 0 .4rem}
p{max-width:48rem}
table{border-collapse:collapse;font-size:.85rem;overflow-wrap:normal}
th,td{padding:.3rem .6rem;text-align:left;vertical-align:top;border-bottom:1px solid #ddd;
  white-space:nowrap}
th{vertical-align:bottom;white-space:normal}
td:nth-child(2){white-space:normal;min-width:7rem}
th{background:#f3f5f4}
.wide{overflow-x:auto;margin:.5rem 0 1rem;
  background:linear-gradient(90deg,#fff 33%,transparent) 0 0/2.4rem 100% local no-repeat,
  linear-gradient(270deg,#fff 33%,transparent) 100% 0/2.4rem 100% local no-repeat,
  linear-gradient(90deg,#ccc,transparent) 0 0/.8rem 100% scroll no-repeat,
  linear-gradient(270deg,#ccc,transparent) 100% 0/.8rem 100% scroll no-repeat}
.wide:focus-visible{outline:2px solid #3d6b8e}
.claim{border-left:6px solid #3d6b8e;background:#f3f5f4;padding:.4rem 1rem;margin:.5rem 0}
.note{color:#555;font-size:.85rem}
svg{display:block;width:100%;min-width:36rem;max-width:58rem;height:auto;font-size:12px}
.ratios svg{min-width:0;max-width:40rem}
.grid{stroke:#ddd;fill:none}
.tick,.label{fill:#444}
.label{paint-order:stroke;stroke:#fff;stroke-width:4px}
.mark{stroke:#1b1b1b;fill:none;stroke-dasharray:5 4}
.run{fill:none;stroke-width:1.3}
.other{fill:none;stroke-width:1.3;stroke-dasharray:5 3}
.interval{stroke-width:3}
@media(max-width:44rem){
  td:nth-child(-n+3){white-space:normal}
  svg{font-size:15px;overflow:visible}
  .wide{padding-top:.3rem}
  .ratios svg{font-size:17px}
}
@media(prefers-color-scheme:dark){
  body{color:#e7eaed;background:#14171a}
  th,.claim{background:#1c2024}
  th,td{border-color:#363c43}
  .note{color:#a5adb6}
  a{color:#79b3f2}
  svg{filter:invert(1) hue-rotate(180deg)}
  .grid{stroke:#c4c4c4}
  .label{stroke:#ebe8e5}
  .wide{background:linear-gradient(90deg,#14171a 33%,transparent) 0 0/2.4rem 100% local no-repeat,
  linear-gradient(270deg,#14171a 33%,transparent) 100% 0/2.4rem 100% local no-repeat,
  linear-gradient(90deg,#444b53,transparent) 0 0/.8rem 100% scroll no-repeat,
  linear-gradient(270deg,#444b53,transparent) 100% 0/.8rem 100% scroll no-repeat}
}
"""


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot.

    Attributes:
        label: What it is.
        colour: Its colour.
        css: `run` for runs of a side, `other` for those of the frontier.
        points: Abscissa and ordinate of each point.
    """

    label: str
    colour: str
    css: str
    points: Sequence[tuple[float, float]]


def experiment_page(analysis: Analysis) -> str:
    """Return the page.

    Raises:
        MissingExtraError: The extra for pages is not installed.
    """
    document = analysis.design.document
    parts = [
        f"<p>{_html(document['question'])}</p>",
        *_claims(analysis),
        "<h2>Ratios</h2>",
        _ratios_picture(analysis),
        *_ratio_lists(analysis),
        "<h2>Frontier</h2>",
        *_frontier(analysis),
        "<h2>Sides</h2>",
        *_sides(analysis),
        "<h2>What one byte costs</h2>",
        _table("Costs of one byte, table", COSTS_HEAD, list(costs_rows(analysis.sides))),
        *_relocations(analysis),
        "<h2>What was registered before the runs</h2>",
        *_registered(analysis),
    ]
    return _page(str(document["title"]), "\n".join(parts))


def _html(content: object) -> str:
    return escape(content, "html")


def _table(label: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    return _box(label, grid(head, rows, "html"))


def _box(label: str, content: str, css: str = "wide") -> str:
    """Return a box that scrolls by itself, by keyboard too."""
    name = _html(label)
    return f'<div class="{css}" tabindex="0" role="region" aria-label="{name}">{content}</div>'


# What may be said


def _claims(analysis: Analysis) -> Iterator[str]:
    """Yield what may be said of each ratio, and what kind of energy it is about."""
    first = analysis.sides[0]
    for item in analysis.ratios:
        about = f"{first.side.label} over {item.label}, to the target:"
        yield f"<p class=claim><b>{_html(about)}</b> {_html(item.claim)}</p>"
    if analysis.control is not None:
        claim = _html(analysis.control.claim)
        yield f"<p class=claim><b>Control, expected near 1:</b> {claim}</p>"
    kind = first.result.measurement_class
    yield (
        f"<p class=note>Intervals have a level of {100 * analysis.level:g} %. The class of the "
        f"energy is {_html(kind)}: {_html(CLASS_NOTES.get(kind, 'it was measured'))}.</p>"
    )


CLASS_NOTES = {
    "modelled": "it was not measured, but computed from the processor time of the machine",
    "declared": "it was not measured, but declared",
}


def _ratio_lists(analysis: Analysis) -> Iterator[str]:
    """Yield all figures of each ratio as a table."""
    rows = []
    ratios = [*analysis.ratios, *([analysis.control] if analysis.control else [])]
    for item in ratios:
        for name, shown in ratio_lines(item):
            rows.append((item.label, name, shown))
    yield _table("Ratios, table", ("first side over", "of what", "ratio"), rows)


def _ratios_picture(analysis: Analysis) -> str:
    """Draw the ratios with their intervals, on one scale with 1 and the registered ratio."""
    rows: list[tuple[str, Estimate, str]] = []
    for number, item in enumerate(analysis.ratios, 1):
        colour = COLOURS[number % len(COLOURS)]
        rows.append(
            (f"{energy_name(item.measurement_class)}, {item.label}", item.energy.ratio, colour)
        )
        rows.append((f"processor time, {item.label}", item.cpu_time, colour))
    if analysis.control is not None:
        control = analysis.control
        energy = energy_name(control.measurement_class)
        rows.append((f"{energy}, control", control.energy.ratio, COLOURS[-1]))
        rows.append(("processor time, control", control.cpu_time, COLOURS[-1]))
    least = analysis.design.least_ratio
    values = [1.0, least]
    for _, estimate, _ in rows:
        values += [v for v in (estimate.value, estimate.low, estimate.high) if v]
    height = TOP + BOTTOM + RATIO_ROW * len(rows)
    inner = frame(RATIOS_WIDTH, height, values, [0.0, 1.0])
    parts = list(_scale_of_ratios(inner, height, (1.0, least)))
    for number, (name, estimate, colour) in enumerate(rows):
        top = TOP + RATIO_ROW * number
        parts.append(text(4, top + 16, name, "label"))
        parts += _interval(inner, estimate, top + 30, colour)
    label = "Ratios with their intervals; dashed lines at 1 and at the registered ratio"
    return _box("Ratios, picture", picture(RATIOS_WIDTH, height, label, parts), "wide ratios")


def _scale_of_ratios(inner: Frame, height: float, marks: Sequence[float]) -> Iterator[str]:
    floor = height - BOTTOM
    for tick in inner.x.ticks():
        x = inner.left(tick)
        yield element("path", d=f"M{x:.1f} {TOP}V{floor:.1f}", css="grid")
        yield text(x, floor + 18, f"{tick:g}", "tick", "middle")
    for mark in marks:
        x = inner.left(mark)
        yield element("path", d=f"M{x:.1f} {TOP}V{floor:.1f}", css="mark")


def _interval(inner: Frame, estimate: Estimate, y: float, colour: str) -> Iterator[str]:
    if estimate.value is None:
        return
    shown = f"{estimate.value:.3g}"
    if estimate.low is not None and estimate.high is not None:
        low, high = inner.left(estimate.low), inner.left(estimate.high)
        bar = element("path", d=f"M{low:.1f} {y:.1f}H{high:.1f}", css="interval", stroke=colour)
        shown += f" [{estimate.low:.3g}, {estimate.high:.3g}]"
        yield titled(bar, shown)
    x = inner.left(estimate.value)
    yield titled(element("circle", cx=x, cy=y, r=5.0, fill=colour), shown)


# The frontier


def _frontier(analysis: Analysis) -> Iterator[str]:
    """Yield the curves of quality against energy and against processor time."""
    quality = analysis.design.document["quality"]
    metric = str(quality["metric"]).replace("_", " ")
    energy = energy_name(analysis.sides[0].result.measurement_class)
    for axis, unit in ((energy, "J"), ("processor time", "s")):
        curves = list(_curves(analysis, by_energy=axis == energy))
        if not curves:
            continue
        yield f"<p class=note>Evaluations of the first training of each run: {_html(metric)} "
        yield f"against {axis} since the start of its process. Dashed curves: further widths and "
        yield "settings, one run each. Dashed line: the registered target.</p>"
        yield _curves_picture(curves, f"{axis} [{unit}]", metric, float(quality["target"]))


def _curves(analysis: Analysis, *, by_energy: bool) -> Iterator[Curve]:
    names = [item.side.name for item in analysis.sides if item.role == MAIN]
    for item in analysis.sides:
        if item.role == CONTROL:
            continue
        colour = COLOURS[names.index(item.side.name) % len(COLOURS)]
        css = "other" if item.role == FRONTIER else "run"
        for run in item.runs:
            points = list(_points(run.evaluations, by_energy=by_energy))
            if points:
                yield Curve(f"{item.side.name}: {item.side.label}", colour, css, points)


def _points(evaluations: Sequence[Evaluation], *, by_energy: bool) -> Iterator[tuple[float, float]]:
    for item in evaluations:
        cost = item.energy_j if by_energy else item.cpu_s
        if cost:
            yield cost, item.quality


def _curves_picture(curves: Sequence[Curve], x_label: str, y_label: str, target: float) -> str:
    costs = [x for curve in curves for x, _ in curve.points]
    qualities = [y for curve in curves for _, y in curve.points]
    axes = frame(WIDTH, HEIGHT, costs, [*qualities, target])
    parts = [*axes.axes(x_label, y_label), _target_line(axes, target)]
    parts += [_line(axes, curve) for curve in curves]
    return _with_legend(f"{y_label} against {x_label}", parts, curves)


def _line(axes: Frame, curve: Curve) -> str:
    """Draw a curve; one of a single point as a dot."""
    places = [(axes.left(x), axes.top(y)) for x, y in curve.points]
    if len(places) == 1:
        ((x, y),) = places
        shape = element("circle", cx=x, cy=y, r=3.5, fill=curve.colour)
    else:
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        shape = element("polyline", points=line, css=curve.css, stroke=curve.colour)
    return titled(shape, curve.label)


def _target_line(axes: Frame, target: float) -> str:
    return element("path", d=f"M{LEFT} {axes.top(target):.1f}H{WIDTH - RIGHT}", css="mark")


def _with_legend(label: str, parts: Sequence[str], curves: Sequence[Curve]) -> str:
    """Return a picture with the names of its colours below it.

    The frontier shares the colours of its sides.
    """
    colours = {curve.label: curve.colour for curve in curves if curve.css == "run"}
    lines = []
    for number, (name, colour) in enumerate(colours.items()):
        y = HEIGHT + LEGEND_ROW * (number + 0.7)
        lines.append(element("rect", x=LEFT, y=y - 9, width=12, height=10, fill=colour))
        lines.append(text(LEFT + 18, y, name, "label"))
    height = HEIGHT + LEGEND_ROW * len(colours)
    return _box(f"{label}, picture", picture(WIDTH, height, label, [*parts, *lines]))


# Tables


def _sides(analysis: Analysis) -> Iterator[str]:
    """Yield what each side reached, and what it needed for it."""
    for title, role in (("", MAIN), ("Control", CONTROL), ("Frontier", FRONTIER)):
        rows = [side_row(item) for item in analysis.sides if item.role == role]
        if rows:
            yield f"<h3>{title}</h3>" if title else ""
            yield _table(f"{title or 'Sides'}, table", SIDES_HEAD, rows)
    yield "<p class=note>Memory held by parameters and the optimiser's state: "
    yield f"{_html(', '.join(_states(analysis.sides)))}.</p>"


def _states(sides: Sequence[MeasuredSide]) -> Iterator[str]:
    for item in sides:
        state_bytes = costs_of(item).get("state_bytes")
        if item.role == MAIN and state_bytes:
            yield f"{item.side.name} {state_bytes / 1e6:.4g} MB"


def _relocations(analysis: Analysis) -> Iterator[str]:
    """Yield where and when: the same trainings in other zones and at other hours."""
    if not analysis.relocations:
        return
    yield "<h2>Where and when</h2>"
    yield "<p class=note>Emissions of one training by its start, mean of all days [mg CO2e].</p>"
    yield _hours_picture(analysis.relocations)
    yield _table("Where and when, table", WHERE_HEAD, list(relocation_rows(analysis.relocations)))


def _hours_picture(relocations: Sequence[Relocation]) -> str:
    curves = []
    for side_number, item in enumerate(relocations):
        for zone_number, zone in enumerate(item.answer.zones):
            if zone.by_hour_g is None:
                continue
            milligrams = 1000 * zone.by_hour_g / item.trainings
            points = [(float(hour), float(mg)) for hour, mg in enumerate(milligrams)]
            colour = COLOURS[zone_number % len(COLOURS)]
            css = "other" if side_number else "run"
            curves.append(Curve(zone.zone if not side_number else item.name, colour, css, points))
    if not curves:
        return ""
    hours = [0.0, 23.0]
    axes = frame(WIDTH, HEIGHT, hours, [y for curve in curves for _, y in curve.points])
    parts = list(axes.axes("hour of the start [UTC]", "emissions [mg CO2e]"))
    parts += [_line(axes, curve) for curve in curves]
    return _with_legend("emissions of one training by the hour of its start", parts, curves)


def _registered(analysis: Analysis) -> Iterator[str]:
    """Yield the design: target, seeds, how the configurations were chosen."""
    document = analysis.design.document
    quality = document["quality"]
    target = f"{quality['metric']} {quality['target']:g}, {quality['better']} is better"
    yield "<ul>"
    yield f"<li>Target: {_html(target)}.</li>"
    yield f"<li>Seeds: {_html(', '.join(map(str, analysis.design.seeds)))}.</li>"
    yield f"<li>Tuning: {_html(document['tuning']['method'])}</li>"
    yield "</ul>"


# The page


def _page(title: str, body: str) -> str:
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>{_html(title)}</title><style>{STYLE}</style></head><body><main>\n"
        f"<h1>{_html(title)}</h1>\n{body}\n</main></body></html>\n"
    )
