"""Annual intensities by zone and source: a versioned data set of the project, with provenance (`sources.json`)."""

from __future__ import annotations

import csv
import difflib
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.carbon.assumed import ANNUAL_U_LN
from harness.carbon.factor import Factor
from harness.core.errors import UsageError

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Annual:
    """One row: mean intensity of a zone's electricity over a year [g CO2e/kWh]."""

    source: str
    zone: str
    iso3: str
    name: str
    year: int
    g_per_kwh: float


@functools.cache
def sources() -> dict[str, dict[str, Any]]:
    """All sources by id, also those that do not ship, with their licences and why."""
    return {item["id"]: item for item in _about()["sources"]}


@functools.cache
def _about() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "sources.json").read_text("utf-8"))
    return loaded


@functools.cache
def rows() -> tuple[Annual, ...]:
    """The data set."""
    with (FOLDER / "annual.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Annual(
                r["source"], r["zone"], r["iso3"], r["name"], int(r["year"]), float(r["g_per_kwh"])
            )
            for r in csv.DictReader(file)
        )


def annual(zone: str, source: str | None = None, year: int | None = None) -> Factor:
    """The factor of a zone by code (DE, DEU, US-CA) or name. Raises UsageError, with near matches.

    source: one of `sources`; without it the first that has the zone. year: without it the only one there is
    """
    _known_source(source)
    wanted = zone.strip().casefold()
    named = [
        row
        for row in rows()
        if wanted in map(str.casefold, filter(None, (row.zone, row.iso3, row.name)))
    ]
    if not named:
        raise UsageError(
            "no such grid zone", got=repr(zone), expected="a code or name", fix=_near(zone)
        )
    found = [row for row in named if source in (None, row.source) and year in (None, row.year)]
    if not found:
        have = ", ".join(f"{row.source} {row.year}" for row in named)
        asked = " ".join(str(part) for part in (source, year) if part)
        raise UsageError(
            "no such figure for this zone",
            where=named[0].name,
            got=asked,
            expected=f"one of {have}",
        )
    return factor(found[0])


def factor(row: Annual) -> Factor:
    """A row as a factor; its error is shared by all that use this zone and version of the data set."""
    about = sources()[row.source]
    return Factor(
        name="location_intensity",
        value=row.g_per_kwh,
        unit="g/kWh",
        u_ln=ANNUAL_U_LN,
        source=f"{about['publisher']}: {about['title']}",
        date=str(row.year),
        licence=about["licence"],
        status="printed",
        key=f"intensity|{row.source}|{_about()['version']}|{row.zone}",
        zone=row.zone,
        dataset=row.source,
        annual=True,
        note=f"annual {about['kind']} of {row.name}, {about['basis']}",
    )


def _known_source(source: str | None) -> None:
    shipped = [name for name, about in sources().items() if about["shipped"]]
    if source is None or source in shipped:
        return
    why = sources()[source]["note"] if source in sources() else ""
    raise UsageError(
        "is no source of annual figures here",
        got=repr(source),
        expected=", ".join(shipped),
        fix=why,
    )


def _near(zone: str) -> str:
    names = {
        name.casefold(): row for row in rows() for name in (row.zone, row.iso3, row.name) if name
    }
    near = difflib.get_close_matches(zone.strip().casefold(), names, 6, 0.6)
    if not near and len(zone) == 2:
        near = [name for name in names if name.endswith("-" + zone.casefold())]
    found = dict.fromkeys(f"{names[name].name} ({names[name].zone})" for name in near)
    return (
        f"Near matches: {', '.join(list(found)[:3])}."
        if found
        else "`joulemark footprint zones` lists all."
    )
