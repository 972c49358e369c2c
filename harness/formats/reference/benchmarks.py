"""What MLPerf's rules say of each benchmark: metric, quality target, runs to submit, runs to drop."""

from __future__ import annotations

import csv
import functools
from dataclasses import dataclass, replace
from pathlib import Path

from harness.formats.base import Quality


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A row of `benchmarks.csv`; None where the rules state nothing.

    target: quality to reach, in the metric's own unit; better: "higher" or "lower"
    runs: runs a training result needs; olympic_drop: runs dropped at each end of the Olympic mean
    others: further rows of the benchmark, each a metric whose target must be reached too
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
        """Whether less of a metric is better; of one that no other row names, as in the first."""
        return (
            next((item.better for item in self.others if item.metric == metric), self.better)
            == "lower"
        )

    def reached(self, value: float) -> bool:
        """Whether a value of the metric reaches the target; True where there is none."""
        if self.target is None:
            return True
        return value <= self.target if self.better == "lower" else value >= self.target


@functools.cache
def _rows() -> dict[tuple[str, str], list[Benchmark]]:
    found: dict[tuple[str, str], list[Benchmark]] = {}
    with Path(__file__).with_name("benchmarks.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["task"], row["benchmark"]), []).append(_benchmark(row))
    return found


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
    """All benchmarks by (task, name).

    Further rows of a training benchmark are metrics that a run must reach too; those of an inference benchmark are
    what it was in earlier rounds, and only `quality` looks at them.
    """
    return {
        key: replace(first, others=tuple(others)) if first.task == "training" else first
        for key, (first, *others) in _rows().items()
    }


def quality(task: str, benchmark: str, metric: str, value: float) -> Quality:
    """A reached quality beside the target of its benchmark, where that speaks of the same metric."""
    known = _rows().get((task, benchmark), [])
    same = next((row for row in known if task == "training" or row.metric == metric), None)
    return Quality(same.metric, value, same.target) if same else Quality(metric, value)
