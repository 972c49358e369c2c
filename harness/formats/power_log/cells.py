"""Rows, numbers and time stamps of text files that loggers write."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from harness.core.errors import UnreadableError
from harness.core.numbers import plain_number
from harness.core.timestamps import NS
from harness.formats.defects import DefectCode
from harness.formats.power_log.log import ABOUT_SUFFIX, MAX_NUMBER, About, Column
from harness.traces.trace import T_MAX_NS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def csv_rows(text: str, where: str = "") -> Iterator[list[str]]:
    """Yield the rows of a CSV text with commas or semicolons, cells without outer spaces.

    Any of the three line ends is read, even mixed.

    Args:
        text: The text.
        where: Path of the file, for messages.

    Raises:
        UnreadableError: A cell is too long, as behind a quote that nothing closes.
    """
    lines = io.StringIO(text, newline=None)  # turns \r\n and \r into \n
    first = lines.readline()
    lines.seek(0)
    delimiter = ";" if first.count(";") > first.count(",") else ","
    try:
        for row in csv.reader(lines, delimiter=delimiter):
            if row:
                yield [cell.strip() for cell in row]
    except csv.Error as error:
        raise UnreadableError(f"is not readable as CSV: {error}", where=where) from error


def reading(cell: str, unit: str = "") -> float | None:
    """Return the number of a cell that may carry its unit; ``None`` if it is none that is possible.

    A decimal comma is read, since such cells hold one number each.

    Example:
        >>> reading("251.30 W", "W"), reading("52,31"), reading("[N/A]"), reading("1_0")
        (251.3, 52.31, None, None)
    """
    text = cell.strip().removesuffix(unit).strip() if unit else cell.strip()
    if text.count(",") == 1 and "." not in text:
        text = text.replace(",", ".")
    number = plain_number(text)
    return number if number is not None and abs(number) < MAX_NUMBER else None


def stamp_ns(text: str, about: About, *forms: str) -> int:
    """Return the time of a stamp [ns, UTC], 0 if it is none.

    Args:
        text: The stamp.
        about: States the zone of a stamp without one; UTC is assumed otherwise.
        forms: The forms that it may have, as for ``datetime.strptime``; the first that fits counts.
    """
    if not text.isascii():  # strptime reads digits of other scripts
        return 0
    for form in forms:
        try:
            return moment_ns(datetime.strptime(text.strip(), form), about)
        except ValueError:
            continue
    return 0


def moment_ns(moment: datetime, about: About) -> int:
    """Return a moment [ns, UTC], 0 if it is outside 1970 to 2099."""
    offset_ns = 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
        offset_ns = about.utc_offset_ns or 0
    since = moment - _EPOCH
    t_ns = (since.days * 86400 + since.seconds) * NS + since.microseconds * 1000 - offset_ns
    return t_ns if 0 < t_ns <= T_MAX_NS else 0


def zone_note(about: About, where: str) -> list[tuple[DefectCode, str]]:
    """Note that stamps without a zone are taken for UTC.

    Raises:
        UnreadableError: A window is stated, so that the zone matters, and the zone is not.
    """
    if about.utc_offset_ns is not None:
        return []
    if about.run.get("window"):
        raise UnreadableError(
            "has stamps without a time zone, and a window is stated",
            where=where,
            expected='the zone of its clock, as "utc_offset": "+01:00"',
            fix=f"Add utc_offset to {Path(where).name}{ABOUT_SUFFIX}.",
        )
    return [(DefectCode.LOG_ASSUMPTION, "stamps without a time zone are read as UTC")]


def put_inside(column: Column, containers: Iterable[str], channels: Collection[str]) -> None:
    """Make a column a part of what contains it, so that the two are not added.

    Args:
        column: The column.
        containers: Ids of the channels that may contain it, the nearest first.
        channels: Ids of the channels that are there.
    """
    column.part_of = next((name for name in containers if name in channels), None)


def positive(value: object) -> float | None:
    """Return a JSON number above 0; ``None`` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value < MAX_NUMBER else None


def missing(where: str, field: str, expected: str, fix: str) -> UnreadableError:
    """Return the error of a file that lacks something."""
    return UnreadableError(f"states no {field}", where=where, expected=expected, fix=fix)
