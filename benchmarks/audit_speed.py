"""Time the audit against reading and hashing the same bytes, as any check of hashes must."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from benchmarks.table import Row, compare
from harness import api
from harness.core.content_cache import clear_all


def rows(tree: Path, pairs: int) -> Iterator[Row]:
    """The one row."""
    files = [path for path in sorted(tree.rglob("*")) if path.is_file()]

    def hashes() -> None:
        for path in files:
            content = path.read_bytes()
            hashlib.sha1(content, usedforsecurity=False).digest()
            hashlib.sha256(content).digest()

    yield compare(
        "audit of inference results, all rules",
        lambda: api.audit(api.read(tree)),
        "read + SHA-1 + SHA-256 of the same bytes",
        hashes,
        pairs=pairs,
        bar=6,
        before=clear_all,
    )
