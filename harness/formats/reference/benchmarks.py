"""Look up what MLPerf's rules state of each benchmark.

``benchmarks.csv`` lists metric, quality target, runs to submit and runs to drop.
"""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass, replace
from pathlib import Path

from harness.formats.base import Quality


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A row of ``benchmarks.csv``.

    Attributes:
        task: Inference or training.
        benchmark: Its name, as folders have it.
        metric: The quality metric.
        target: Quality to reach, in the metric's own unit; ``None`` if the rules state none.
        better: Whether ``higher`` or ``lower`` is better.
        runs: Runs that a training result needs; ``None`` if the rules state none.
        olympic_drop: Runs dropped at each end of the Olympic mean.
        source: Where the rules state it.
        others: Further rows of the benchmark: metrics whose targets must be reached too.
    """

    task: str
    benchmark: str
    metric: str
    target: float | None
    better: str
    runs: int | None
    olympic_drop: int
    source: str
    others: tuple[Benchmark, ...] = ()

    @property
    def metrics(self) -> tuple[Benchmark, ...]:
        """This metric and the others."""
        return (self, *self.others)

    def lower(self, metric: str) -> bool:
        """Tell whether less of a metric is better; an unknown metric is like the first."""
        for item in self.others:
            if item.metric == metric:
                return item.better == "lower"
        return self.better == "lower"

    def reached(self, value: float) -> bool:
        """Tell whether a value of the metric reaches the target; true if there is none."""
        if self.target is None:
            return True
        return value <= self.target if self.better == "lower" else value >= self.target


@functools.cache
def _rows() -> dict[tuple[str, str], list[Benchmark]]:
    rows: dict[tuple[str, str], list[Benchmark]] = {}
    path = Path(__file__).with_name("benchmarks.csv")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault((row["task"], row["benchmark"]), []).append(_benchmark(row))
    return rows


def _benchmark(row: dict[str, str]) -> Benchmark:
    return Benchmark(
        task=row["task"],
        benchmark=row["benchmark"],
        metric=row["metric"],
        target=float(row["target"]) if row["target"] else None,
        better=row["better"],
        runs=int(row["runs"]) if row["runs"] else None,
        olympic_drop=int(row["olympic_drop"] or 1),
        source=row["source"],
    )


@functools.cache
def benchmarks() -> dict[tuple[str, str], Benchmark]:
    """Return all benchmarks by (task, name).

    Further rows of a training benchmark are metrics that a run must reach too. Those of an
    inference benchmark are what it was in earlier rounds; only `quality` looks at them.
    """
    table: dict[tuple[str, str], Benchmark] = {}
    for key, (first, *others) in _rows().items():
        is_training = first.task == "training"
        table[key] = replace(first, others=tuple(others)) if is_training else first
    return table


def quality(task: str, benchmark: str, metric: str, value: float) -> Quality:
    """Return a reached quality, with the target of its benchmark if that states the same metric."""
    for row in _rows().get((task, benchmark), []):
        if task == "training" or row.metric == metric:
            return Quality(row.metric, value, row.target)
    return Quality(metric, value)
