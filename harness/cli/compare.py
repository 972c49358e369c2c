"""`joulemark compare A B`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import JSON, OK, cli, emit, read_tree, seeded
from harness.cli.carbon_options import gridded, sides
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.formats.load import Tree
    from harness.scoring.result import Result


@cli.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@JSON
@gridded
@click.option("--b-zone", help="Grid zone of B, where that is not A's.")
@click.option("--b-hourly", help="Series of the grid of B, where that is not A's.")
@click.option("--b-pue", type=float, help="PUE of B, where that is not A's.")
@seeded
def compare(
    a: Path,
    b: Path,
    as_json: bool,
    level: float,
    seed: int,
    carbon: Any,
    b_zone: str | None,
    b_hourly: str | None,
    b_pue: float | None,
) -> int:
    """Compare two results: better, worse or tied.

    A and B are folders that hold one result each. Errors that both share cancel. If a grid is
    named, also explains why their CO2e differs: model, machine, mechanization and map.
    """
    from harness import api
    from harness.emissions.decomposition import decompose_results
    from harness.ranking.comparison import compare as compare_results
    from harness.render.terminal.comparison import comparison_document, comparison_text
    from harness.render.terminal.footprint_account import decomposition_text

    results: list[Result] = []
    for path, grid in zip((a, b), sides(carbon, b_zone, b_hourly, b_pue), strict=True):
        tree = read_tree([path])
        if len(tree.entries) != 1:
            ids = ", ".join(entry.id for entry in tree.entries[:5])
            raise UsageError(
                "one result is compared with one",
                where=str(path),
                got=f"{len(tree.entries)} ({ids})",
                expected="1",
                fix="Name the folder of one result.",
            )
        tree = _apart(tree, path, results)
        results += api.score(tree, level=level, seed=seed, carbon=grid)
    found = compare_results(*results, level=level, seed=seed)
    basis = "gross" if carbon is None or carbon.location is not None else "net"
    why = decompose_results(
        results[0],
        results[1],
        {"gross": "location_based", "net": "market_based"}[basis],
        level=level,
        seed=seed,
    )
    if as_json:
        emit("comparison", comparison_document(found, None if why is None else why.factors))
    else:
        click.echo(
            comparison_text(found)
            + ("" if why is None else f"\n{decomposition_text(basis, why)}\n"),
            nl=False,
        )
    return OK


def _apart(tree: Tree, path: Path, before: list[Result]) -> Tree:
    """The tree with an id of its own: two folders of one name are two results, and share no draws by it."""
    entry = tree.entries[0]
    same = [
        r
        for r in before
        if r.entry.id == entry.id and r.entry.directory.resolve() != entry.directory.resolve()
    ]
    return replace(tree, entries=(replace(entry, id=path.as_posix()),)) if same else tree
