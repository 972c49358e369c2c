"""Read hourly series from CSV or Parquet files that a `grid` document describes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from harness.carbon.assumed import HOURLY_U_LN, PUE_U_LN
from harness.carbon.factor import TO_G_PER_KWH, Factor, checked_pue, g_per_kwh
from harness.carbon.grid.columns import read_columns
from harness.carbon.grid.stamps import SKIPPED, is_newest_first, to_ns
from harness.carbon.series import Floats, Ints, Series
from harness.core.documents import read_document
from harness.core.errors import UnreadableError
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
columns: {time: TIMESTAMP COLUMN, value: INTENSITY COLUMN}
stamps: begin          # or end, where a stamp is the end of its hour"""


def read_hourly(path: Path) -> Series:
    """Read the series of a grid document, or of a data file with such a document beside it.

    Raises:
        UnreadableError: The file cannot be read; the message names the row.
        SchemaError: The document is not valid.
        UsageError: A value, a unit or a time zone is none.
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
    stamps, value = read_columns(data, about.get("columns", {}))
    where, time_zone, dates = str(data), about["time_zone"], about.get("dates")
    if is_newest_first(stamps, time_zone, where, dates):
        stamps, value = stamps[::-1], value[::-1]
        where = f"{where}, from its end"
    t_ns = to_ns(stamps, time_zone, where, dates=dates, empty=np.isnan(value))
    real = t_ns != SKIPPED
    return series(t_ns[real], value[real], _with_column(about), where)


def _with_column(about: dict[str, Any]) -> dict[str, Any]:
    """Add what the name of a column says of stamps and values, where the document is silent."""
    columns = about.get("columns", {})
    inferred: dict[str, Any] = {}
    if "end of hour" in str(columns.get("time", "")).casefold():
        inferred["stamps"] = "end"
    if "(direct)" in str(columns.get("value", "")).casefold():
        inferred["emissions"] = "direct"
    return inferred | about


def _described(path: Path) -> tuple[Path, Path | None]:
    """Find the document, and the data file if that was named."""
    if not path.is_file():
        fault = "is not there"
        if path.exists():
            fault = "is a folder" if path.is_dir() else "is no regular file"
        raise UnreadableError(
            fault, where=str(path), expected="a grid document, or a CSV or Parquet file beside one"
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

    Steps of several lengths are laid on the shortest of them, each with its own length.

    Raises:
        UnreadableError: The stamps are in disorder, or a value is none that a grid has.
    """
    unit = about["unit"]
    pue, market = unit == "1", about.get("accounting") == "market"
    may_be_zero = market or about["kind"] == "marginal" or about.get("emissions") == "direct"
    checked = _pue(value, where) if pue else _intensity(value, unit, where, may_be_zero)
    t_ns, checked, notes = _without_repeats(t_ns, checked, where)
    begin_ns, length_ns = _steps(t_ns, about.get("stamps", "begin"), where)
    step_ns = int(length_ns.min())
    place = (begin_ns - begin_ns[0]) // step_ns
    counts = length_ns // step_ns
    total = int(place[-1] + counts[-1])
    if total > MAX_STEPS:
        raise UnreadableError(
            "spans more steps than a series has",
            where=where,
            got=f"{total} steps of {step_ns / 6e10:g} minutes",
            expected=f"at most {MAX_STEPS}",
            fix="Look at its last stamp, and at the step.",
        )
    filled = np.full(total, np.nan)
    for later in range(int(counts.max())):  # a long step fills several short ones
        long = counts > later
        filled[place[long] + later] = checked[long]
    zone, source = about["zone"], about["source"]
    date = about.get("date", to_iso(int(begin_ns[0]))[:4])
    missing = f"{int(np.isnan(filled).sum())} of {len(filled)} steps missing"
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
        note="; ".join([f"{about['kind']}, {about['basis']}", missing, *notes]),
    )
    return Series(
        int(begin_ns[0]), step_ns, filled, factor, about["kind"], about["basis"], tuple(notes)
    )


