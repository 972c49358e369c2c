"""What MLPerf's rules say of each benchmark: metric, quality target, runs to submit, runs to drop."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass
from pathlib import Path

from harness.formats.base import Quality


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One row of `benchmarks.csv`; None where the rules state nothing.

    target: quality to reach, in the metric's own unit; better: "higher" or "lower"
    runs: runs a training result needs; olympic_drop: runs dropped at each end of the Olympic mean
    """

    task: str
    benchmark: str
    metric: str
    target: float | None
    better: str
    runs: int | None
    olympic_drop: int
    source: str


@functools.cache
def _rows() -> tuple[Benchmark, ...]:
    with Path(__file__).with_name("benchmarks.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple(
        Benchmark(
            task=row["task"],
            benchmark=row["benchmark"],
            metric=row["metric"],
            target=float(row["target"]) if row["target"] else None,
            better=row["better"],
            runs=int(row["runs"]) if row["runs"] else None,
            olympic_drop=int(row["olympic_drop"] or 1),
            source=row["source"],
        )
        for row in rows
    )


@functools.cache
def benchmarks() -> dict[tuple[str, str], Benchmark]:
    """All benchmarks by (task, name); of one whose data changed, its newest row, which stands first."""
    return {(row.task, row.benchmark): row for row in reversed(_rows())}


def quality(task: str, benchmark: str, metric: str, value: float) -> Quality:
    """A reached quality beside the target of its benchmark, where that speaks of the same metric."""
    known = [row for row in _rows() if (row.task, row.benchmark) == (task, benchmark)]
    same = next((row for row in known if task == "training" or row.metric == metric), None)
    return Quality(same.metric, value, same.target) if same else Quality(metric, value)
