"""Rank the results of stores benchmark by benchmark, so that they need not fit into memory.

Ids, benchmarks and keys of all entries are read first. Then the results of some benchmarks are
read at a time, and ranked as `harness.api.rank` would rank them among all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harness.auditing.report import EntryReport
from harness.core.errors import UsageError
from harness.ranking.leaderboard import RankBy, Table, leaderboard
from harness.render.store.files import records, row_parts
from harness.render.store.reader import check_drawn, read_record
from harness.scoring.result import Result

ROWS_HELD = 5000
"""Encoded results that are held at once, if one benchmark does not have more."""


class _Benchmark(NamedTuple):
    """What all results of one table share, and all of several tables that follow each other."""

    task: str
    name: str
    scenario: str


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """What is known of a store before its results are read.

    Attributes:
        store: The store.
        keys: Keys of the entries of each benchmark.
    """

    store: Path
    keys: dict[_Benchmark, list[str]] = field(default_factory=lambda: defaultdict(list))


def ranked_stores(
    paths: Sequence[Path], level: float, seed: int, rank_by: RankBy = "energy"
) -> Iterator[Table]:
    """Yield the tables of the leaderboard of some stores, in its order.

    Args:
        paths: The stores.
        level: Coverage probability of the intervals that is wanted.
        seed: Seed that is wanted.
        rank_by: "energy", or "correct" for energy per correct answer.

    Raises:
        UsageError: One is no store of this release, or its results were drawn with another level
            or seed.
    """
    ids: Counter[str] = Counter()
    catalogues = [_catalogue(path, level, seed, ids) for path in paths]
    repeated = {name for name, count in ids.items() if count > 1}
    del ids
    sizes: Counter[_Benchmark] = Counter()
    for catalogue in catalogues:
        sizes.update({name: len(keys) for name, keys in catalogue.keys.items()})
    for batch in _batches(sizes):
        content = _contents(catalogues, batch)
        for benchmark in batch:
            results, reports = _results(content.pop(benchmark), benchmark)
            yield from leaderboard(
                results, reports, rank_by=rank_by, seed=seed, repeated_ids=repeated
            )


def _catalogue(path: Path, level: float, seed: int, ids: Counter[str]) -> _Catalogue:
    catalogue = _Catalogue(path)
    for rows in row_parts(path, "entries", ("key", "id", "task", "benchmark", "scenario")):
        for row in rows:
            names = (row[name] or "" for name in ("task", "benchmark", "scenario"))
            benchmark = _Benchmark(*names)
            catalogue.keys[benchmark].append(row["key"])
            ids[row["id"]] += 1
    for rows in row_parts(path, "records", ("seed", "level")):
        for row in rows:
            check_drawn(path, row["level"], row["seed"], level, seed)
    return catalogue


def _batches(sizes: Counter[_Benchmark]) -> Iterator[list[_Benchmark]]:
    """Yield the benchmarks in order, as many at a time as may be held together."""
    batch: list[_Benchmark] = []
    held = 0
    for benchmark in sorted(sizes):
        if batch and held + sizes[benchmark] > ROWS_HELD:
            yield batch
            batch, held = [], 0
        batch.append(benchmark)
        held += sizes[benchmark]
    if batch:
        yield batch


def _contents(
    catalogues: Sequence[_Catalogue], batch: Collection[_Benchmark]
) -> dict[_Benchmark, list[tuple[Path, bytes]]]:
    """Return the encoded results of some benchmarks, each with its store."""
    contents: dict[_Benchmark, list[tuple[Path, bytes]]] = {name: [] for name in batch}
    for catalogue in catalogues:
        benchmark_of = {
            key: benchmark for benchmark in batch for key in catalogue.keys.get(benchmark, ())
        }
        for key, record in records(catalogue.store, benchmark_of):
            contents[benchmark_of[key]].append((catalogue.store, record))
    return contents


def _results(
    contents: Sequence[tuple[Path, bytes]], benchmark: _Benchmark
) -> tuple[list[Result], dict[str, EntryReport]]:
    """Return results and audits of one benchmark."""
    results: list[Result] = []
    reports: dict[str, EntryReport] = {}
    for store, content in contents:
        result, report = read_record(store, content)
        entry = result.entry
        if (entry.task, entry.benchmark, entry.scenario) != benchmark:
            raise UsageError(
                "is no store of this release",
                where=str(store),
                got=f"the record of another benchmark for {report.id}",
            )
        results.append(result)
        reports[report.id] = report
    return results, reports
