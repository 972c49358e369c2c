"""Time `joulemark --help`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.table import Row, compare

LIMIT_S = 0.2


def rows(pairs: int) -> Iterator[Row]:
    """Against an interpreter that does nothing, and against the limit."""
    row = compare(
        "joulemark --help",
        lambda: run("-m", "harness", "--help"),
        "python -c pass",
        lambda: run("-c", "pass"),
        pairs=pairs,
    )
    yield row
    yield Row("joulemark --help", row.ours, "limit", LIMIT_S, (row.ours / LIMIT_S,), 1)


def run(*arguments: str) -> None:
    """Run this interpreter and wait."""
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, timeout=60)
