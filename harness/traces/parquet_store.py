"""Traces as Parquet, with the extra `parquet`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.documents import parse_json
from harness.core.errors import MissingExtraError, UnreadableError, shorten
from harness.core.files import read_bytes
from harness.core.schemas import check
from harness.traces.channel import Channel
from harness.traces.header import dropped_readings, header_document, verified
from harness.traces.trace import Trace

if TYPE_CHECKING:
    import pyarrow

MAX_ROWS = 2**26
"""Readings of a Parquet file; compressed they may take next to nothing, as columns they take a
GiB."""


def write_parquet(trace: Trace, path: Path) -> None:
    """Write a trace as Parquet (extra `parquet`); the header lies in the file's metadata."""
    arrow, parquet = _arrow()
    document = header_document(trace)
    check("power-trace", document, where=str(path))
    columns = [trace.t_ns, trace.value] + ([] if trace.position is None else [trace.position])
    table = arrow.table(dict(zip(document["columns"], columns, strict=True)))
    dropped = [[d.position, d.t_ns, d.raw, d.reason] for d in trace.dropped]
    table = table.replace_schema_metadata(
        {"joulemark-trace": json.dumps(document), "dropped": json.dumps(dropped)}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(table, path)


def read_parquet(path: Path) -> Trace:
    """Read a trace that `write_parquet` wrote."""
    return parse_parquet(read_bytes(path), where=str(path))


def parse_parquet(content: bytes, *, where: str) -> Trace:
    """Read a trace from the bytes of such a file."""
    arrow, parquet = _arrow()
    try:
        file = parquet.ParquetFile(arrow.BufferReader(content))
        if file.metadata.num_rows > MAX_ROWS:
            raise UnreadableError(
                "holds too many readings",
                where=where,
                got=str(file.metadata.num_rows),
                expected=f"at most {MAX_ROWS}",
            )
        metadata = file.schema_arrow.metadata or {}
        document = parse_json(metadata[b"joulemark-trace"], where=where)
        dropped = parse_json(metadata[b"dropped"], where=where)
        check("power-trace", document, where=where)
        numbers = all(
            arrow.types.is_primitive(file.schema_arrow.field(name).type)
            for name in document["columns"]
        )
        if not numbers:
            raise UnreadableError("has columns that are not numbers", where=where)
        table = file.read(columns=document["columns"])
        columns = [np.array(table[name].to_numpy()) for name in document["columns"]]
        declared = document["content_sha256"]
    except (OSError, KeyError, arrow.ArrowException) as error:
        raise UnreadableError(
            f"is not a power trace in Parquet ({shorten(error)})", where=where
        ) from None
    position = columns[2] if len(columns) > 2 else None
    channel = Channel.from_header(document)
    trace = Trace(channel, columns[0], columns[1], position, dropped_readings(dropped, where))
    return verified(trace, declared, where)


def _arrow() -> tuple[pyarrow, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError(
            "Parquet needs pyarrow", fix="Install it with: pip install 'joulemark[parquet]'"
        ) from None
    return pyarrow, pyarrow.parquet
