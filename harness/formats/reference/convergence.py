"""Reference convergence points: how many samples or epochs MLPerf's reference needs to reach a target.

`convergence.csv` is computed from the reference logs in mlcommons/logging, rcp_checker/training_* (Apache-2.0):
mean: Olympic mean of the counts; max_speedup: how many times fewer a submission may need (t-test at 5 %);
interpolates: 1 for the points that batch sizes between them are interpolated from.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.formats.base import Entry, Run
from harness.formats.reference.benchmarks import benchmarks


@dataclass(frozen=True, slots=True)
class Point:
    """The reference at one batch size.

    batch: global batch size; mean: count at the target
    max_speedup: None where the point is interpolated, or its runs are too few
    """

    batch: float
    mean: float
    max_speedup: float | None
    interpolates: bool


@functools.cache
def points() -> dict[tuple[str, str], tuple[Point, ...]]:
    """All points by (round, benchmark), in the order of batch sizes."""
    found: dict[tuple[str, str], list[Point]] = {}
    with Path(__file__).with_name("convergence.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            speedup = float(row["max_speedup"]) if row["max_speedup"] else None
            point = Point(
                float(row["batch"]), float(row["mean"]), speedup, row["interpolates"] == "1"
            )
            found.setdefault((row["round"], row["benchmark"]), []).append(point)
    return {
        key: tuple(sorted(items, key=lambda point: point.batch)) for key, items in found.items()
    }


def reference(round_name: str, benchmark: str, batch: float) -> Point | None:
    """The reference at a batch size, interpolated as MLPerf does it; None where MLPerf has none."""
    known = points().get((round_name, benchmark), ())
    exact = [point for point in known if point.batch == batch and point.interpolates]
    if exact:
        return exact[0]
    below = [point for point in known if point.interpolates and point.batch < batch]
    above = [point for point in known if point.interpolates and point.batch > batch]
    if not below or not above:
        return None
    low, high = below[-1], above[0]
    share = (batch - low.batch) / (high.batch - low.batch)
    return Point(batch, low.mean + share * (high.mean - low.mean), None, False)


def olympic(counts: Sequence[float], drop: int) -> float | None:
    """Mean without the `drop` lowest and highest; None where nothing is left."""
    kept = sorted(counts)[drop : len(counts) - drop]
    return sum(kept) / len(kept) if kept else None


def round_of_points(entry: Entry, judged_by: str) -> str:
    """The round whose points speak of an entry: its own, or the one it is judged by where that has none."""
    return entry.round if (entry.round, entry.benchmark) in points() else judged_by


def against_reference(entry: Entry, round_name: str) -> tuple[Point, float] | None:
    """The reference of a round at the batch size of a training result, and the Olympic mean of its own counts.

    None where the logs do not all state one batch size and one kind of count, or the reference counts another.
    """
    counts = [run.evidence.progress for run in entry.runs]
    batches = {_batch_size(run) for run in entry.runs}
    names = {str(item[0]) for item in counts if item}
    if len(batches) != 1 or len(names) != 1 or not all(counts):
        return None
    try:
        point = reference(round_name, entry.benchmark, float(batches.pop()))
    except ValueError:
        return None
    known = benchmarks().get(("training", entry.benchmark))
    mean = olympic([float(item[1]) for item in counts if item], known.olympic_drop if known else 1)
    if point is None or not mean or mean <= 0 or not 0.5 <= point.mean / mean <= 2:
        return None
    return point, mean


def _batch_size(run: Run) -> str:
    """Return the global batch size as the result log states it, as text; "None" without one."""
    training = run.evidence.training
    return str(training.stated.get("global_batch_size") if training else None)
