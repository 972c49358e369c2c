"""Define the commands `score`, `leaderboard`, `import` and `demo`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import (
    JSON,
    OK,
    PATHS,
    TABLE_FORMATS,
    TIMEOUT,
    UNREADABLE,
    cli,
    complain,
    complain_of,
    emit,
    examine_tree,
    note,
    read_stored_results,
    read_tree,
    refuse_grid,
    seeded,
    table_format,
    wrote,
)
from harness.cli.carbon.options import gridded
from harness.cli.common.outputs import OutputPath, mkdir_option
from harness.cli.common.pictures import plot_option, write_picture
from harness.cli.common.workers import workers_option
from harness.core.errors import UsageError
from harness.core.executors.workers import Workers

if TYPE_CHECKING:
    from harness.ranking.leaderboard import Table


@cli.command()
@PATHS
@JSON
@click.option("--explain", is_flag=True, help="Explain where the uncertainty comes from.")
@plot_option
@workers_option
@TIMEOUT
@click.option(
    "--provisioned",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="system_power.json of the measured system: its provisioned power beside the measured one.",
)
@gridded
@seeded
def score(
    paths: tuple[Path, ...],
    as_json: bool,
    explain: bool,
    plot: Path | None,
    workers: Workers,
    timeout: float,
    provisioned: Path | None,
    level: float,
    seed: int,
    carbon: Any,
) -> int:
    """Compute energy, energy per unit and their intervals.

    Scores every entry below PATHS. If a grid is named, also computes CO2e.
    """
    from harness import api
    from harness.render.json import result_document
    from harness.render.terminal.score import score_text

    power_kw = None if provisioned is None else _provisioned_kw(provisioned)
    options = {"level": level, "seed": seed, "carbon": carbon, "timeout_s": timeout}
    tree: api.Tree | api.Examined
    if workers.by_entry:
        tree = examine_tree(paths, workers, judges=False, **options)
        results = api.Results(tree.results)
    else:
        tree = read_tree(paths, timeout_s=timeout)
        results = api.score(tree, **options)
    if power_kw is not None:
        from harness.scoring.endpoint.provision import with_provision

        results = api.Results(with_provision(result, power_kw) for result in results)
    if plot is not None and results:
        write_picture(api.Results(results).plot(), plot)
    if as_json:
        emit("result", result_document(results, tree.unreadable, tree.skipped))
    else:
        click.echo(score_text(results, explained=explain), nl=False)
    return OK if results else UNREADABLE


def _provisioned_kw(path: Path) -> float:
    """Return the provisioned power that a system_power.json states [kW].

    Raises:
        UsageError: No total follows from it.
    """
    from harness.core.documents import parse_json
    from harness.core.files import read_bytes
    from harness.formats.mlperf.endpoints.power import provisioned_power

    document = parse_json(read_bytes(path), where=str(path))
    power = provisioned_power(document if isinstance(document, dict) else {})
    if not power.total_kw:
        raise UsageError(
            "states no provisioned power",
            where=str(path),
            got="; ".join(power.faults) or "0 kW",
            expected="system_power.json of MLPerf Endpoints, from which a total follows",
        )
    return power.total_kw


@cli.command()
@PATHS
@JSON
@click.option(
    "--rank-by",
    default="energy",
    show_default=True,
    type=click.Choice(["energy", "co2e", "correct"]),
    help="Quantity to rank by: energy per unit of work, CO2e, or energy per correct answer.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*TABLE_FORMATS, "json"]),
    help="Format of the tables; by default that of the suffix of --out.",
)
@click.option(
    "-o",
    "--out",
    type=OutputPath(),
    help="Write to this file instead of stdout.",
)
@click.option(
    "--where",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Show only rows whose field is this, such as submitter=Dell or round=*v4*; FIELD!=VALUE "
    "for the others. May be repeated.",
)
@click.option(
    "--sort",
    metavar="COLUMN",
    help="Sort by energy, power, performance, quality, submitter ...; -COLUMN descends.",
)
@click.option("--top", type=click.IntRange(1), help="Show so many rows of each table.")
@plot_option
@workers_option
@TIMEOUT
@gridded
@seeded
def leaderboard(
    paths: tuple[Path, ...],
    as_json: bool,
    rank_by: Any,
    form: str | None,
    out: Path | None,
    where: tuple[str, ...],
    sort: str | None,
    top: int | None,
    plot: Path | None,
    workers: Workers,
    timeout: float,
    level: float,
    seed: int,
    carbon: Any,
) -> int:
    """Rank the results, with intervals.

    Takes trees, or stores that `collect` wrote. Prints one table per benchmark, scenario and class
    of measurement. Invalid entries are listed below the ranked ones, with the reason. The format
    follows the suffix of --out. Ranks stay those of the whole table, whatever rows --where and
    --top choose.
    """
    from harness import api
    from harness.core.documents import dump_document
    from harness.core.files import write_text
    from harness.ranking.question_sets import question_sets
    from harness.ranking.view import view
    from harness.render.json import leaderboard_document
    from harness.render.store.files import are_stores
    from harness.render.terminal.leaderboard import board

    table_form = table_format(form, as_json, out)
    view((), where=where, sort=sort)  # a mistyped name is refused before anything is read
    options = {"level": level, "seed": seed, "carbon": carbon, "timeout_s": timeout}
    tree: api.Tree | api.Examined
    if are_stores(paths) and table_form == "json" and plot is None and rank_by != "co2e":
        refuse_grid(paths, carbon)
        choose = partial(view, where=where, sort=sort, top=top)
        return _leaderboard_of_stores(paths, level, seed, rank_by, choose, out)
    if are_stores(paths):
        tree = read_stored_results(paths, level, seed, carbon)
    elif workers.by_entry:
        tree = examine_tree(paths, workers, **options)
    else:
        tree = read_tree(paths, timeout_s=timeout)
    ranked = api.rank(tree, by=rank_by, **options)
    tables = api.Tables(view(ranked, where=where, sort=sort, top=top))
    sets = question_sets(ranked, tables)
    if table_form == "json":
        document = leaderboard_document(tables, tree.unreadable, tree.skipped, sets)
        text = dump_document("leaderboard", document)
    else:
        text = board(tables, table_form, sets)
    if plot is not None:
        from harness.render.energy_picture import energy_picture

        write_picture(energy_picture(tables), plot)
    if out is None:
        click.echo(text, nl=False)
    else:
        write_text(out, text)
        note(f"wrote {out}")
    return OK if ranked else UNREADABLE


def _leaderboard_of_stores(
    paths: tuple[Path, ...],
    level: float,
    seed: int,
    rank_by: Any,
    choose: Callable[[list[Table]], tuple[Table, ...]],
    out: Path | None,
) -> int:
    """Write the leaderboard of stores as JSON, table by table, so that no store must be held."""
    from harness.core.files import write_parts
    from harness.ranking.question_sets import QuestionSet, has_questions, question_sets
    from harness.render.json import leaderboard_parts
    from harness.render.store.ranked import ranked_stores
    from harness.render.store.reader import passed_over_in

    passed_over = passed_over_in(paths)
    complain_of(passed_over)
    of_endpoints: list[Table] = []
    shown_of_endpoints: list[Table] = []
    count = 0

    def tables() -> Iterator[Table]:
        nonlocal count
        for table in ranked_stores(paths, level, seed, rank_by):
            count += 1
            shown = choose([table])
            if has_questions(table):
                of_endpoints.append(table)
                shown_of_endpoints.extend(shown)
            yield from shown

    def sets() -> list[QuestionSet]:
        return question_sets(of_endpoints, shown_of_endpoints)

    parts = leaderboard_parts(tables(), passed_over.unreadable, passed_over.skipped, sets)
    if out is None:
        for part in parts:
            click.echo(part, nl=False)
    else:
        write_parts(out, parts)
        note(f"wrote {out}")
    return OK if count else UNREADABLE


@cli.command("import")
@PATHS
@JSON
@click.option("--format", "format_name", help="Read this format only.")
@click.option(
    "-o",
    "--out",
    required=True,
    type=OutputPath(folder=True),
    help="Folder to write to.",
)
@mkdir_option
@click.option(
    "--store",
    default="csv",
    show_default=True,
    type=click.Choice(["csv", "parquet"]),
    help="Format of the traces.",
)
def import_(
    paths: tuple[Path, ...], as_json: bool, format_name: str | None, out: Path, store: str
) -> int:
    """Turn results in other formats into run directories.

    Reports what could not be used, and why.
    """
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
    "-o",
    "--out",
    default=Path("out/demo"),
    show_default=True,
    type=OutputPath(folder=True),
    help="Folder to write to.",
)
@mkdir_option
@click.option(
    "--live/--no-live",
    default=True,
    show_default=True,
    help="Also run a workload, which takes half a minute.",
)
@JSON
def demo(out: Path, live: bool, as_json: bool) -> int:
    """Show the whole path in one to two minutes.

    Runs a workload live, packs it, and audits and ranks it beside the bundled submissions.
    """
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