def _without_repeats(t_ns: Ints, value: Floats, where: str) -> tuple[Ints, Floats, list[str]]:
    """Keep one of several rows with one stamp; values that disagree are missing, and it is said."""
    if len(t_ns) < 2:
        raise UnreadableError("has fewer than two steps", where=where, got=str(len(t_ns)))
    steps = np.diff(t_ns)
    if (steps < 0).any():
        row = int(np.argmax(steps < 0)) + 1
        raise UnreadableError(
            "is not in order of time",
            where=f"{where}: row {row + 2}",
            got=f"{to_iso(int(t_ns[row]))[:19]}Z after {to_iso(int(t_ns[row - 1]))[:19]}Z",
            expected="each step once, in order",
            fix="Local time without offset needs `time_zone`; sort other files.",
        )
    again = np.flatnonzero(steps == 0) + 1
    if not len(again):
        return t_ns, value, []
    value = value.copy()
    first = np.searchsorted(t_ns, t_ns[again])
    differs = value[again] != value[first]
    value[first[differs]] = np.nan
    stamp = to_iso(int(t_ns[again[0]]))[:16]
    plural = "s" if len(again) > 1 else ""
    rows_are = "with different values, taken as missing" if differs.any() else "with one value"
    notes = [f"{len(again)} repeated step{plural}, {rows_are} (first: {stamp}Z)"]
    keep = np.ones(len(t_ns), bool)
    keep[again] = False
    if keep.sum() < 2:
        raise UnreadableError("has fewer than two steps", where=where, got=str(int(keep.sum())))
    return t_ns[keep], value[keep], notes


def _steps(t_ns: Ints, stamps: str, where: str) -> tuple[Ints, Ints]:
    """Return begin [ns UTC] and length [ns] of each step, shape (n,) each.

    The time to the next stamp is the length of a step, where a neighbour has that length too;
    otherwise steps are missing there, and the step is as long as its shorter neighbour.
    """
    distance = np.diff(t_ns)
    like_next = np.concatenate([distance[1:] == distance[:-1], [False]])
    like_previous = np.concatenate([[False], like_next[:-1]])
    regular = like_next | like_previous
    if not regular.any():
        lengths, counts = np.unique(distance, return_counts=True)
        regular = distance == lengths[counts.argmax()]  # the most common, or the shortest
    shortest = distance[regular].min()
    length = np.where(regular, distance, shortest)
    if stamps == "end":
        length = np.concatenate([length[:1], length])
        begin_ns = t_ns - length
    else:
        length = np.concatenate([length, length[-1:]])
        begin_ns = t_ns
    step = int(length.min())
    odd = ((begin_ns - begin_ns[0]) % step != 0) | (length % step != 0)
    if odd.any():
        row = int(np.argmax(odd))
        got = (int(t_ns[row]) - int(t_ns[max(row - 1, 0)])) / 6e10
        raise UnreadableError(
            "has steps that overlap or leave their grid",
            where=f"{where}: row {row + 2}",
            got=f"{got:g} minutes after the step before",
            expected=f"multiples of {step / 6e10:g} minutes",
        )
    return begin_ns, length


def _intensity(value: Floats, unit: str, where: str, may_be_zero: bool) -> Floats:
    """Return the values in g/kWh.

    A wrong unit shows in the median, a wrong value in its row.

    Args:
        value: Values of the file.
        unit: Their unit.
        where: The file, for messages.
        may_be_zero: Whether 0 is a value: contracts may cover an hour wholly, curtailed plants
            have a marginal intensity of 0, and so has the direct intensity of water.
    """
    present = value[~np.isnan(value)]
    if not len(present):
        raise UnreadableError("holds no value", where=where)
    positive = present[present > 0] if may_be_zero else present
    with np.errstate(all="ignore"):  # what is infinite here is refused below
        if len(positive):
            median = float(np.median(positive))
            g_per_kwh(median, unit, where=f"{where}: median", market=may_be_zero)
        scaled = value * TO_G_PER_KWH[unit]
    bad = (scaled < 0) | (scaled > 3000) | ((scaled == 0) & (not may_be_zero))
    if not bad.any():
        return np.asarray(scaled)
    row = int(np.argmax(bad))
    is_zero = scaled[row] == 0
    raise UnreadableError(
        "has an hour of zero" if is_zero else "has an intensity that no grid has",
        where=f"{where}: row {row + 2}",
        got=f"{value[row]:g} {unit}",
        expected="more than 0, at most 3000 g/kWh",
        fix="Leave the cell of a missing hour empty: absent is not zero. Direct emissions of a "
        "clean grid may be 0: `emissions: direct`."
        if is_zero
        else "Empty the cell, or mend it.",
    )


def _pue(value: Floats, where: str) -> Floats:
    """Return the values, each of them a PUE or missing."""
    bad = np.flatnonzero((value < 1) | (value >= 5))
    if len(bad):
        row = int(bad[0])
        checked_pue(float(value[row]), where=f"{where}: row {row + 2}")
    return value
