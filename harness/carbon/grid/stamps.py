"""Stamps of a series as instants.

Read are ISO 8601 with an offset or in a stated zone, `05.01.2026 10:00`, `01/05/2026 10:00:00 AM`,
seconds, milliseconds, microseconds or nanoseconds since 1970, and ranges of two stamps, as ENTSO-E
writes them (`05.01.2026 10:00 - 05.01.2026 11:00`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from harness.carbon.series import Ints
from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.timestamps import NS

DateOrder = Literal["day-first", "month-first"]
MAX_SECONDS = 7_000_000_000
"""Seconds from 1970 to the year 2191: beyond, stamps do not fit into 64 bits of nanoseconds."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SKIPPED = np.iinfo(np.int64).min
"""In place of an instant: an empty row for a local time that the clocks skipped."""

_DATE = re.compile(
    r"(\d{1,2})([./])(\d{1,2})\2(\d{4})(?: +|T)(\d{1,2}):(\d\d)(?::(\d\d))? *([AaPp][Mm])?"
)
_SINCE_1970 = {10: 1, 13: 10**3, 16: 10**6, 19: 10**9}
"""Digits of a time since 1970, from 2001 to 2286, and how many of its units are a second."""
_RANGE = re.compile(r"(.+?) +- +(.+)")


@dataclass(frozen=True, slots=True)
class StampFormat:
    """How stamps are to be read.

    Attributes:
        time_zone: Zone of stamps that state no offset.
        dates: Order of day and month in dates with slashes; None where it is to be inferred.
        where: The file, for messages.
    """

    time_zone: str
    dates: DateOrder | None
    where: str


def to_ns(
    stamps: Sequence[str] | NDArray[Any],
    time_zone: str,
    where: str,
    *,
    dates: DateOrder | None = None,
    empty: NDArray[np.bool_] | None = None,
) -> Ints:
    """Return the instant of each stamp [ns UTC]; an offset in a stamp goes before `time_zone`.

    Args:
        stamps: Stamps as text, as local times, or already as instants.
        time_zone: Zone of stamps that state no offset.
        where: The file, for messages.
        dates: Order of day and month in dates with slashes.
        empty: Rows without a value, shape (n,): there a local time that the clocks skipped is
            SKIPPED, elsewhere an error.

    Raises:
        UnreadableError: A stamp is no time, or one that the clocks skipped.
    """
    if isinstance(stamps, np.ndarray):
        if stamps.dtype == np.int64:
            return stamps
        texts: Sequence[str] = np.datetime_as_string(stamps, unit="s").tolist()
    else:
        texts = stamps
        if _all_utc(texts):
            return np.asarray(_seconds(texts) * NS)
    form = StampFormat(time_zone, dates or _date_order(texts), where)
    return _each(texts, form, empty)


