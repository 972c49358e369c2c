"""Traces as CSV with a JSON header: the store of the core, and the form of declared traces."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.core.documents import parse_json
from harness.core.errors import UnreadableError, shorten
from harness.core.files import read_blocks, read_bytes, write_parts
from harness.core.schemas import check
from harness.traces.channel import Channel
from harness.traces.clean import MAX_DROPPED, build_trace, number_or_nan
from harness.traces.columns import GrowingColumn
from harness.traces.header import column_names, dropped_readings, header_document, verified
from harness.traces.text_lines import STEP, Cells, has_signed_cell, line_groups, steps
from harness.traces.trace import T_MAX_NS, Dropped, Floats, Ints, Trace

CHUNK_ROWS = 2**16
MAGIC = b"# joulemark-trace: "
_DROPPED = b"# dropped: "
MAX_LINE_BYTES = 2**20
"""No line of a CSV file is longer."""
MIN_LINE_BYTES = 8
"""A large file whose lines are shorter than this on average is not a trace [bytes]: a time alone
has nineteen digits."""


def write_csv(trace: Trace, path: Path) -> None:
    """Write a trace as CSV: header, column names, a row for each reading, dropped readings."""
    document = header_document(trace)
    check("power-trace", document, where=str(path))
    write_parts(path, _csv_parts(trace, document))


def _csv_parts(trace: Trace, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the text of a trace part by part, so that it is never held whole."""
    yield MAGIC.decode() + json.dumps(document, ensure_ascii=True, allow_nan=False) + "\n"
    yield ",".join(document["columns"]) + "\n"
    for start in range(0, len(trace), CHUNK_ROWS):
        rows = slice(start, start + CHUNK_ROWS)
        columns: list[Iterable[Any]] = [
            trace.t_ns[rows].tolist(),
            map(repr, trace.value[rows].tolist()),
        ]
        if trace.position is not None:
            columns.append(trace.position[rows].tolist())
        lines = [",".join(map(str, row)) for row in zip(*columns, strict=True)]
        yield "\n".join(lines) + "\n"
    for item in trace.dropped:
        stated = [item.position, item.t_ns, item.raw, item.reason]
        yield _DROPPED.decode() + json.dumps(stated) + "\n"


def read_csv(path: Path) -> Trace:
    """Read a trace that `write_csv` wrote, or a plain CSV under a declared header.

    A declared CSV may hold failed readings (an empty value), disorder and repeats; they end in
    `dropped`.

    Raises:
        UnreadableError: The file is not a trace, or not the one its header describes.
        SchemaError: The header does not match its schema.
    """
    return parse_csv(read_bytes(path), where=str(path))


def parse_csv(content: bytes, *, where: str) -> Trace:
    """Read a trace from the text of such a file; see `read_csv`."""
    first, _, rest = content.partition(b"\n")
    document = _header(first, f"{where}:1")
    names, _, body = rest.partition(b"\n")
    return _from_rows(document, _names(names), body, where)


def stream_csv(path: Path) -> tuple[Trace, str]:
    """Read a trace of any length, block by block.

    Args:
        path: The file; it is read once.

    Returns:
        The trace, and the SHA-256 of the bytes that it was made of.

    Raises:
        UnreadableError: The file is not a trace, or not the one its header describes.
        SchemaError: The header does not match its schema.
    """
    where = str(path)
    digest = hashlib.sha256()
    blocks = _whole_lines(read_blocks(path), digest.update, where)
    head = next(blocks, b"")
    first, _, rest = head.partition(b"\n")
    document = _header(first, f"{where}:1")
    names, _, body = rest.partition(b"\n")
    columns = _names(names)
    trace = _from_blocks(document, columns, itertools.chain([body], blocks), where)
    return verified(trace, document.get("content_sha256"), where), digest.hexdigest()


def _names(line: bytes) -> list[str]:
    return line.strip().decode("utf-8", "replace").split(",")


