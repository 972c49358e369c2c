"""The contract of readers of other loggers' files, and what they share.

A reader recognises a file by its first bytes (`LoggerFormat.recognises`) and turns its text into a
`PowerLog` (`LoggerFormat.parse`): columns of times and readings, each with kind, boundary and
meter. What a file cannot say stands in a JSON document beside it, ``<file>.about.json``::

    {"run": {"window": {...}, "work": {"count": 1000, "unit": "token"}, "system": "box"},
     "utc_offset": "+01:00", "start": "2026-01-05T10:00:00Z", "interval_s": 1,
     "channel": {"calibration_id": "bmc-7", "clock_error_s": 0.5}}

All fields are optional. ``run`` is the object of the same name in the header of a CSV trace. If
a file needs one of them, the reader refuses it and says which.
"""

from __future__ import annotations

import csv
import functools
import io
import re
import stat
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.documents import parse_json
from harness.core.errors import UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes
from harness.core.numbers import plain_number
from harness.core.schemas import check
from harness.core.timestamps import NS, from_iso
from harness.formats.base import (
    Defect,
    Entry,
    Format,
    Run,
    Work,
    stated_names,
    stated_results,
    stated_window,
)
from harness.formats.csv_dialect import BYTE_ORDER_MARK, UTF_16_MARKS, without_byte_order_mark
from harness.formats.defects import DefectCode
from harness.traces.channel import Channel, Kind
from harness.traces.clean import build_trace
from harness.traces.instruments import UNKNOWN_SENSOR, instrument
from harness.traces.trace import T_MAX_NS, T_MIN_NS, Trace, Window

HEAD_BYTES = 4096
"""A reader recognises a file by so many bytes."""
ABOUT_SUFFIX = ".about.json"
MAX_CHANNELS = 4096
MAX_NUMBER = 1e18
"""No log states a larger number that means anything."""
_UTC_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")
"""No zone lies further than fourteen hours from UTC."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Column:
    """The readings of one channel, in the order of the file.

    Attributes:
        id: Name of the channel.
        kind: What a reading is, see `Channel`.
        boundary: Where it is measured.
        meter: Its row in the table of instruments.
        quantity: ``power`` [W] or ``energy`` [J], a counter.
        part_of: The channel that contains it.
        source: The quantity or column that it was read from, for the calibration id.
        t_ns: Times [ns, UTC], 0 for an invalid time.
        values: Readings [W or J], NaN where the file gives none.
        raw: The same as the file states them.
    """

    id: str
    kind: Kind
    boundary: str
    meter: str = UNKNOWN_SENSOR
    quantity: str = "power"
    part_of: str | None = None
    source: str = ""
    t_ns: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)

    def add(self, t_ns: int, value: float | None, raw: str) -> None:
        """Add a reading; ``None`` if the file gives none."""
        self.t_ns.append(t_ns if T_MIN_NS < t_ns <= T_MAX_NS else 0)
        self.values.append(float("nan") if value is None else value)
        self.raw.append(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What stands beside a file, in ``<file>.about.json``.

    Attributes:
        run: What was run and when, as in the header of a CSV trace.
        utc_offset_ns: What the clock of the file is ahead of UTC [ns]; ``None`` if not stated.
        start_ns: When a file with relative times begins [ns, UTC]; ``None`` if not stated.
        interval_s: Time between readings [s]; ``None`` if not stated.
        channel: Fields of the header of a CSV trace that replace the reader's.
    """

    run: Mapping[str, Any] = field(default_factory=dict)
    utc_offset_ns: int | None = None
    start_ns: int | None = None
    interval_s: float | None = None
    channel: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PowerLog:
    """What a file states.

    Attributes:
        columns: Its channels.
        notes: What is odd about it.
        declared_energy_j: Energy that it states without readings [J].
        seconds: Length of the run that it states [s].
        work: Work that it states.
        system: Name of the system that it states.
        benchmark: What was run, as it states it.
    """

    columns: Sequence[Column] = ()
    notes: list[tuple[DefectCode, str]] = field(default_factory=list)
    declared_energy_j: float | None = None
    seconds: float | None = None
    work: Work | None = None
    system: str = ""
    benchmark: str = ""


