"""The same run elsewhere and at other hours: as text and as a document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from harness.carbon.series import Floats
from harness.carbon.whatif_result import Start, WhatIf, Zone
from harness.core.schemas import SCHEMA_VERSION
from harness.core.timestamps import to_iso
from harness.render.escape import grid, plain
from harness.render.numbers import estimate_text, percent, prefix
from harness.uncertainty.estimate import Estimate

BARS = " ▁▂▃▄▅▆▇█"
SHOWN = 20
"""Zones that the table of hours shows; --json has all."""


def whatif_document(answer: WhatIf, entry_id: str) -> dict[str, Any]:
    """Return the document of `whatif --json`."""
    return {
        "schema_version": SCHEMA_VERSION,
        "id": entry_id,
        "energy": asdict(answer.energy),
        "seconds": answer.seconds,
        "places": [_zone(zone) for zone in answer.zones],
        "savings": {
            "against": answer.against,
            **{
                name: _plain(getattr(answer, name))
                for name in ("in_time", "in_place", "in_both", "deferred")
            },
            "deferrable_s": answer.deferrable_s,
        },
        "notes": list(answer.notes),
    }


def _plain(estimate: Estimate | None) -> dict[str, Any] | None:
    return None if estimate is None else asdict(estimate)


def _zone(zone: Zone) -> dict[str, Any]:
    return {
        "zone": zone.zone,
        "intensity": zone.intensity.document(),
        **{name: _start(getattr(zone, name)) for name in ("actual", "best", "worst", "deferred")},
        "mean_g": zone.mean_g,
        "by_hour_g": _numbers(zone.by_hour_g),
        "by_month_g": _numbers(zone.by_month_g),
        "starts": len(zone.starts_ns),
        "gaps": zone.gaps,
    }


def _start(start: Start | None) -> dict[str, Any] | None:
    return None if start is None else {"start": to_iso(start.start_ns), "co2e": asdict(start.g)}


def _numbers(values: Floats | None) -> list[float | None] | None:
    return None if values is None else [None if np.isnan(v) else float(v) for v in values]


def whatif_text(answer: WhatIf, entry_id: str) -> str:
    """Return zones with their starts, hours of the day as bars, savings and notes."""
    head = ("Zone", "Actual [interval]", "Mean", "Best", "from", "Worst", "from", "Source")
    rows = [_row(zone) for zone in answer.zones]
    parts = [
        f"{plain(entry_id)}: {estimate_text(answer.energy)} over {answer.seconds / 3600:.3g} h, "
        "the same everywhere"
    ]
    parts.append(grid(head, rows, "terminal"))
    with_hours = [zone for zone in answer.zones[:SHOWN] if zone.by_hour_g is not None]
    if with_hours:
        parts.append(
            "CO2e by hour of the start, mean over all days (UTC):\n"
            + _table(with_hours, "by_hour_g", range(24))
        )
        parts.append(
            "CO2e by month of the start:\n" + _table(with_hours, "by_month_g", range(1, 13))
        )
    parts.append(_savings(answer))
    parts.append("\n".join(f"note: {note}" for note in answer.notes))
    return "\n\n".join(parts) + "\n"


def _row(zone: Zone) -> list[str]:
    mean = "-" if zone.mean_g is None else _grams(zone.mean_g)
    moments = [text for m in (zone.best, zone.worst) for text in _short(m)]
    actual = "-" if zone.actual is None else estimate_text(zone.actual.g)
    return [
        zone.zone,
        actual,
        mean,
        *moments,
        f"{zone.intensity.dataset or zone.intensity.source} {zone.intensity.date}",
    ]


def _short(start: Start | None) -> tuple[str, str]:
    if start is None or start.g.value is None:
        return "-", "-"
    return _grams(start.g.value), to_iso(start.start_ns)[:16] + "Z"


def _grams(g: float) -> str:
    factor, unit = prefix(g, "g")
    return f"{g / factor:.4g} {unit}"


def _table(zones: list[Zone], name: str, labels: range) -> str:
    rows = []
    for zone in zones:
        values: Floats = getattr(zone, name)
        factor, unit = prefix(float(np.nanmax(values)), "g")
        cells = ["-" if np.isnan(v) else f"{v / factor:.3g}" for v in values]
        rows.append([zone.zone, bars(values), unit, *cells])
    return grid(("Zone", "", "", *map(str, labels)), rows, "terminal")


def bars(values: Floats) -> str:
    """Return one block for each value, from zero to the largest."""
    top = float(np.nanmax(values))
    heights = np.nan_to_num(values / top if top > 0 else values * 0)
    return "".join(BARS[round(float(h) * (len(BARS) - 1))] for h in heights)


def _savings(answer: WhatIf) -> str:
    moves = (
        ("in time (same place, best start)", answer.in_time),
        ("in place (same start, best place)", answer.in_place),
        ("in both", answer.in_both),
        (f"deferrable by {(answer.deferrable_s or 0) / 3600:g} h", answer.deferred),
    )
    rows = [
        [text, percent(item.value), f"[{percent(item.low)}, {percent(item.high)}]"]
        for text, item in moves
        if item is not None
    ]
    best = answer.zones[0].deferred
    if answer.deferred is not None and best is not None:
        rows[-1][0] += f": start at {to_iso(best.start_ns)[:16]}Z"
    if not rows:
        return "savings: one place and no series, nothing to move to"
    return f"Saving of moving, against {answer.against}:\n" + grid(
        ("Move", "Saves", "Interval"), rows, "terminal"
    )
