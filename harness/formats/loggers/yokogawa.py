"""Read CSV files of Yokogawa's viewers: the readings of a power analyzer.

::

    Store No.,Date,Time,Millisecond,U-1,I-1,P-1
    1,2026/01/05,10:00:00,120,230.1,1.52,348.2

A column ``P-SIGMA`` is the sum of the elements ``P-1`` .. and contains them; without it, several
elements add up. The analyzer averages over its update interval, so a reading is a mean. Model and
ranges are not in the file: the limits are those of any accepted analyzer, unless
``<file>.about.json`` states others.
"""

from __future__ import annotations

import re

from harness.formats.power_log.cells import csv_rows, missing, reading, stamp_ns, zone_note
from harness.formats.power_log.log import About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat
from harness.traces.instruments import UNKNOWN_ANALYZER

_POWER = re.compile(r"P-?(\d|SIGMA[AB]?|Σ[AB]?)(?:\s*[\[(](k?W|mW)[\])])?", re.I)
_SUM = ("SIGMA", "Σ")
_SCALES = {"kw": 1000.0, "mw": 1e-3}
_DATES = ("%Y/%m/%d", "%d.%m.%Y")
"""Forms of a date. 01/05/2026 may be a day of January or of May, and is not read."""
MAX_PREAMBLE = 60
"""Rows before the header, in which a viewer states its settings."""


class Yokogawa(LoggerFormat):
    """Reader of the CSV files of WTViewer and of an analyzer's own store."""

    name = "yokogawa"
    suffixes = (".csv",)

    def recognises(self, head: str) -> bool:
        """Tell by the columns Store No. or Millisecond beside a column of power."""
        return any(_header(row) is not None for row in csv_rows(head))

    def parse(self, text: str, about: About, where: str) -> PowerLog:
        """Read a column for each element, and for their sum."""
        rows = csv_rows(text, where)
        header: list[str] = []
        for number, row in enumerate(rows):
            if _header(row) is not None:
                header = row
                break
            if number > MAX_PREAMBLE:
                break
        names = [name.lower() for name in header]
        if "date" not in names or "time" not in names:
            raise missing(where, "time", "columns Date and Time", "Export with time stamps.")
        powers = _header(header) or {}
        columns = {at: _column(name) for at, name in powers.items()}
        for row in rows:
            if len(row) < len(names):
                continue
            t_ns = _time_ns(dict(zip(names, row, strict=False)), about)
            for at, name in powers.items():
                value, scale = reading(row[at]), _scale(name)
                columns[at].add(t_ns, None if value is None else value * scale, row[at])
        _nest(list(columns.values()))
        return PowerLog(columns=list(columns.values()), notes=zone_note(about, where))


def _header(row: list[str]) -> dict[int, str] | None:
    """Return the columns of power of a header row; ``None`` if it is none."""
    lowered = {cell.lower() for cell in row}
    if not lowered & {"store no.", "store no", "millisecond", "time"}:
        return None
    powers = {at: cell for at, cell in enumerate(row) if _POWER.fullmatch(cell)}
    return powers or None


def _column(name: str) -> Column:
    match = _POWER.fullmatch(name)
    element = match[1].upper() if match else name
    is_sum = element.startswith(_SUM)
    channel = "total" if is_sum else f"element-{element}"
    return Column(channel, "mean", "wall", UNKNOWN_ANALYZER, source=name)


def _scale(name: str) -> float:
    match = _POWER.fullmatch(name)
    return _SCALES.get((match[2] or "").lower(), 1.0) if match else 1.0


def _time_ns(row: dict[str, str], about: About) -> int:
    text = f"{row['date'].replace('-', '/')} {row['time']}"
    t_ns = stamp_ns(text, about, *(f"{date} %H:%M:%S" for date in _DATES))
    if not t_ns:
        return stamp_ns(text, about, *(f"{date} %H:%M:%S.%f" for date in _DATES))
    millisecond = reading(row.get("millisecond", "0"))
    return t_ns + round((millisecond or 0.0) * 1e6)


def _nest(columns: list[Column]) -> None:
    if any(column.id == "total" for column in columns):
        for column in columns:
            if column.id != "total":
                column.part_of = "total"


FORMAT = Yokogawa()
