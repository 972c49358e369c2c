"""Draw pictures as SVG or PNG (extra `pictures`).

CO2e by hour, the factors between two results as a waterfall, and the catalogue as bars.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.carbon.footprint.document import Footprint
from harness.carbon.footprint.totals import recomputed
from harness.carbon.whatif_result import WhatIf, Zone
from harness.core.errors import MissingExtraError, UsageError
from harness.core.files import replacing
from harness.emissions.decomposition import NAMES, Decomposition
from harness.render.numbers import prefix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROSS, NET, UP, DOWN = "#3d6b8e", "#8fc1a9", "#b5533c", "#4c8c4a"
MAX_PLACES = 4
"""Places that a picture has room for."""
NS_PER_HOUR = 3_600_000_000_000


def save(figure: Figure, path: Path) -> None:
    """Write a picture in the format that its suffix names.

    Raises:
        UsageError: The suffix is neither .svg nor .png, or something else than a regular file is
            there.
    """
    form = path.suffix.lower().removeprefix(".")
    if form not in ("svg", "png"):
        raise UsageError(
            "is not a picture format",
            where=str(path),
            got=path.suffix or "none",
            expected=".svg or .png",
        )
    # Without a date, the same input gives the same file.
    metadata = {"Date": None} if form == "svg" else None
    with replacing(path) as file:
        figure.savefig(file, format=form, dpi=150, metadata=metadata)


def new_figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, Any]:
    """Return an empty figure and its plots, shape (rows, columns).

    Args:
        rows: Number of rows.
        columns: Number of columns.
        size: Width and height [inch].

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure as NewFigure
    except ImportError:
        raise MissingExtraError(
            "pictures need the extra `pictures`",
            fix="pip install 'joulemark[pictures]'",
        ) from None
    matplotlib.rcParams["svg.hashsalt"] = "joulemark"  # the same input gives the same file
    figure = NewFigure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def whatif_picture(whatif: WhatIf) -> Figure:
    """Draw every start over the year and the mean by hour of the day, for each place."""
    places = [place for place in whatif.zones if place.by_hour_g is not None][:MAX_PLACES]
    if not places:
        return _places_picture(whatif)
    figure, axes = new_figure(len(places), 2, (11, 2.6 * len(places)))
    highest_g = max(float(np.max(place.each_g)) for place in places)
    scale, unit = prefix(highest_g, "g")
    for (left, right), place in zip(axes, places, strict=True):
        image = _draw_year(left, place, scale, highest_g)
        figure.colorbar(image, ax=left, label=f"{unit} CO2e")
        _draw_day(right, place, scale, unit)
    return figure


