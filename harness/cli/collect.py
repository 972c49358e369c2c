"""`joulemark collect PATH... --out STORE`."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.base import JSON, OK, PATHS, UNREADABLE, cli, note, read_tree, seeded, wrote
from harness.cli.common.outputs import OutputPath, mkdir_option


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
@seeded
def collect(paths: tuple[Path, ...], as_json: bool, out: Path, level: float, seed: int) -> int:
    """Score and audit, and add the results to a store.

    The store has typed tables of entries, estimates, budgets, runs, findings and systems, for
    DuckDB, pandas and others. Collecting a measurement again replaces its rows.
    """
    from harness import api
    from harness.render.store.files import write_store
    from harness.render.store.rows import table_rows

    tree = read_tree(paths)
    results, reports = api.score_and_audit(tree, level=level, seed=seed)
    counts = write_store(out, table_rows(results, reports))
    note("the store has " + ", ".join(f"{count:,} {name}" for name, count in counts.items()))
    wrote("collect", [{"kind": "store", "path": str(out)}], as_json)
    return OK if results else UNREADABLE
