"""Time at the edges: int64 nanoseconds UTC inside, text outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np

from harness.core.errors import UnreadableError, shorten

NS = 1_000_000_000
"""Nanoseconds in a second."""

_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_MLPERF = re.compile(r"(\d\d)-(\d\d)-(\d{4}) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?", re.ASCII)


def to_iso(t_ns: int) -> str:
    """Return a UTC time with nanoseconds, `2024-07-23T15:48:32.939000000Z`."""
    seconds, rest = divmod(int(t_ns), NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def from_iso(text: str, *, where: str = "") -> int:
    """Convert an ISO 8601 time that states its zone to nanoseconds UTC.

    Args:
        text: The time.
        where: Name of its place, for errors.

    Raises:
        UnreadableError: The text is not such a time.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        raise UnreadableError(
            "is not a time",
            where=where,
            got=shorten(repr(text)),
            expected="like 2024-07-23T15:48:32.939Z",
        )
    try:
        whole = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError) as error:  # or a year that only its own zone has
        raise UnreadableError(
            f"is not a time ({error})", where=where, got=shorten(repr(text))
        ) from None
    return round(whole.timestamp()) * NS + int((match[2] or "").ljust(9, "0"))


def from_mlperf(text: object, *, where: str = "") -> int:
    """Convert a stamp of LoadGen or PTDaemon, `MM-DD-YYYY HH:MM:SS.mmm`, taken as UTC [ns].

    Args:
        text: The stamp.
        where: Name of its place, for errors.

    Raises:
        UnreadableError: The text is not such a stamp.
    """
    match = _MLPERF.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise UnreadableError(
            "is not a time",
            where=where,
            got=shorten(repr(text)),
            expected="MM-DD-YYYY HH:MM:SS.mmm",
        )
    month, day, year, hour, minute, second = map(int, match.groups()[:6])
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise UnreadableError(
            f"is not a time ({error})", where=where, got=shorten(repr(text))
        ) from None
    return int(whole.timestamp()) * NS + int((match[7] or "").ljust(9, "0"))


def mlperf_column(stamps: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Convert many `MM-DD-YYYY HH:MM:SS.mmm` stamps at once.

    Returns:
        t_ns (int64, shape (n,)), 0 where a stamp has the wrong form; and a mask of the right ones.
    """
    text = np.array(stamps, dtype="S24").reshape(-1)
    code = text.view(np.uint8).reshape(len(text), 24).astype(np.int64) - ord("0")
    digits = [0, 1, 3, 4, 6, 7, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 22]
    good = ((code[:, digits] >= 0) & (code[:, digits] <= 9)).all(axis=1) & (
        code[:, 23] == -ord("0")
    )

    def number(*at: int) -> np.ndarray:
        value = np.zeros(len(text), np.int64)
        for position in at:
            value = value * 10 + code[:, position]
        return value

    fields = ((0, 1), (3, 4), (6, 7, 8, 9), (11, 12), (14, 15), (17, 18), (20, 21, 22))
    t_ns, possible = mlperf_fields(np.where(good, [number(*at) for at in fields], 1))
    return np.where(good, t_ns, 0), good & possible


def mlperf_fields(fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Convert many stamps from their numbers.

    Args:
        fields: month, day, year, hour, minute, second, millisecond; int64, shape (7, n).

    Returns:
        t_ns (int64, shape (n,)), 0 where the numbers are not a time; and a mask of the right ones.
    """
    month, day, year, hour, minute, second, milli = fields
    good = (month >= 1) & (month <= 12) & (year >= 1970) & (year < 2200)
    good &= (day >= 1) & (day <= 31) & (hour < 24) & (minute < 60) & (second < 61)
    months = (np.where(good, year, 1970) - 1970) * 12 + np.where(good, month, 1) - 1
    days = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) + day - 1
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    return np.where(good, seconds * NS + milli * 1_000_000, 0), good