def _whole_lines(
    blocks: Iterable[bytes], note: Callable[[bytes], object], where: str
) -> Iterator[bytes]:
    """Yield blocks that end with a line.

    Args:
        blocks: The file as it was read.
        note: Called with each block.
        where: The file, for errors.
    """
    rest = b""
    for block in blocks:
        note(block)
        rest += block
        end = rest.rfind(b"\n") + 1
        if not end and len(rest) > MAX_LINE_BYTES:
            raise UnreadableError(
                "has a line without end", where=where, expected=f"at most {MAX_LINE_BYTES} bytes"
            )
        if end:
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def _from_blocks(
    document: dict[str, Any], names: list[str], blocks: Iterable[bytes], where: str
) -> Trace:
    """Make a trace of blocks of whole lines; only its columns stay."""
    channel = Channel.from_header(document)
    width = _width(channel, names, where)
    t_ns, value = GrowingColumn(np.int64), GrowingColumn(np.float64)
    position = GrowingColumn(np.int64)
    dropped: list[Dropped] = []
    line = 3
    for block in blocks:
        if block.count(b"\n") * MIN_LINE_BYTES > len(block) + MIN_LINE_BYTES:
            raise UnreadableError("has lines too short for readings", where=f"{where}:{line}")
        rows = _plain_rows(block, width)
        if rows is None:
            lines, dropped_lines = _rows(block.splitlines(), width, where, line)
            rows = _columns(lines, width)
            dropped += dropped_readings(
                [parse_json(item, where=where) for item in dropped_lines], where
            )
            if len(dropped) > MAX_DROPPED:
                raise UnreadableError("has too many dropped readings", where=where)
        t_ns.extend(rows[0])
        value.extend(rows[1])
        position.extend(rows[2])
        line += block.count(b"\n")
    if not dropped and width == 2:
        return build_trace(channel, t_ns.column(), value.column())
    positions = position.column() if width == 3 else None
    return Trace(channel, t_ns.column(), value.column(), positions, tuple(dropped))


