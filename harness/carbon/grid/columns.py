"""Two columns of a CSV or Parquet file: stamps as text or numbers, values as floats."""

from __future__ import annotations

import codecs
import csv
import io
import re
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
_DECIMAL_COMMA = re.compile(r"\s*[-+]?\d+,\d+\s*", re.ASCII)
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-"})
"""Cells that say a value is missing."""


def read_columns(
    path: Path, columns: Mapping[str, str]
) -> tuple[Sequence[str] | NDArray[Any], Floats]:
    """Return stamps and values: the columns named `time` and `value`, or the only two.

    Raises:
        UnreadableError: The file has no such columns, or a cell is no number.
        MissingExtraError: The file is Parquet, and pyarrow is not installed.
    """
    if path.suffix == ".parquet":
        return _parquet(path, columns)
    head, rows = _csv_rows(path)
    time, value = _places(head, columns, path)
    _check_width(rows, max(time, value) + 1, path)
    return [row[time] for row in rows], _floats([row[value] for row in rows], path)


def _csv_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the head of a CSV file, and its rows; empty lines are none.

    Commas, semicolons or tabs separate the cells, whichever the first line has most of.
    """
    text = _decoded(read_bytes(path), path)
    first_line = text.partition("\n")[0]
    delimiter = max(",;\t", key=first_line.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise UnreadableError(f"is not CSV ({shorten(error)})", where=str(path)) from None
    rows = [row for row in rows if row]
    if len(rows) < 2:
        raise UnreadableError("holds no rows", where=str(path))
    if delimiter != ",":
        rows = [[_with_decimal_point(cell) for cell in row] for row in rows]
    return rows[0], rows[1:]


def _decoded(content: bytes, path: Path) -> str:
    """Return the text of a file in UTF-8, or in UTF-16 with its mark, as spreadsheets write it."""
    is_utf_16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        return content.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        name = "UTF-16" if is_utf_16 else "UTF-8"
        raise UnreadableError(f"is not {name} text ({shorten(error)})", where=str(path)) from None


def _with_decimal_point(cell: str) -> str:
    """Return a number with a decimal comma as one with a point; other cells as they are."""
    return cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell


def _check_width(rows: Sequence[Sequence[str]], cells: int, path: Path) -> None:
    """Check that each row has at least so many cells."""
    for number, row in enumerate(rows, 2):
        if len(row) < cells:
            raise UnreadableError(
                "has a broken row", where=f"{path}: row {number}", got=shorten(",".join(row))
            )


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
            f"has {'more' if len(head) > 2 else 'fewer'} than two columns",
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
    if not table.num_rows:
        raise UnreadableError("holds no rows", where=str(path))
    stamps: Any = table.column(time)
    if pyarrow.types.is_timestamp(stamps.type):
        stamps = _parquet_moments(stamps, path)
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


def _parquet_moments(stamps: Any, path: Path) -> NDArray[Any]:
    """Return a column of Parquet time stamps: instants [ns UTC], or local times without a zone."""
    import pyarrow

    zone = stamps.type.tz
    try:
        column = stamps.cast(pyarrow.timestamp("ns", zone)).to_numpy()
    except pyarrow.ArrowException as error:
        raise UnreadableError(
            f"holds a time that is out of range ({shorten(error)})",
            where=str(path),
            expected="years 1678 to 2261",
        ) from None
    moments = np.asarray(column, "datetime64[ns]")
    absent = np.flatnonzero(np.isnat(moments))
    if len(absent):
        raise UnreadableError(
            "has no time",
            where=f"{path}: row {int(absent[0]) + 2}",
            got="nothing",
            expected="like 2022-07-01T14:00Z",
        )
    return moments.astype(np.int64) if zone else moments


def read_numbers(path: Path, names: Sequence[str]) -> list[list[float]]:
    """Return columns of plain numbers, none of them negative.

    Raises:
        UnreadableError: A column is missing, or a cell is none; the message names the row.
    """
    head, rows = _csv_rows(path)
    columns = []
    for name in names:
        first, place = _places(head, {"time": names[0], "value": name}, path)
        _check_width(rows, max(first, place) + 1, path)
        column = _floats([row[place] for row in rows], path)
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
