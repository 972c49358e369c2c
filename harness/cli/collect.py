"""`joulemark collect PATH... --out STORE`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import (
    JSON,
    OK,
    PATHS,
    TIMEOUT,
    UNREADABLE,
    cli,
    examine_tree,
    note,
    seeded,
    wrote,
)
from harness.cli.common.outputs import OutputPath, mkdir_option
from harness.cli.common.workers import workers_option
from harness.core.executors.workers import Workers


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
    from harness.render.store.files import write_store
    from harness.render.store.rows import table_rows

    done = examine_tree(paths, workers, level=level, seed=seed, timeout_s=timeout)
    reports = {report.id: report for report in done.reports}
    counts = write_store(
        out,
        table_rows(
            done.results, reports, seed=seed, unreadable=done.unreadable, skipped=done.skipped
        ),
    )
    note("the store has " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    wrote("collect", [{"kind": "store", "path": str(out)}], as_json)
    return OK if done.results else UNREADABLE
