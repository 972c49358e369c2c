"""The store of a trace: CSV with a JSON header in the core, Parquet as an extra.

Both carry the same columns and the same header; `content_sha256` is equal whichever holds them.
"""

from __future__ import annotations

from pathlib import Path

from harness.core.errors import UnreadableError
from harness.core.files import read_bytes, sha256
from harness.traces.csv_store import parse_csv, stream_csv
from harness.traces.parquet_store import parse_parquet
from harness.traces.trace import Trace

STREAM_BYTES = 16 * 2**20
"""A CSV file beyond this size is read block by block."""


def read_trace(path: Path) -> Trace:
    """Read a trace from either store, by the suffix of the file."""
    if path.suffix != ".parquet" and is_long(path):
        return stream_csv(path)[0]
    return parse_trace(read_bytes(path), path)


def read_listed(path: Path, digest: str) -> Trace:
    """Read a trace from either store once, and compare what was read with a hash.

    Args:
        path: The file.
        digest: The SHA-256 that a record lists.

    Raises:
        UnreadableError: The bytes are others, or they are no trace.
    """
    if path.suffix != ".parquet" and is_long(path):
        trace, actual = stream_csv(path)
        _compare_digest(actual, digest)
        return trace
    content = read_bytes(path)
    _compare_digest(sha256(content), digest)
    return parse_trace(content, path)


def _compare_digest(actual: str, listed: str) -> None:
    if actual != listed:
        raise UnreadableError("another SHA-256 than the run record lists")


def is_long(path: Path) -> bool:
    """Tell whether a file is read block by block."""
    try:
        return path.stat(follow_symlinks=False).st_size > STREAM_BYTES
    except OSError:
        return False


def parse_trace(content: bytes, path: Path) -> Trace:
    """Read a trace from the bytes of a file that were read before.

    Args:
        content: The bytes.
        path: The file, whose suffix tells the store.
    """
    parse = parse_parquet if path.suffix == ".parquet" else parse_csv
    return parse(content, where=str(path))