def _plain_rows(block: bytes, width: int) -> tuple[Ints, Floats, Ints] | None:
    """Parse a block of nothing but digits at once; None where it holds anything else."""
    if block.translate(None, b"0123456789.e+-,\n") or has_signed_cell(block):
        return None
    fields = [("t_ns", np.int64), ("value", np.float64), ("position", np.int64)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            table = np.loadtxt(
                io.BytesIO(block), np.dtype(fields[:width]), delimiter=",", comments=None, ndmin=1
            )
    except (ValueError, OverflowError, Warning):
        return None  # an empty cell, a time that is no whole number, or rows of other lengths
    t_ns = table["t_ns"]
    if len(t_ns) and not (t_ns.min() > 0 and t_ns.max() <= T_MAX_NS):
        return None
    position = table["position"] if width == 3 else np.empty(0, np.int64)
    return np.array(t_ns), np.array(table["value"]), np.array(position)


def declared_channel(line: bytes, *, where: str) -> Channel:
    """Return the channel that the first line of a CSV trace declares.

    Raises:
        UnreadableError: The line is not a header.
        SchemaError: The header does not match its schema.
    """
    return Channel.from_header(_header(line, where))


def _header(line: bytes, where: str) -> dict[str, Any]:
    if not line.startswith(MAGIC):
        raise UnreadableError(
            "is not a power trace",
            where=where.removesuffix(":1"),
            got=shorten(repr(line[:40])),
            expected=f"a first line that starts with {MAGIC.decode()!r}",
            fix="Declare the channel in one line of JSON there; docs/reference/formats.md shows "
            "how.",
        )
    document: dict[str, Any] = parse_json(line[len(MAGIC) :].strip(), where=where)
    check("power-trace", document, where=where)
    return document


def _from_rows(document: dict[str, Any], names: list[str], body: bytes, where: str) -> Trace:
    channel = Channel.from_header(document)
    width = _width(channel, names, where)
    if len(body) > STEP and body.count(b"\n") * MIN_LINE_BYTES > len(body):
        raise UnreadableError(
            "has lines too short for readings", where=where, got=f"{len(body)} bytes"
        )
    trace = _from_plain_rows(channel, body, width)
    if trace is not None:
        return verified(trace, document.get("content_sha256"), where)
    lines, dropped_lines = _rows(body.splitlines(), width, where)
    chunks = [_columns(some, width) for some in line_groups(lines)] or [_columns([], width)]
    t_ns, value, position = (np.concatenate(column) for column in zip(*chunks, strict=True))
    if dropped_lines or width == 3:
        dropped = dropped_readings([parse_json(line, where=where) for line in dropped_lines], where)
        trace = Trace(channel, t_ns, value, position if width == 3 else None, dropped)
    else:
        trace = build_trace(channel, t_ns, value, Cells(lines, 1))
    return verified(trace, document.get("content_sha256"), where)


def _from_plain_rows(channel: Channel, body: bytes, width: int) -> Trace | None:
    """Make a trace of many rows of digits at once.

    None where a row holds anything else, or a reading is dropped: its text is kept line by line.
    """
    if width != 2 or len(body) < STEP // 64:
        return None
    groups = [_plain_rows(body[at:end], width) for at, end in steps(body)]
    columns = [group for group in groups if group is not None]
    if len(columns) < len(groups):
        return None
    t_ns, value, _ = (np.concatenate(column) for column in zip(*columns, strict=True))
    trace = build_trace(channel, t_ns, value)
    return None if trace.dropped else trace


def _width(channel: Channel, names: list[str], where: str) -> int:
    """Return the number of columns.

    Raises:
        UnreadableError: They are not those of the channel.
    """
    expected = column_names(channel)
    if names[:2] == expected and names[2:] in ([], ["position"]):
        return len(names)
    raise UnreadableError(
        "has other columns",
        where=f"{where}:2",
        got=shorten(",".join(names)),
        expected=",".join(expected),
    )


def _rows(
    lines: list[bytes], width: int, where: str, first: int = 3
) -> tuple[list[bytes], list[bytes]]:
    """Return the lines of readings, and the records of dropped readings."""
    rows, dropped = [], []
    for number, line in enumerate(lines, first):
        if line.startswith(_DROPPED):
            dropped.append(line[len(_DROPPED) :])
        elif line and not line.startswith(b"#"):
            if line.count(b",") != width - 1:
                raise UnreadableError(
                    "has a broken row",
                    where=f"{where}:{number}",
                    got=shorten(repr(line[:400])),
                    expected="a cell for each column",
                )
            rows.append(line)
    return rows, dropped


def _columns(lines: Sequence[bytes], width: int) -> tuple[Ints, Floats, Ints]:
    """Return times, values and, where there is a third column, positions of some lines."""
    cells = [line.split(b",") for line in lines]
    columns = [[row[i] for row in cells] for i in range(width)]
    return _integers(columns[0]), _numbers(columns[1]), _integers(columns[2] if width == 3 else [])


def _integers(cells: list[bytes]) -> Ints:
    try:
        if not _has_underscore(cells):
            return np.array(cells, dtype="S20").astype(np.int64)
    except (ValueError, OverflowError):
        pass
    return np.array([_integer(c) for c in cells], np.int64)


def _has_underscore(cells: list[bytes]) -> bool:
    """Tell whether a cell has the ``_`` that only Python reads inside a number, as in ``1_0``."""
    return b"_" in b",".join(cells)


def _integer(cell: bytes) -> int:
    number = int(cell) if cell.strip().isdigit() and len(cell) <= 20 else 0
    return number if number <= T_MAX_NS else 0


def _numbers(cells: list[bytes]) -> Floats:
    try:
        if not _has_underscore(cells):
            return np.array(list(map(float, cells)), np.float64)
    except ValueError:
        pass
    return np.array([number_or_nan(c) for c in cells], np.float64)
