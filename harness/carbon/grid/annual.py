"""Annual intensities by zone and source.

The data set is versioned; `sources.json` states the provenance of each source.
"""

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
    """Mean intensity of a zone's electricity over a year.

    Attributes:
        source: Id of the data set.
        zone: Code of the zone, like DE or US-CA.
        iso3: Code of the country of three letters, or empty.
        name: Name of the zone.
        year: The year.
        g_per_kwh: The intensity [g CO2e/kWh].
    """

    source: str
    zone: str
    iso3: str
    name: str
    year: int
    g_per_kwh: float


@functools.cache
def sources() -> dict[str, dict[str, Any]]:
    """Return all sources by id, with licences; also those that do not ship, and why."""
    return {item["id"]: item for item in _about()["sources"]}


@functools.cache
def _about() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / "sources.json").read_text("utf-8"))
    return loaded


@functools.cache
def rows() -> tuple[Annual, ...]:
    """Return all rows of the data set."""
    with (FOLDER / "annual.csv").open(encoding="utf-8", newline="") as file:
        return tuple(
            Annual(
                r["source"], r["zone"], r["iso3"], r["name"], int(r["year"]), float(r["g_per_kwh"])
            )
            for r in csv.DictReader(file)
        )


def annual(zone: str, source: str | None = None, year: int | None = None) -> Factor:
    """Return the annual intensity of a zone.

    Args:
        zone: Code (DE, DEU, US-CA), name or alias of the zone.
        source: One of `sources`; by default the first that has the zone.
        year: Year of the figure; by default the one there is.

    Raises:
        UsageError: No such zone, source or year; the message lists near matches.
    """
    _check_source(source)
    zone_rows = _rows_of(zone)
    if not zone_rows:
        raise UsageError(
            "no such grid zone", got=repr(zone), expected="a code or name", fix=_suggestion(zone)
        )
    for row in zone_rows:
        if source in (None, row.source) and year in (None, row.year):
            return factor(row)
    available = ", ".join(f"{row.source} {row.year}" for row in zone_rows)
    request = " ".join(str(part) for part in (source, year) if part)
    raise UsageError(
        "no such figure for this zone",
        where=zone_rows[0].name,
        got=request,
        expected=f"one of {available}",
    )


ALIASES = {
    "uk": "gb",
    "el": "gr",
    "de-lu": "de",
    **dict.fromkeys(("ciso", "caiso", "us-cal-ciso"), "us-ca"),
    **dict.fromkeys(("erco", "ercot", "us-tex-erco"), "us-tx"),
    **dict.fromkeys(("nyis", "nyiso", "us-ny-nyis"), "us-ny"),
}
"""Other codes of zones: of the European Union, of bidding zones and of balancing authorities. The
annual figure is that of the country or state, as the result says."""


def _rows_of(zone: str) -> list[Annual]:
    """Return the rows of a zone by code, name or alias."""
    wanted = zone.strip().casefold()
    wanted = ALIASES.get(wanted.replace("_", "-"), wanted)
    return [row for row in rows() if wanted in (name.casefold() for name in _names(row))]


def _names(row: Annual) -> list[str]:
    """Return the codes and the name of a zone."""
    return [name for name in (row.zone, row.iso3, row.name) if name]


def factor(row: Annual) -> Factor:
    """Return a row as a factor; all users of its zone and data set version share its error."""
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


def _check_source(source: str | None) -> None:
    shipped = [name for name, about in sources().items() if about["shipped"]]
    if source is None or source in shipped:
        return
    why = sources()[source]["note"] if source in sources() else ""
    raise UsageError(
        "not a source of annual figures",
        got=repr(source),
        expected=", ".join(shipped),
        fix=why,
    )


def _suggestion(zone: str) -> str:
    """Suggest zones with similar names."""
    by_name = {name.casefold(): row for row in rows() for name in _names(row)}
    matches = difflib.get_close_matches(zone.strip().casefold(), by_name, 6, 0.6)
    if not matches and len(zone) == 2:
        matches = [name for name in by_name if name.endswith("-" + zone.casefold())]
    zones = dict.fromkeys(f"{by_name[name].name} ({by_name[name].zone})" for name in matches)
    if not zones:
        return "`joulemark footprint zones` lists all."
    return f"Near matches: {', '.join(list(zones)[:3])}."
