"""Commands over results: score, leaderboard, import, demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.cli.base import (
    JSON,
    OK,
    PATHS,
    UNREADABLE,
    cli,
    complain,
    emit,
    read_tree,
    seeded,
    wrote,
)
from harness.cli.carbon_options import gridded


@cli.command()
@PATHS
@JSON
@click.option(
    "--explain", is_flag=True, help="Say in plain words where the uncertainty comes from."
)
@gridded
@seeded
def score(
    paths: tuple[Path, ...], as_json: bool, explain: bool, level: float, seed: int, carbon: Any
) -> int:
    """Energy, energy per unit and intervals of every entry below PATHS; CO2e where a grid is named."""
    from harness import api
    from harness.render.json import result_document
    from harness.render.terminal.report import score_text

    tree = read_tree(paths)
    results = api.score(tree, level=level, seed=seed, carbon=carbon)
    if as_json:
        emit("result", result_document(results, tree.unreadable, tree.skipped))
    else:
        click.echo(score_text(results, explained=explain), nl=False)
    return OK if results else UNREADABLE


@cli.command()
@PATHS
@JSON
@click.option(
    "--rank-by",
    default="energy",
    show_default=True,
    type=click.Choice(["energy", "co2e"]),
    help="What ranks.",
)
@click.option(
    "--format",
    "form",
    default="terminal",
    show_default=True,
    type=click.Choice(["terminal", "md", "csv", "json", "html", "latex"]),
    help="Form of the tables.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file instead of stdout.",
)
@gridded
@seeded
def leaderboard(
    paths: tuple[Path, ...],
    as_json: bool,
    rank_by: Any,
    form: str,
    out: Path | None,
    level: float,
    seed: int,
    carbon: Any,
) -> int:
    """Tables with intervals and ranks; what is invalid stays visible, below, with the reason."""
    from harness import api
    from harness.core.files import write_text
    from harness.core.schemas import dump_document
    from harness.render.json import leaderboard_document
    from harness.render.terminal.leaderboard import board

    tree = read_tree(paths)
    tables = api.rank(tree, by=rank_by, level=level, seed=seed, carbon=carbon)
    if as_json or form == "json":
        text = dump_document(
            "leaderboard", leaderboard_document(tables, tree.unreadable, tree.skipped)
        )
    else:
        text = board(tables, form)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
        click.echo(f"joulemark: wrote {out}", err=True)
    return OK if tables else UNREADABLE


@cli.command("import")
@PATHS
@JSON
@click.option("--format", "format_name", help="Read only this format.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to.",
)
@click.option(
    "--store",
    default="csv",
    show_default=True,
    type=click.Choice(["csv", "parquet"]),
    help="Form of the traces.",
)
def import_(
    paths: tuple[Path, ...], as_json: bool, format_name: str | None, out: Path, store: str
) -> int:
    """Turn foreign results below PATHS into run directories, and say what could not be used and why."""
    from harness import api

    done = api.import_tree(*paths, out=out, format_name=format_name, parquet=store == "parquet")
    if as_json:
        from harness.render.json import import_document

        emit("import-report", import_document(done))
    else:
        from harness.render.terminal.report import import_text

        click.echo(import_text(done), nl=False)
    return OK if done.imported else UNREADABLE


@cli.command()
@click.option(
    "--out",
    default=Path("out/demo"),
    show_default=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to.",
)
@click.option(
    "--live/--no-live", default=True, show_default=True, help="Run a workload: half a minute."
)
@JSON
def demo(out: Path, live: bool, as_json: bool) -> int:
    """Run a workload live and pack it; audit and rank it beside the bundled example submissions."""
    from harness.cli.demo import ready, run_demo

    if live and not ready():
        complain("the live run is left out: it needs scikit-learn. pip install 'joulemark[demo]'")
        live = False
    for line in run_demo(
        out, (lambda text: click.echo(f"   {text}", err=as_json)) if live else None
    ):
        click.echo(line, err=as_json)
    if as_json:
        made = (
            ("result", "result.json"),
            ("audit-report", "audit.json"),
            ("leaderboard", "leaderboard.json"),
        )
        wrote("demo", [{"kind": kind, "path": str(out / name)} for kind, name in made], as_json)
    return OK
