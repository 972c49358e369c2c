"""The commands for many rounds: `joulemark collect` and `joulemark history`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.base import (
    JSON,
    OK,
    PATHS,
    TIMEOUT,
    UNREADABLE,
    cli,
    complain_of,
    emit,
    examine_tree,
    note,
    read_stored_results,
    seeded,
    shows_progress,
    wrote,
)
from harness.cli.common.outputs import OutputPath, mkdir_option
from harness.cli.common.progress_line import progress_line
from harness.cli.common.workers import workers_option
from harness.core.executors.workers import Workers

if TYPE_CHECKING:
    from harness.core.progress import Progress
    from harness.render.store.rows import Rows


@cli.command()
@PATHS
@JSON
@click.option(
    "-o",
    "--out",
    required=True,
    type=OutputPath(folder=None),
    help="Store: a folder for Parquet files, or a file that ends in .duckdb. Is added to.",
)
@mkdir_option
@workers_option
@TIMEOUT
@seeded
def collect(
    paths: tuple[Path, ...],
    as_json: bool,
    out: Path,
    workers: Workers,
    timeout: float,
    level: float,
    seed: int,
) -> int:
    """Score and audit, and add the results to a store.

    The store has typed tables of entries, estimates, budgets, runs, findings and systems, for
    DuckDB, pandas and others. Collecting a measurement again replaces its rows.
    """
    from harness import api
    from harness.render.store.files import write_parts
    from harness.render.store.rows import table_rows

    entries = 0

    def rows_in_parts(progress: Progress) -> Iterator[Rows]:
        nonlocal entries
        options = {"level": level, "seed": seed, "timeout_s": timeout}
        places = api.search(*paths)
        for part in api.examine_in_parts(places, workers=workers, progress=progress, **options):  # type: ignore[arg-type]
            complain_of(part)
            entries += len(part.results)
            yield table_rows(
                part.results,
                part.reports_by_id,
                seed=seed,
                unreadable=part.unreadable,
                skipped=part.skipped,
            )

    with progress_line(shows_progress()) as progress:
        counts = write_parts(out, rows_in_parts(progress))
    note("the store has " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    wrote("collect", [{"kind": "store", "path": str(out)}], as_json)
    return OK if entries else UNREADABLE


@cli.command()
@PATHS
@JSON
@click.option("--benchmark", required=True, metavar="NAME", help="Benchmark, such as resnet50.")
@click.option("--scenario", metavar="NAME", help="Scenario, such as Offline; all by default.")
@workers_option
@TIMEOUT
@seeded
def history(
    paths: tuple[Path, ...],
    as_json: bool,
    benchmark: str,
    scenario: str | None,
    workers: Workers,
    timeout: float,
    level: float,
    seed: int,
) -> int:
    """Show one benchmark over the rounds.

    Takes trees, or stores that `collect` wrote. Between two rounds it says what changed: the
    definition of the benchmark and the quality to reach, which make energies incomparable, and
    the rules, which make verdicts incomparable.
    """
    from harness.core.errors import UsageError
    from harness.core.suggestions import unknown_name
    from harness.ranking.history import history as history_of
    from harness.render.history import history_document
    from harness.render.store.files import are_stores
    from harness.render.terminal.history import history_text

    if are_stores(paths):
        done = read_stored_results(paths, level, seed, None)
    else:
        done = examine_tree(paths, workers, level=level, seed=seed, timeout_s=timeout)
    series = history_of(done.results, done.reports_by_id, benchmark, scenario)
    if done.results and not series:
        names = sorted({result.entry.benchmark for result in done.results})
        if benchmark not in names:
            raise unknown_name("--benchmark: no result of it", benchmark, names)
        raise UsageError("--scenario: no result of it", got=str(scenario))
    if as_json:
        emit("history", history_document(series, benchmark, done.unreadable, done.skipped))
    else:
        click.echo(history_text(series), nl=False)
    return OK if series else UNREADABLE
