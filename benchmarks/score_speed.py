"""Time the score of a training package against one bare JSON pass over its lines.

The pass uses the faster of two parsers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import orjson

from benchmarks.table import Row, clock, compare
from harness import api
from harness.formats.mlperf.mllog import TOKEN
from harness.uncertainty import random_draws as draws


def rows(package: Path, pairs: int) -> Iterator[Row]:
    """The one row; draws are not kept from one score to the next."""
    files = sorted(package.rglob("*.txt"))
    parsers: dict[str, Callable[[bytes], object]] = {
        "orjson": orjson.loads,
        "msgspec": msgspec.json.Decoder().decode,
    }
    name = min(
        parsers, key=lambda of: min(clock(lambda: _bare_pass(files, parsers[of])) for _ in range(3))
    )
    yield compare(
        "score of a training package, 200 000 draws",
        lambda: api.score(package),
        f"bare JSON pass over its lines ({name})",
        lambda: _bare_pass(files, parsers[name]),
        pairs=pairs,
        bar=2,
        before=draws.clear_draws,
    )


def _bare_pass(files: list[Path], parse: Callable[[bytes], object]) -> None:
    for path in files:
        for line in path.read_bytes().split(b"\n"):
            at = line.find(TOKEN)
            if at >= 0:
                parse(line[at + len(TOKEN) :])
