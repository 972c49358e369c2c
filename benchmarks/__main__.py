"""Print the table of benchmarks: `python -m benchmarks [--quick]`.

A missed bar prints NO; no test asserts a time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import (
    audit_speed,
    carbon,
    data,
    hot_paths,
    peer_speed,
    sampler,
    scale_speed,
    score_speed,
    start_speed,
    statistics_speed,
    trace_speed,
)
from benchmarks.table import Row, show


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer pairs, and a trace of a tenth of the length"
    )
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="joulemark-bench-") as folder:
        found = data.prepare(Path(folder, "data"))
        print(
            f"Data: {found.source}. Ratios are medians of pairs timed in turn, with the lowest "
            f"and the highest.\n"
        )
        table = list(measure(found, Path(folder), quick))
    print(show(table))
    return 0


def measure(found: data.Data, folder: Path, quick: bool) -> Iterator[Row]:
    """All rows, in the order of docs/reference/benchmarks.md."""
    pairs = 3 if quick else 15
    yield from audit_speed.rows(found.inference, pairs)
    yield from score_speed.rows(found.training, pairs)
    yield from trace_speed.rows(folder, 10**7 if quick else 10**8, 3 if quick else 5)
    yield from start_speed.rows(5 if quick else 11)
    package = data.one_benchmark(found.training, folder / "peer")
    if package is not None:
        yield from peer_speed.rows(package, 1 if quick else 3)
    yield from hot_paths.rows(found.inference, pairs)
    yield from statistics_speed.rows(pairs)
    yield from carbon.rows(3)
    # late, as it leaves a process that has held 800 entries, and a command runs in a fresh one
    yield from scale_speed.rows(
        found.inference, folder / "copies", 10 if quick else 100, 1 if quick else 3
    )
    yield from sampler.rows(folder / "sampler", quick)


if __name__ == "__main__":
    sys.exit(main())
