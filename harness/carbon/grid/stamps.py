"""Stamps of a series as instants: ISO 8601 with an offset, or local time of a stated zone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from harness.carbon.series import Ints
from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.timestamps import NS

LATEST_S = 7_000_000_000
"""Seconds from 1970 to the year 2191: beyond, stamps do not fit into 64 bits of nanoseconds."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_ns(stamps: Sequence[str] | NDArray[Any], time_zone: str, where: str) -> Ints:
    """Begin of each step [ns UTC]; an offset in a stamp goes before `time_zone`.

    UnreadableError names the row.
    """
    if isinstance(stamps, np.ndarray):
        if stamps.dtype == np.int64:
            return stamps
        return _each(np.datetime_as_string(stamps, unit="s").tolist(), zone(time_zone), where)
    return _uniform(stamps) if _all_utc(stamps) else _each(stamps, zone(time_zone), where)


def zone(name: str) -> tzinfo:
    """Look up a time zone by its IANA name; UTC needs no data base. Raises UsageError."""
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
    ending = {len("2022-01-01T00:00:00Z"): "Z", len("2022-01-01T00:00:00+00:00"): "+00:00"}.get(
        len(stamps[0])
    )
    if ending is None or {stamp[19:] for stamp in stamps} != {ending}:
        return False
    try:
        seconds = _seconds(stamps)
    except ValueError:
        return False
    return bool(np.abs(seconds).max() < LATEST_S)


def _uniform(stamps: Sequence[str]) -> Ints:
    """Many stamps in UTC at once."""
    return np.asarray(_seconds(stamps) * NS)


def _seconds(stamps: Sequence[str]) -> Ints:
    return np.array([stamp[:19] for stamp in stamps], "datetime64[s]").astype(np.int64)


def _each(stamps: Sequence[str], local: tzinfo, where: str) -> Ints:
    instants: list[int] = []
    for row, stamp in enumerate(stamps, 2):
        try:
            moment = datetime.fromisoformat(stamp.strip())
            if not 1900 < moment.year < 2200:
                raise ValueError("no year of a series")
        except ValueError:
            raise UnreadableError(
                "is no time",
                where=f"{where}: row {row}",
                got=shorten(repr(stamp)),
                expected="like 2022-07-01T14:00Z",
            ) from None
        instants.append(
            _instant(moment, local, instants[-1] if instants else None, f"{where}: row {row}")
        )
    return np.array(instants, np.int64)


def _instant(moment: datetime, local: tzinfo, before: int | None, where: str) -> int:
    """Return the instant of a stamp.

    Of the two that a local time has in autumn, the first that comes after the one before.
    """
    if moment.tzinfo is not None:
        return _ns(moment)
    first = moment.replace(tzinfo=local)
    if (
        _ns(first.astimezone(UTC)) != _ns(first)
        or first.astimezone(UTC).astimezone(local).replace(tzinfo=None) != moment
    ):
        raise UnreadableError(
            "is a local time that the clocks skipped",
            where=where,
            got=moment.isoformat(" "),
            expected=f"an hour that {local} has",
            fix="If the stamps are standard time all year, give a fixed zone like Etc/GMT-1.",
        )
    first_ns = _ns(first)
    return _ns(first.replace(fold=1)) if before is not None and first_ns <= before else first_ns


def _ns(moment: datetime) -> int:
    span = moment.astimezone(UTC) - EPOCH
    return (span.days * 86_400 + span.seconds) * NS + span.microseconds * 1000