class LoggerFormat(Format):
    """A reader of one kind of file of another logger.

    Attributes:
        suffixes: Ends of names that such files have; others are not opened.
    """

    family = "power-log"
    priority = 60
    reads_files = True
    suffixes: tuple[str, ...] = (".csv", ".txt", ".log")

    @abstractmethod
    def recognises(self, head: str) -> bool:
        """Tell whether a file that begins so is of this kind."""

    @abstractmethod
    def parse(self, text: str, about: About, where: str) -> PowerLog:
        """Read the text of a file.

        Args:
            text: The text.
            about: What stands beside the file.
            where: Its path, for messages.

        Raises:
            UnreadableError: It lacks something without which no energy can be computed.
        """

    def sniff(self, directory: Path, names: frozenset[str]) -> bool:  # noqa: ARG002
        """Tell that no folder is an entry: each file is one."""
        return False

    def sniff_file(self, path: Path) -> bool:
        """Tell whether a file is of this kind, by its name and first bytes."""
        if not path.name.lower().endswith(self.suffixes):
            return False
        if path.name.endswith(ABOUT_SUFFIX):
            return False
        try:
            return self.recognises(file_head(path))
        except UnreadableError:
            return False

    def read(self, directory: Path, entry_id: str) -> Entry:
        """Read a file as an entry with one run."""
        path, where = directory, str(directory)
        text = without_byte_order_mark(read_bytes(path), where).decode("utf-8", "replace")
        about = _read_about(path.with_name(path.name + ABOUT_SUFFIX))
        log = self.parse(text, about, where)

        defects = [Defect(code, path.name, got) for code, got in log.notes]
        traces = tuple(_traces(log.columns, about, path.name, self.name, defects, where))
        if not traces and log.declared_energy_j is None:
            raise _nothing_read(log.columns, where)
        window = _window(about, traces, defects, where)
        run = _run(path, about, log, traces, window)
        return Entry(
            id=entry_id,
            directory=directory,
            format=self.name,
            family=self.family,
            runs=(run,),
            simulated=bool(about.run.get("simulated", False)),
            defects=tuple(defects),
            **stated_names(about.run, benchmark=log.benchmark or path.stem, system=log.system),
        )


def _nothing_read(columns: Iterable[Column], where: str) -> UnreadableError:
    """Return the error of a log without a reading: no row, no time, or no number."""
    filled = [column for column in columns if column.raw]
    if not filled:
        return UnreadableError("has no reading", where=where)
    if not any(t_ns for column in filled for t_ns in column.t_ns):
        return UnreadableError(
            "has no time that can be read",
            where=where,
            got=f"{len(filled[0].raw)} rows",
            expected="stamps as the logger writes them, or like 2026-01-05T10:00:00Z",
            fix="Write the year first; a date like 01/05/2026 may be a day of January or of May.",
        )
    texts = ", ".join(dict.fromkeys(repr(text) for text in filled[0].raw[:100]))
    return UnreadableError(
        "has no reading that is a number", where=where, got=shorten(texts, 60), expected="watts"
    )


