"""Read hourly series from CSV or Parquet files that a `grid` document describes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from harness.carbon.assumed import HOURLY_U_LN, PUE_U_LN
from harness.carbon.factor import TO_G_PER_KWH, Factor, checked_pue, g_per_kwh
from harness.carbon.grid.columns import read_columns
from harness.carbon.grid.stamps import to_ns
from harness.carbon.series import Floats, Ints, Series
from harness.core.errors import UnreadableError, shorten
from harness.core.schemas import read_document
from harness.core.timestamps import to_iso

MAX_STEPS = 10_000_000
"""Steps of a series: nineteen years of minutes. A wrong stamp would ask for more memory than there
is."""
SIDECARS = (".grid.yaml", ".grid.yml", ".grid.json")
SKELETON = """schema_version: "1.0"
zone: NAME
unit: g/kWh            # or kg/kWh, kg/MWh, t/MWh, lb/kWh, lb/MWh; "1" for a series of PUE
time_zone: UTC         # of stamps that state none, like Europe/Berlin
kind: average          # or marginal
basis: production      # or consumption
source: WHO PUBLISHES IT
date: "YEAR"
licence: ITS LICENCE
columns: {time: TIMESTAMP COLUMN, value: INTENSITY COLUMN}"""


def read_hourly(path: Path) -> Series:
    """Read the series of a grid document, or of a data file with such a document beside it.

    Raises UnreadableError, SchemaError or UsageError: each with file and row, what it found and how
    to mend it.
    """
    document, data = _described(path)
    about: dict[str, Any] = read_document("grid", document)
    data = data or document.parent / about.get("file", "")
    if not os.path.isfile(data):  # the name may be one that no file system takes
        raise UnreadableError(
            "names no data file",
            where=str(document),
            got=about.get("file", "nothing"),
            expected="`file: DATA.csv`",
        )
    stamps, texts = read_columns(data, about.get("columns", {}))
    return series(to_ns(stamps, about["time_zone"], str(data)), texts, about, str(data))


def _described(path: Path) -> tuple[Path, Path | None]:
    """Find the document, and the data file if that was named."""
    if not path.is_file():
        kind = (
            "is a folder"
            if path.is_dir()
            else "is no regular file"
            if path.exists()
            else "is not there"
        )
        raise UnreadableError(
            kind, where=str(path), expected="a grid document, or a CSV or Parquet file beside one"
        )
    if path.suffix in (".yaml", ".yml", ".json"):
        return path, None
    for suffix in SIDECARS:
        for beside in (path.with_suffix(suffix), path.with_name(path.name + suffix)):
            if beside.is_file():
                return beside, path
    raise UnreadableError(
        "does not say what it holds: zone, unit, time zone, kind and source are never guessed",
        where=str(path),
        expected=f"a document {path.with_suffix(SIDECARS[0]).name} beside it",
        fix=f"Write it, or write it elsewhere with `file: {path}` and give that:\n{SKELETON}\n",
    )


def series(t_ns: Ints, value: Floats, about: dict[str, Any], where: str) -> Series:
    """Make a series from its columns; missing steps become gaps.

    Raises UnreadableError for disorder.
    """
    step_ns = _step(t_ns, where)
    place = (t_ns - t_ns[0]) // step_ns
    if place[-1] >= MAX_STEPS:
        raise UnreadableError(
            "spans more steps than a series has",
            where=where,
            got=f"{place[-1] + 1} steps of {step_ns / 6e10:g} minutes",
            expected=f"at most {MAX_STEPS}",
            fix="Look at its last stamp, and at the step.",
        )
    unit = about["unit"]
    pue, market = unit == "1", about.get("accounting") == "market"
    checked = _pue(value, where) if pue else _intensity(value, unit, where, market)
    filled = np.full(int(place[-1]) + 1, np.nan)
    filled[place] = checked
    zone, source = about["zone"], about["source"]
    date = about.get("date", to_iso(int(t_ns[0]))[:4])
    factor = Factor(
        name="pue" if pue else "market_intensity" if market else "location_intensity",
        value=float(np.nanmean(filled)),
        unit="1" if pue else "g/kWh",
        u_ln=about.get("u_ln", PUE_U_LN if pue else HOURLY_U_LN),
        source=source,
        date=date,
        licence=about.get("licence", "not stated"),
        status="declared",
        key=f"{'pue' if pue else 'intensity'}|{source}|{date}|{zone}",
        zone=zone,
        dataset=f"{source} {about['kind']} {about['basis']}",
        note=f"{about['kind']}, {about['basis']}; {int(np.isnan(filled).sum())} of {len(filled)} "
        "steps missing",
    )
    return Series(int(t_ns[0]), step_ns, filled, factor, about["kind"], about["basis"])


def _step(t_ns: Ints, where: str) -> int:
    """Length of a step [ns]; all stamps lie on one grid of it, in order."""
    if len(t_ns) < 2:
        raise UnreadableError("has fewer than two steps", where=where, got=str(len(t_ns)))
    steps = np.diff(t_ns)
    if (steps <= 0).any():
        row = int(np.argmax(steps <= 0)) + 1
        same = steps[row - 1] == 0
        raise UnreadableError(
            "has an hour twice" if same else "is not in order of time",
            where=f"{where}: row {row + 2}",
            got=f"{to_iso(int(t_ns[row]))[:19]}Z after {to_iso(int(t_ns[row - 1]))[:19]}Z",
            expected="each step once, in order",
            fix="Local time without offset needs `time_zone`; sort other files and drop what "
            "repeats.",
        )
    step = int(np.median(steps))
    odd = steps % step != 0
    if odd.any():
        row = int(np.argmax(odd)) + 1
        raise UnreadableError(
            "has steps that overlap or leave their grid",
            where=f"{where}: row {row + 2}",
            got=f"{steps[row - 1] / 6e10:g} minutes after the step before",
            expected=f"multiples of {step / 6e10:g} minutes",
        )
    return step


def _intensity(value: Floats, unit: str, where: str, market: bool) -> Floats:
    """Convert the values to g/kWh.

    A unit that makes no sense is refused by its median, single values by their row.

    market: contracts may cover an hour wholly, so that 0 is a value
    """
    stated = value[~np.isnan(value)]
    if not len(stated):
        raise UnreadableError("holds no value", where=where)
    with np.errstate(all="ignore"):  # what is infinite here is refused below
        g_per_kwh(float(np.median(stated)), unit, where=f"{where}: median", market=market)
        scaled = value * TO_G_PER_KWH[unit]
    bad = (scaled < 0) | (scaled > 3000) | ((scaled == 0) & (not market))
    if bad.any():
        row = int(np.argmax(bad))
        zero = scaled[row] == 0
        raise UnreadableError(
            "has an hour of zero" if zero else "has an intensity that no grid has",
            where=f"{where}: row {row + 2}",
            got=f"{value[row]:g} {unit}",
            expected="more than 0, at most 3000 g/kWh",
            fix="Leave the cell of a missing hour empty: absent is not zero."
            if zero
            else "Empty the cell, or mend it.",
        )
    return np.asarray(scaled)


def _pue(value: Floats, where: str) -> Floats:
    for row in np.flatnonzero(~((value >= 1) & (value < 5)) & ~np.isnan(value))[:1].tolist():
        checked_pue(float(value[row]), where=f"{where}: row {shorten(row + 2)}")
    return value
