"""Pictures as SVG or PNG (extra `pictures`): CO2e by hour, factors as a waterfall, the catalogue as bars."""

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
from harness.emissions.decomposition import NAMES, Decomposition
from harness.render.numbers import prefix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GROSS, NET, UP, DOWN = "#3d6b8e", "#8fc1a9", "#b5533c", "#4c8c4a"
SHOWN = 4
"""Places that a picture has room for."""


def save(figure: Figure, path: Path) -> None:
    """Write a picture; the suffix says in which form. Raises UsageError for another form."""
    if path.suffix.lower() not in (".svg", ".png"):
        raise UsageError(
            "is no form of a picture",
            where=str(path),
            got=path.suffix or "none",
            expected=".svg or .png",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(
        path, dpi=150, metadata={"Date": None} if path.suffix.lower() == ".svg" else None
    )


def _figure(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, Any]:
    try:
        import matplotlib
        from matplotlib.figure import Figure as NewFigure
    except ImportError:
        raise MissingExtraError(
            "pictures need the extra `pictures`",
            fix="pip install 'joulemark[pictures]'; text needs nothing.",
        ) from None
    matplotlib.rcParams["svg.hashsalt"] = "joulemark"  # the same input gives the same file
    figure = NewFigure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def whatif_picture(found: WhatIf) -> Figure:
    """For each place: starts over the year as days by hours, and the mean by hour of the day."""
    places = [place for place in found.zones if place.by_hour_g is not None][:SHOWN]
    if not places:
        return _places_picture(found)
    figure, axes = _figure(len(places), 2, (11, 2.6 * len(places)))
    top = max(float(np.max(place.each_g)) for place in places)
    factor, unit = prefix(top, "g")
    for (left, right), place in zip(axes, places, strict=True):
        _year(left, place, factor, top, figure, unit)
        _day(right, place, factor, unit)
    return figure


def _year(axes: Axes, place: Zone, factor: float, top: float, figure: Figure, unit: str) -> None:
    hours = (place.starts_ns // 3_600_000_000_000).astype(np.int64)
    first = int(hours[0] // 24)
    table = np.full((24, int(hours[-1] // 24) - first + 1), np.nan)
    table[hours % 24, hours // 24 - first] = place.each_g / factor
    image = axes.imshow(
        table, aspect="auto", origin="lower", cmap="cividis", vmin=0, vmax=top / factor
    )
    axes.set(
        title=f"{place.zone}, every start",
        xlabel="day",
        ylabel="hour of start (UTC)",
        yticks=[0, 6, 12, 18],
    )
    figure.colorbar(image, ax=axes, label=f"{unit} CO2e")


def _day(axes: Axes, place: Zone, factor: float, unit: str) -> None:
    assert place.by_hour_g is not None
    axes.bar(range(24), place.by_hour_g / factor, color=GROSS, width=0.85)
    for name, moment, colour in (
        ("actual", place.actual, UP),
        ("best", place.best, DOWN),
        ("worst", place.worst, "#555"),
    ):
        if moment is not None and moment.g.value is not None:
            axes.axhline(moment.g.value / factor, color=colour, linewidth=1, label=name)
    axes.set(
        title=f"{place.zone}, mean by hour of start",
        xlabel="hour (UTC)",
        ylabel=f"{unit} CO2e",
        ylim=(0, None),
    )
    axes.legend(fontsize="small")


def _places_picture(found: WhatIf) -> Figure:
    """Annual factors have no hours: one bar for each place, with its interval."""
    figure, axes = _figure(1, 1, (8, 0.8 + 0.35 * len(found.zones)))
    values = [(p.zone, p.actual.g) for p in found.zones if p.actual is not None]
    factor, unit = prefix(max(g.value or 0.0 for _, g in values), "g")
    middle = [(g.value or 0.0) / factor for _, g in values]
    spread = [
        [m - (g.low or 0.0) / factor, (g.high or 0.0) / factor - m]
        for m, (_, g) in zip(middle, values, strict=True)
    ]
    axes[0][0].barh(
        [z for z, _ in values], middle, xerr=np.transpose(spread), color=GROSS, capsize=3
    )
    axes[0][0].set(xlabel=f"{unit} CO2e", title="The same run in other zones")
    axes[0][0].invert_yaxis()
    return figure


def waterfall_picture(splits: Sequence[tuple[str, Decomposition]]) -> Figure:
    """From B to A: each factor raises or lowers the logarithm, and the bars end at the whole."""
    figure, axes = _figure(1, len(splits), (5.5 * len(splits), 4))
    for one, (title, found) in zip(axes[0], splits, strict=True):
        steps = [(name, item) for name in NAMES if (item := getattr(found, name)) is not None]
        if found.model is None:
            steps.insert(0, ("model and\nmachine", found.model_and_machine))
        at = 0.0
        for x, (_, item) in enumerate(steps):
            one.bar(x, item.value, bottom=at, color=UP if item.value > 0 else DOWN, width=0.7)
            one.errorbar(
                x,
                at + item.value,
                [[item.value - item.low], [item.high - item.value]],
                color="black",
                capsize=3,
            )
            one.annotate(
                f"{math.exp(item.value):.3g}x",
                (x, at + item.value),
                ha="center",
                va="bottom",
                xytext=(14, 2),
                textcoords="offset points",
                fontsize="small",
            )
            at += item.value
        one.bar(len(steps), found.total.value, color=GROSS, width=0.7)
        one.annotate(
            f"{math.exp(found.total.value or 0):.4g}x",
            (len(steps), found.total.value),
            ha="center",
            va="bottom",
        )
        one.set_xticks(
            range(len(steps) + 1), [*(name for name, _ in steps), "the whole"], fontsize="small"
        )
        one.axhline(0, color="black", linewidth=0.8)
        one.set(title=f"{title}: {found.a}\nover {found.b}", ylabel="ln ratio of CO2e")
        one.title.set_fontsize("small")
    return figure


def catalogue_picture(items: Sequence[Footprint]) -> Figure:
    """Emissions of each model, gross and net, on one logarithmic axis; what is not known has no bar."""
    rows = [(item, recomputed(item)) for item in items]
    known = [(item, again) for item, again in rows if _gross(item, again) or _net(item, again)]
    figure, axes = _figure(1, 1, (9, 1 + 0.32 * len(known)))
    one = axes[0][0]
    place = np.arange(len(known))
    one.barh(
        place - 0.2,
        [_gross(*row) or np.nan for row in known],
        0.38,
        color=GROSS,
        label="gross (location-based)",
    )
    one.barh(
        place + 0.2,
        [_net(*row) or np.nan for row in known],
        0.38,
        color=NET,
        label="net (market-based)",
    )
    names = [_label(item) for item, _ in known]
    one.set_yticks(place, names, fontsize="small")
    one.invert_yaxis()
    one.set(
        xscale="log",
        xlabel="t CO2e, each by its own convention; declared, not measured",
        title="Published footprints",
    )
    one.legend(loc="lower right")
    return figure


def _gross(item: Footprint, again: dict[str, float | None]) -> float | None:
    return again["gross_tco2e"] or item.published.get("gross_tco2e")


def _net(item: Footprint, again: dict[str, float | None]) -> float | None:
    return again["net_tco2e"] or item.published.get("net_tco2e")


def _label(item: Footprint) -> str:
    marks = "" if item.verified else " (unverified)"
    marks += " (net 0 by contract)" if item.published.get("net_tco2e") == 0 else ""
    return f"{item.id.split('/')[1]}, {item.id.split('/')[0]}{marks}"
