"""The same run elsewhere and at other hours: as text and as a document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from harness.carbon.series import Floats
from harness.carbon.whatif_result import Moment, Place, WhatIf
from harness.core.schemas import SCHEMA_VERSION
from harness.core.timestamps import to_iso
from harness.render.escape import grid, plain
from harness.render.numbers import estimate_text, percent, prefix
from harness.uncertainty.estimate import Estimate

BARS = " ▁▂▃▄▅▆▇█"
SHOWN = 20
"""Places that the table of hours shows; --json has all."""


def whatif_document(found: WhatIf, entry_id: str) -> dict[str, Any]:
    """The document of `whatif --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "id": entry_id,
        "energy": asdict(found.energy),
        "seconds": found.seconds,
        "places": [_place(place) for place in found.places],
        "savings": {
            "against": found.against,
            **{
                name: _plain(getattr(found, name))
                for name in ("in_time", "in_place", "in_both", "deferred")
            },
            "deferrable_s": found.deferrable_s,
        },
        "notes": list(found.notes),
    }


def _plain(found: Estimate | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _place(place: Place) -> dict[str, Any]:
    return {
        "zone": place.zone,
        "intensity": place.intensity.document(),
        **{name: _moment(getattr(place, name)) for name in ("actual", "best", "worst", "deferred")},
        "mean_g": place.mean_g,
        "by_hour_g": _numbers(place.by_hour_g),
        "by_month_g": _numbers(place.by_month_g),
        "starts": len(place.starts_ns),
        "gaps": place.gaps,
    }


def _moment(moment: Moment | None) -> dict[str, Any] | None:
    return None if moment is None else {"start": to_iso(moment.start_ns), "co2e": asdict(moment.g)}


def _numbers(values: Floats | None) -> list[float | None] | None:
    return None if values is None else [None if np.isnan(v) else float(v) for v in values]


def whatif_text(found: WhatIf, entry_id: str) -> str:
    """Places with best, worst and actual start, hours of the day as a row of bars, savings, notes."""
    head = ("Zone", "Actual [interval]", "Mean", "Best", "from", "Worst", "from", "Source")
    rows = [_row(place) for place in found.places]
    parts = [
        f"{plain(entry_id)}: {estimate_text(found.energy)} over {found.seconds / 3600:.3g} h, the same everywhere"
    ]
    parts.append(grid(head, rows, "terminal"))
    hours = [place for place in found.places[:SHOWN] if place.by_hour_g is not None]
    if hours:
        parts.append(
            "CO2e by hour of the start, mean over all days (UTC):\n"
            + _table(hours, "by_hour_g", range(24))
        )
        parts.append("CO2e by month of the start:\n" + _table(hours, "by_month_g", range(1, 13)))
    parts.append(_savings(found))
    parts.append("\n".join(f"note: {note}" for note in found.notes))
    return "\n\n".join(parts) + "\n"


def _row(place: Place) -> list[str]:
    mean = "-" if place.mean_g is None else _grams(place.mean_g)
    moments = [text for m in (place.best, place.worst) for text in _short(m)]
    actual = "-" if place.actual is None else estimate_text(place.actual.g)
    return [
        place.zone,
        actual,
        mean,
        *moments,
        f"{place.intensity.dataset or place.intensity.source} {place.intensity.date}",
    ]


def _short(moment: Moment | None) -> tuple[str, str]:
    if moment is None or moment.g.value is None:
        return "-", "-"
    return _grams(moment.g.value), to_iso(moment.start_ns)[:16] + "Z"


def _grams(g: float) -> str:
    factor, unit = prefix(g, "g")
    return f"{g / factor:.4g} {unit}"


def _table(places: list[Place], name: str, labels: range) -> str:
    rows = []
    for place in places:
        values: Floats = getattr(place, name)
        factor, unit = prefix(float(np.nanmax(values)), "g")
        cells = ["-" if np.isnan(v) else f"{v / factor:.3g}" for v in values]
        rows.append([place.zone, bars(values), unit, *cells])
    return grid(("Zone", "", "", *map(str, labels)), rows, "terminal")


def bars(values: Floats) -> str:
    """One block for each value, from nothing to the largest."""
    top = float(np.nanmax(values))
    heights = np.nan_to_num(values / top if top > 0 else values * 0)
    return "".join(BARS[round(float(h) * (len(BARS) - 1))] for h in heights)


def _savings(found: WhatIf) -> str:
    named = (
        ("in time (same place, best start)", found.in_time),
        ("in place (same start, best place)", found.in_place),
        ("in both", found.in_both),
        (f"deferrable by {(found.deferrable_s or 0) / 3600:g} h", found.deferred),
    )
    rows = [
        [text, percent(item.value), f"[{percent(item.low)}, {percent(item.high)}]"]
        for text, item in named
        if item is not None
    ]
    best = found.places[0].deferred
    if found.deferred is not None and best is not None:
        rows[-1][0] += f": start at {to_iso(best.start_ns)[:16]}Z"
    if not rows:
        return "savings: one place and no series, nothing to move to"
    return f"Saving of moving, against {found.against}:\n" + grid(
        ("Move", "Saves", "Interval"), rows, "terminal"
    )