def zone(name: str) -> tzinfo:
    """Return a time zone by its name in the IANA data base; UTC needs none.

    Raises:
        UsageError: There is no such zone.
    """
    if name in ("UTC", "Etc/UTC", "Z"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(
            "no such time zone",
            got=shorten(repr(name)),
            expected="a name like UTC or Europe/Berlin",
            fix="Where the system has no time zones, pip install tzdata.",
        ) from None


def _all_utc(stamps: Sequence[str]) -> bool:
    """Whether all stamps are like the first, in UTC, so that they can be read at once."""
    endings = {len("2022-01-01T00:00:00Z"): "Z", len("2022-01-01T00:00:00+00:00"): "+00:00"}
    ending = endings.get(len(stamps[0]))
    if ending is None or {stamp[19:] for stamp in stamps} != {ending}:
        return False
    try:
        seconds = _seconds(stamps)
    except ValueError:
        return False
    return bool(np.abs(seconds).max() < MAX_SECONDS)


def _seconds(stamps: Sequence[str]) -> Ints:
    return np.array([stamp[:19] for stamp in stamps], "datetime64[s]").astype(np.int64)


def _date_order(stamps: Sequence[str]) -> DateOrder | None:
    """Infer the order of day and month in dates with slashes; None where nothing shows it."""
    for stamp in stamps:
        match = _DATE.match(stamp.strip())
        if match is None or match[2] == ".":
            continue
        if match[8] or int(match[3]) > 12:
            return "month-first"
        if int(match[1]) > 12:
            return "day-first"
    return None


def _each(stamps: Sequence[str], form: StampFormat, empty: NDArray[np.bool_] | None) -> Ints:
    local = zone(form.time_zone)
    instants: list[int] = []
    before: int | None = None
    for row, stamp in enumerate(stamps, 2):
        moment = _moment(stamp, form, row)
        try:
            before = _instant(moment, local, before, f"{form.where}: row {row}")
            instants.append(before)
        except UnreadableError:
            if empty is None or not empty[row - 2]:
                raise
            instants.append(SKIPPED)
    return np.array(instants, np.int64)


def _moment(stamp: str, form: StampFormat, row: int) -> datetime:
    """Read one stamp; of a range its begin."""
    text = stamp.strip()
    span = _RANGE.fullmatch(text)
    if span is not None:
        text = span[1]
    try:
        moment = _dated(text, form, row) or _since_1970(text) or datetime.fromisoformat(text)
        if not 1900 < moment.year < 2200:
            raise ValueError("not a year of a series")
    except ValueError:
        raise UnreadableError(
            "not a time",
            where=f"{form.where}: row {row}",
            got=shorten(repr(stamp)),
            expected="like 2022-07-01T14:00Z",
        ) from None
    return moment


def _since_1970(text: str) -> datetime | None:
    """Read a time since 1970; None where it is none."""
    per_second = _SINCE_1970.get(len(text))
    if per_second is None or not (text.isascii() and text.isdigit()):
        return None
    seconds, rest = divmod(int(text), per_second)
    return EPOCH + timedelta(seconds=seconds, microseconds=rest * 10**6 // per_second)


def is_newest_first(
    stamps: Sequence[str] | NDArray[Any], time_zone: str, where: str, dates: DateOrder | None
) -> bool:
    """Return whether the first stamp is later than the last."""
    if len(stamps) < 2:
        return False
    ends = stamps[[0, -1]] if isinstance(stamps, np.ndarray) else [stamps[0], stamps[-1]]
    if dates is None and not isinstance(stamps, np.ndarray):
        dates = _date_order(stamps)
    empty = np.ones(2, bool)
    first, last = to_ns(ends, time_zone, where, dates=dates, empty=empty).tolist()
    return bool(first > last > SKIPPED)


def _dated(text: str, form: StampFormat, row: int) -> datetime | None:
    """Read a date with dots or slashes; None where it is none."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    order = "day-first" if match[2] == "." else form.dates
    if order is None:
        raise UnreadableError(
            "does not show which number is the day",
            where=f"{form.where}: row {row}",
            got=shorten(repr(text)),
            expected="`dates: month-first` or `dates: day-first` in the grid document",
        )
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    day, month = (first, second) if order == "day-first" else (second, first)
    hour = int(match[5])
    if match[8]:
        if not 1 <= hour <= 12:
            raise ValueError("not an hour of a clock with AM and PM")
        hour = hour % 12 + (12 if match[8].upper() == "PM" else 0)
    return datetime(year, month, day, hour, int(match[6]), int(match[7] or 0))


def _instant(moment: datetime, local: tzinfo, before: int | None, where: str) -> int:
    """Return the instant of a stamp [ns UTC].

    Of the two that a local time has in autumn it is the first that comes after the one before.
    """
    if moment.tzinfo is not None:
        return _ns(moment)
    first = moment.replace(tzinfo=local)
    utc = first.astimezone(UTC)
    if _ns(utc) != _ns(first) or utc.astimezone(local).replace(tzinfo=None) != moment:
        raise UnreadableError(
            "is a local time that the clocks skipped",
            where=where,
            got=moment.isoformat(" "),
            expected=f"an hour that {local} has",
            fix="If the stamps are standard time all year, give a fixed zone like Etc/GMT-1.",
        )
    instant = _ns(first)
    if before is not None and instant <= before:
        return _ns(first.replace(fold=1))
    return instant


def _ns(moment: datetime) -> int:
    span = moment.astimezone(UTC) - EPOCH
    return (span.days * 86_400 + span.seconds) * NS + span.microseconds * 1000
