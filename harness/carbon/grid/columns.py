"""Two columns of a CSV or Parquet file: stamps as text or numbers, values as floats."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.carbon.series import Floats
from harness.core.errors import MissingExtraError, UnreadableError, shorten
from harness.core.files import read_bytes

LARGEST = 1e15
"""No hour of a table has more kWh, nor more grams for one: the world uses 3e9 kWh in an hour."""
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
"""Cells that say a value is missing."""


def read_columns(
    path: Path, columns: Mapping[str, str]
) -> tuple[Sequence[str] | NDArray[Any], Floats]:
    """Stamps and values of the columns named `time` and `value`.

    The first two where none are named.
    """
    return (_parquet if path.suffix == ".parquet" else _csv)(path, columns)


def _csv(path: Path, columns: Mapping[str, str]) -> tuple[Sequence[str], Floats]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"is not UTF-8 text ({shorten(error)})", where=str(path)) from None
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error as error:
        raise UnreadableError(f"is not CSV ({shorten(error)})", where=str(path)) from None
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise UnreadableError("holds no rows", where=str(path))
    time, value = _places(rows[0], columns, path)
    short = next((i for i, row in enumerate(rows) if len(row) <= max(time, value)), None)
    if short is not None:
        raise UnreadableError(
            "has a broken row", where=f"{path}: row {short + 1}", got=shorten(",".join(rows[short]))
        )
    return [row[time] for row in rows[1:]], _floats([row[value] for row in rows[1:]], path)


def _places(head: Sequence[str], columns: Mapping[str, str], path: Path) -> tuple[int, int]:
    places = []
    for role, usual in (("time", 0), ("value", 1)):
        name = columns.get(role)
        if name is not None and name not in head:
            raise UnreadableError(
                f"has no column for {role}", where=str(path), got=", ".join(head), expected=name
            )
        places.append(head.index(name) if name is not None else usual)
    if not columns and len(head) != 2:
        raise UnreadableError(
            "has more than two columns",
            where=str(path),
            got=", ".join(head),
            expected="`columns: {time: ..., value: ...}` in its grid document",
        )
    return places[0], places[1]


def _floats(cells: Sequence[str], path: Path) -> Floats:
    try:
        return np.array([float(cell or "nan") for cell in cells])
    except ValueError:
        values = []
        for row, cell in enumerate(cells, 2):
            if cell.strip().casefold() in MISSING:
                values.append(float("nan"))
                continue
            try:
                values.append(float(cell))
            except ValueError:
                raise UnreadableError(
                    "is no number",
                    where=f"{path}: row {row}",
                    got=shorten(repr(cell)),
                    expected="a number, or nothing",
                ) from None
        return np.array(values)


def _parquet(path: Path, columns: Mapping[str, str]) -> tuple[Sequence[str] | NDArray[Any], Floats]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise MissingExtraError(
            "Parquet needs the extra `parquet`",
            where=str(path),
            fix="pip install 'joulemark[parquet]'",
        ) from None
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise UnreadableError(f"is not Parquet ({shorten(error)})", where=str(path)) from None
    time, value = _places(table.column_names, columns, path)
    stamps: Any = table.column(time)
    if pyarrow.types.is_timestamp(stamps.type):
        zone = stamps.type.tz
        moments = stamps.cast(pyarrow.timestamp("ns", zone)).cast(pyarrow.int64()).to_numpy()
        stamps = moments if zone else moments.astype("datetime64[ns]")
    else:
        stamps = [str(stamp) for stamp in stamps.to_pylist()]
    try:
        numbers = table.column(value).cast(pyarrow.float64()).to_numpy()
    except pyarrow.ArrowException as error:
        raise UnreadableError(
            f"column {table.column_names[value]} holds no numbers ({shorten(error)})",
            where=str(path),
        ) from None
    return stamps, np.asarray(numbers, np.float64)


def read_numbers(path: Path, names: Sequence[str]) -> list[list[float]]:
    """Columns of plain numbers, none of them negative. Raises UnreadableError naming the row."""
    columns = []
    for name in names:
        column = _csv(path, {"time": names[0], "value": name})[1]
        bad = np.flatnonzero(~((column >= 0) & (column <= LARGEST)))
        if len(bad):
            row = int(bad[0])
            raise UnreadableError(
                "is no energy or intensity",
                where=f"{path}: row {row + 2}, {name}",
                got=f"{column[row]:g}",
                expected=f"a number, at least 0 and at most {LARGEST:g}, in every hour",
            )
        columns.append(column.tolist())
    return columns