def _draw_year(axes: Axes, place: Zone, scale: float, highest_g: float) -> Any:
    """Draw the emissions of each start as days by hours."""
    hours = (place.starts_ns // NS_PER_HOUR).astype(np.int64)
    first_day, last_day = int(hours[0] // 24), int(hours[-1] // 24)
    table = np.full((24, last_day - first_day + 1), np.nan)
    table[hours % 24, hours // 24 - first_day] = place.each_g / scale
    axes.set(
        title=f"{place.zone}, every start",
        xlabel="day",
        ylabel="hour of start (UTC)",
        yticks=[0, 6, 12, 18],
    )
    return axes.imshow(
        table, aspect="auto", origin="lower", cmap="cividis", vmin=0, vmax=highest_g / scale
    )


def _draw_day(axes: Axes, place: Zone, scale: float, unit: str) -> None:
    """Draw the mean by hour of start, with the actual, best and worst start as lines."""
    assert place.by_hour_g is not None
    axes.bar(range(24), place.by_hour_g / scale, color=GROSS, width=0.85)
    for name, moment, colour in (
        ("actual", place.actual, UP),
        ("best", place.best, DOWN),
        ("worst", place.worst, "#555"),
    ):
        if moment is not None and moment.g.value is not None:
            axes.axhline(moment.g.value / scale, color=colour, linewidth=1, label=name)
    axes.set(
        title=f"{place.zone}, mean by hour of start",
        xlabel="hour (UTC)",
        ylabel=f"{unit} CO2e",
        ylim=(0, None),
    )
    axes.legend(fontsize="small")


def _places_picture(whatif: WhatIf) -> Figure:
    """Draw one bar with its interval for each place: annual intensities have no hours."""
    figure, axes = new_figure(1, 1, (8, 0.8 + 0.35 * len(whatif.zones)))
    emissions = [(zone.zone, zone.actual.g) for zone in whatif.zones if zone.actual is not None]
    scale, unit = prefix(max(g.value or 0.0 for _, g in emissions), "g")
    names, values, below, above = [], [], [], []
    for name, g in emissions:
        value = g.value or 0.0
        names.append(name)
        values.append(value / scale)
        below.append((value - (g.low or 0.0)) / scale)
        above.append(((g.high or 0.0) - value) / scale)
    bars = axes[0][0]
    bars.barh(names, values, xerr=[below, above], color=GROSS, capsize=3)
    bars.set(xlabel=f"{unit} CO2e", title="The same run in other zones")
    bars.invert_yaxis()
    return figure


def waterfall_picture(splits: Sequence[tuple[str, Decomposition]]) -> Figure:
    """Draw how each factor raises or lowers the logarithm of the ratio, up to the whole."""
    figure, axes = new_figure(1, len(splits), (5.5 * len(splits), 4))
    for panel, (title, decomposition) in zip(axes[0], splits, strict=True):
        _draw_waterfall(panel, title, decomposition)
    return figure


def _draw_waterfall(axes: Axes, title: str, decomposition: Decomposition) -> None:
    factors = _factors(decomposition)
    bottom = 0.0
    for x, (_, factor) in enumerate(factors):
        _draw_factor(axes, x, bottom, factor)
        bottom += factor.value
    whole, total = len(factors), decomposition.total.value or 0.0
    axes.bar(whole, total, color=GROSS, width=0.7)
    axes.annotate(f"{math.exp(total):.4g}x", (whole, total), ha="center", va="bottom")
    names = [*(name for name, _ in factors), "the whole"]
    axes.set_xticks(range(whole + 1), names, fontsize="small")
    axes.axhline(0, color="black", linewidth=0.8)
    heading = f"{title}: {decomposition.a}\nover {decomposition.b}"
    axes.set(title=heading, ylabel="ln ratio of CO2e")
    axes.title.set_fontsize("small")


def _factors(decomposition: Decomposition) -> list[tuple[str, Any]]:
    """List the factors with their names; model and machine are one if they cannot be told apart."""
    values = [(name, getattr(decomposition, name)) for name in NAMES]
    factors = [(name, factor) for name, factor in values if factor is not None]
    if decomposition.model is None:
        factors.insert(0, ("model and\nmachine", decomposition.model_and_machine))
    return factors


def _draw_factor(axes: Axes, x: int, bottom: float, factor: Any) -> None:
    """Draw one factor as a bar that begins where the previous one ended, with its interval."""
    top = bottom + factor.value
    axes.bar(x, factor.value, bottom=bottom, color=UP if factor.value > 0 else DOWN, width=0.7)
    interval = [[factor.value - factor.low], [factor.high - factor.value]]
    axes.errorbar(x, top, interval, color="black", capsize=3)
    axes.annotate(
        f"{math.exp(factor.value):.3g}x",
        (x, top),
        ha="center",
        va="bottom",
        xytext=(14, 2),
        textcoords="offset points",
        fontsize="small",
    )


def catalogue_picture(items: Sequence[Footprint]) -> Figure:
    """Draw gross and net emissions of each model; what is unknown has no bar."""
    names, gross, net = [], [], []
    for item in items:
        figures = recomputed(item)
        gross_t = figures["gross_tco2e"] or item.published.get("gross_tco2e")
        net_t = figures["net_tco2e"] or item.published.get("net_tco2e")
        if gross_t or net_t:
            names.append(_label(item))
            gross.append(gross_t or np.nan)
            net.append(net_t or np.nan)
    figure, axes = new_figure(1, 1, (9, 1 + 0.32 * len(names)))
    bars = axes[0][0]
    place = np.arange(len(names))
    bars.barh(place - 0.2, gross, 0.38, color=GROSS, label="gross (location-based)")
    bars.barh(place + 0.2, net, 0.38, color=NET, label="net (market-based)")
    bars.set_yticks(place, names, fontsize="small")
    bars.invert_yaxis()
    bars.set(
        xscale="log",
        xlabel="t CO2e, each by its own convention; declared, not measured",
        title="Published footprints",
    )
    bars.legend(loc="lower right")
    return figure


def _label(item: Footprint) -> str:
    source, model = item.id.split("/")[:2]
    marks = "" if item.verified else " (unverified)"
    marks += " (net 0 by contract)" if item.published.get("net_tco2e") == 0 else ""
    return f"{model}, {source}{marks}"
