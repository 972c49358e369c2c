"""Look up MLPerf's reference convergence points.

A point says how many samples or epochs MLPerf's reference needs to reach a target at one batch
size. ``convergence.csv`` was computed from the reference logs in mlcommons/logging
(``rcp_checker/training_*``, Apache-2.0):

- ``mean``: Olympic mean of the counts
- ``max_speedup``: how many times fewer a submission may need (t-test at 5 %)
- ``interpolates``: 1 for the points between which other batch sizes are interpolated
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.numbers import plain_number
from harness.formats.base import Entry, Run
from harness.formats.reference.benchmarks import benchmarks

MAX_RATIO = 2
"""Counts that differ more than so many times from the reference count something else."""


@dataclass(frozen=True, slots=True)
class Point:
    """The reference at one batch size.

    Attributes:
        batch: Global batch size (samples).
        mean: Count at the target (samples, epochs or steps).
        max_speedup: How many times fewer a submission may need; ``None`` if the point is
            interpolated, or its runs are too few.
        interpolates: Whether other batch sizes are interpolated from it.
    """

    batch: float
    mean: float
    max_speedup: float | None
    interpolates: bool


@functools.cache
def points() -> dict[tuple[str, str], tuple[Point, ...]]:
    """Return all points by (round, benchmark), in the order of batch sizes."""
    table: dict[tuple[str, str], list[Point]] = {}
    path = Path(__file__).with_name("convergence.csv")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            point = Point(
                batch=float(row["batch"]),
                mean=float(row["mean"]),
                max_speedup=float(row["max_speedup"]) if row["max_speedup"] else None,
                interpolates=row["interpolates"] == "1",
            )
            table.setdefault((row["round"], row["benchmark"]), []).append(point)
    return {key: tuple(sorted(row, key=lambda point: point.batch)) for key, row in table.items()}


def reference(round_name: str, benchmark: str, batch: float) -> Point | None:
    """Return the reference at a batch size, interpolated as MLPerf does; ``None`` if unknown."""
    support = [point for point in points().get((round_name, benchmark), ()) if point.interpolates]
    exact = [point for point in support if point.batch == batch]
    if exact:
        return exact[0]
    below = [point for point in support if point.batch < batch]
    above = [point for point in support if point.batch > batch]
    if not below or not above:
        return None
    low, high = below[-1], above[0]
    share = (batch - low.batch) / (high.batch - low.batch)
    return Point(batch, low.mean + share * (high.mean - low.mean), None, False)


def olympic(counts: Sequence[float], drop: int) -> float | None:
    """Return the mean without the ``drop`` lowest and highest; ``None`` if nothing is left."""
    kept = sorted(counts)[drop : len(counts) - drop]
    return sum(kept) / len(kept) if kept else None


def round_of_points(entry: Entry, judged_by: str) -> str:
    """Return the round whose points apply to an entry: its own, else the one it is judged by."""
    return entry.round if (entry.round, entry.benchmark) in points() else judged_by


def against_reference(entry: Entry, round_name: str) -> tuple[Point, float] | None:
    """Compare the counts of a training result with the reference at its batch size.

    Returns:
        The reference, and the Olympic mean of the result's own counts. ``None`` if its logs do
        not all state one batch size and one kind of count, or if the reference counts another.
    """
    # 1. All runs must state one batch size and count the same thing.
    progress = [run.evidence.progress for run in entry.runs]
    stated = [item for item in progress if item is not None]
    names = {name for name, _ in stated}
    batches = {_batch_size(run) for run in entry.runs}
    if len(batches) != 1 or len(names) != 1 or len(stated) < len(progress):
        return None
    batch = plain_number(batches.pop())
    if batch is None:
        return None

    # 2. The reference at that batch size, and the mean of the counts.
    point = reference(round_name, entry.benchmark, batch)
    rules = benchmarks().get(("training", entry.benchmark))
    mean = olympic([count for _, count in stated], rules.olympic_drop if rules else 1)

    # 3. Counts that are far apart count different things.
    if point is None or not mean or mean <= 0:
        return None
    is_comparable = 1 / MAX_RATIO <= point.mean / mean <= MAX_RATIO
    return (point, mean) if is_comparable else None


def _batch_size(run: Run) -> str:
    """Return the global batch size as the result log states it; "None" without one."""
    training = run.evidence.training
    return str(training.stated.get("global_batch_size") if training else None)
