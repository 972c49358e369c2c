"""The contract of readers of other loggers' files, and the way from a log to an entry.

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

import functools
import re
import stat
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.documents import parse_json
from harness.core.errors import UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes
from harness.core.schemas import check
from harness.core.timestamps import NS, from_iso
from harness.formats.base import (
    Defect,
    Entry,
    Format,
    Run,
    stated_names,
    stated_results,
    stated_window,
)
from harness.formats.csv_dialect import BYTE_ORDER_MARK, UTF_16_MARKS, without_byte_order_mark
from harness.formats.defects import DefectCode
from harness.formats.power_log.cells import positive
from harness.formats.power_log.log import ABOUT_SUFFIX, About, Column, PowerLog
from harness.traces.channel import Channel
from harness.traces.clean import build_trace
from harness.traces.instruments import instrument
from harness.traces.trace import Trace, Window

HEAD_BYTES = 4096
"""A reader recognises a file by so many bytes."""
MAX_CHANNELS = 4096
_UTC_OFFSET = re.compile(r"([+-])(0[0-9]|1[0-4]):([0-5][0-9])")
"""No zone lies further than fourteen hours from UTC."""


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

    def surroundings(self, directory: Path) -> tuple[Path, ...]:
        """Return the file that describes a log."""
        return (directory.with_name(directory.name + ABOUT_SUFFIX),)

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