def file_head(path: Path) -> str:
    """Return the first bytes of a file as text; empty if it is none, or a link."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return ""
        return _head(path, status.st_mtime_ns, status.st_size)
    except OSError:
        return ""


@functools.lru_cache(8)
def _head(path: Path, modified_ns: int, size: int) -> str:  # noqa: ARG001 - part of the key
    """Read the head of a file once for all readers.

    UTF-16, as PowerShell writes, is recognised, so that the file is refused by name.
    """
    with path.open("rb") as file:
        content = file.read(HEAD_BYTES)
    if content.startswith(UTF_16_MARKS):
        return content.decode("utf-16", "replace")
    return content.removeprefix(BYTE_ORDER_MARK).decode("utf-8", "replace")


# --- What readers share


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


# --- From a log to an entry


def _read_about(path: Path) -> About:
    if path.is_symlink() or not path.is_file():
        return About()
    where = str(path)
    document = parse_json(read_bytes(path, limit=MAX_DOCUMENT_BYTES), where=where)
    if not isinstance(document, dict):
        raise UnreadableError("is no JSON object", where=where)
    unknown = sorted(set(document) - {"run", "utc_offset", "start", "interval_s", "channel"})
    if unknown:
        raise UnreadableError(
            "has fields that mean nothing here",
            where=where,
            got=shorten(", ".join(unknown)),
            expected="run, utc_offset, start, interval_s, channel",
        )
    interval = document.get("interval_s")
    if interval is not None and positive(interval) is None:
        raise UnreadableError("interval_s is no time", where=where, got=shorten(interval))
    run = _object(document, "run", where)
    any_channel = _channel(Column("any", "mean", "node"), About(), path.name, "any")
    check("power-trace", any_channel.header() | {"run": dict(run)}, where=where)
    start = document.get("start")
    return About(
        run=run,
        utc_offset_ns=_utc_offset_ns(document.get("utc_offset"), where),
        start_ns=None if start is None else from_iso(start, where=where),
        interval_s=interval,
        channel=_object(document, "channel", where),
    )


def _object(document: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    value = document.get(name) or {}
    if not isinstance(value, dict):
        raise UnreadableError(f"{name} is no JSON object", where=where, got=shorten(value))
    return value


def _utc_offset_ns(text: object, where: str) -> int | None:
    if text is None:
        return None
    if text == "Z":
        return 0
    match = _UTC_OFFSET.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise UnreadableError(
            "utc_offset is no offset", where=where, got=shorten(text), expected="+01:00 or Z"
        )
    sign = -1 if match[1] == "-" else 1
    return sign * (int(match[2]) * 3600 + int(match[3]) * 60) * NS


def _traces(
    columns: Iterable[Column],
    about: About,
    name: str,
    logger: str,
    defects: list[Defect],
    where: str,
) -> Iterator[Trace]:
    for number, column in enumerate(columns):
        if number >= MAX_CHANNELS:
            raise UnreadableError("has more channels than are read", where=where)
        channel = _channel(column, about, name, logger)
        check("power-trace", channel.header(), where=where)
        trace = build_trace(
            channel, np.array(column.t_ns, np.int64), np.array(column.values), column.raw
        )
        if len(trace):
            yield trace
            continue
        first = shorten(column.raw[0], 40) if column.raw else "none"
        got = f"{column.id} has no reading, as {first!r}: its energy is missing from the sum"
        defects.append(Defect(DefectCode.TRACE_UNREADABLE, name, got))


def _channel(column: Column, about: About, name: str, logger: str) -> Channel:
    limits = instrument(column.meter).accuracy()
    channel = Channel(
        id=column.id,
        quantity="energy" if column.quantity == "energy" else "power",
        unit="J" if column.quantity == "energy" else "W",
        kind=column.kind,
        boundary=column.boundary,
        part_of=column.part_of,
        meter=column.meter,
        calibration_id=f"{column.meter}/{logger}/{column.source or column.id}",
        accuracy=limits,
        nominal_interval_s=about.interval_s,
        clock=f"host of {logger}",
        source=name,
    )
    if not about.channel:
        return channel
    return replace(Channel.from_header(channel.header() | dict(about.channel)), id=column.id)


def _window(
    about: About, traces: Sequence[Trace], defects: list[Defect], where: str
) -> Window | None:
    span = about.run.get("window") or {}
    if "start" in span and "stop" in span:
        return stated_window(about.run, 0, 0, where)
    if not traces:
        return None
    if not span:
        got = "no window is stated: all readings are taken"
        defects.append(Defect(DefectCode.WINDOW_ASSUMED, Path(where).name, got))
    if any(len(trace) < 2 for trace in traces):
        raise UnreadableError(
            "holds one reading, which covers no time",
            where=where,
            expected="two readings or more of each channel, or the window of the run",
            fix=f"Record a longer log, or state run.window in {Path(where).name}{ABOUT_SUFFIX}.",
        )
    start_ns = max(int(trace.t_ns[0]) for trace in traces)
    stop_ns = min(int(trace.t_ns[-1]) for trace in traces)
    if stop_ns <= start_ns:
        raise UnreadableError(
            "has channels without a common time", where=where, fix="State the window of the run."
        )
    return stated_window(about.run, start_ns, stop_ns, where)


def _run(
    path: Path, about: About, log: PowerLog, traces: tuple[Trace, ...], window: Window | None
) -> Run:
    results = {"work": log.work, "declared_energy_j": log.declared_energy_j}
    return Run(
        id=path.stem,
        window=window,
        traces=traces,
        seconds=window.seconds if window else log.seconds,
        sources=(path.name,),
        **(results | stated_results(about.run)),
    )
