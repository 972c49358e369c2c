"""Instants [ns, UTC] in the notations the foreign formats use."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta, timezone

from .power import MS, NS


def unix_s(t_ns: int) -> float:
    """Unix time [s] with microseconds, as `time.time()` gives it."""
    return round(t_ns / NS, 6)


def utc_stamp(t_ns: int) -> str:
    """`MM-DD-YYYY HH:MM:SS.mmm` in UTC: PTDaemon and LoadGen."""
    return f"{_utc_second(t_ns // NS)}.{t_ns % NS // MS:03d}"


@functools.lru_cache(maxsize=4096)
def _utc_second(t_s: int) -> str:
    """`MM-DD-YYYY HH:MM:SS`, once for all stamps of a second."""
    return datetime.fromtimestamp(t_s, UTC).strftime("%m-%d-%Y %H:%M:%S")


def local_time(t_ns: int, zone_h: float) -> datetime:
    """The wall clock's time, `zone_h` hours east of UTC, to the second."""
    return datetime.fromtimestamp(t_ns // NS, timezone(timedelta(hours=zone_h)))


def log_stamp(t_ns: int, zone_h: float) -> str:
    """`YYYY-MM-DD HH:MM:SS,mmm` in local time, without its zone: client.log and server.log."""
    return local_time(t_ns, zone_h).strftime("%Y-%m-%d %H:%M:%S") + f",{t_ns % NS // MS:03d}"


def session_stamp(t_ns: int, zone_h: float) -> str:
    """`YYYY-MM-DD_HH-MM-SS` in local time: the name of a power session."""
    return local_time(t_ns, zone_h).strftime("%Y-%m-%d_%H-%M-%S")


def false_utc_stamp(t_ns: int, zone_h: float) -> str:
    """Local time marked `Z` as if it were UTC: LoadGen's `test_datetime`."""
    return local_time(t_ns, zone_h).strftime("%Y-%m-%dT%H:%M:%SZ")
