"""`joulemark compare A B`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.base import JSON, OK, cli, emit, read_tree, seeded
from harness.cli.carbon.options import gridded, sides
from harness.cli.common.pictures import plot_option, write_picture
from harness.core.errors import UsageError

if TYPE_CHECKING:
    from harness.auditing.report import EntryReport
    from harness.formats.load import Tree
    from harness.scoring.result import Result


@cli.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@JSON
@plot_option
@gridded
@click.option("--b-zone", help="Grid zone of B, if it differs from A's.")
@click.option("--b-hourly", help="Series of B's grid, if it differs from A's.")
@click.option("--b-pue", type=float, help="PUE of B, if it differs from A's.")
@seeded
def compare(
    a: Path,
    b: Path,
    as_json: bool,
    plot: Path | None,
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
    from harness.ranking.shared_meters import with_separate_errors
    from harness.render.terminal.carbon.footprint_account import decomposition_text
    from harness.render.terminal.comparison import comparison_document, comparison_text

    results: list[Result] = []
    verdicts: list[str] = []
    warnings: list[str] = []
    grids = sides(carbon, b_zone, b_hourly, b_pue)
    for letter, path, grid in zip("AB", (a, b), grids, strict=True):
        tree = _with_own_id(_one_result(path), path, results)
        results += api.score(tree, level=level, seed=seed, carbon=grid)
        (report,) = api.audit(tree).entries
        verdicts.append(report.verdict)
        warnings += _warnings(letter, report, results[-1])
    comparison = compare_results(*results, level=level, seed=seed)
    basis = "gross" if carbon is None or carbon.location is not None else "net"
    first, second = with_separate_errors(results)
    decomposition = decompose_results(
        first,
        second,
        {"gross": "location_based", "net": "market_based"}[basis],
        level=level,
        seed=seed,
    )
    if plot is not None:
        from harness.render.notebook.pictures import comparison_picture

        write_picture(comparison_picture(comparison), plot)
    if as_json:
        factors = None if decomposition is None else decomposition.factors
        document = comparison_document(comparison, factors, (verdicts[0], verdicts[1]))
        emit("comparison", document)
    else:
        text = comparison_text(comparison, warnings)
        if decomposition is not None:
            text += f"\n{decomposition_text(basis, decomposition)}\n"
        elif carbon is not None:
            text += "\nNo factors of CO2e: one of them is so uncertain that it may be nothing.\n"
        click.echo(text, nl=False)
    return OK


def _one_result(path: Path) -> Tree:
    """Read the one result below a path."""
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
    return tree


def _with_own_id(tree: Tree, path: Path, before: list[Result]) -> Tree:
    """Return the tree with an id that tells it from another folder of the same name."""
    entry = tree.entries[0]
    for result in before:
        same_folder = result.entry.directory.resolve() == entry.directory.resolve()
        if result.entry.id == entry.id and not same_folder:
            return replace(tree, entries=(replace(entry, id=path.as_posix()),))
    return tree


def _warnings(letter: str, report: EntryReport, result: Result) -> list[str]:
    """Return what to know of one side: that it is invalid or doubtful, or simulated."""
    warnings = []
    if report.verdict != "valid":
        statuses = ("fail", "error") if report.verdict != "questioned" else ("fail", "warn")
        rules = [finding.rule for finding in report.findings if finding.status in statuses]
        names = ", ".join(dict.fromkeys(rules)) or "no rule could judge it"
        warnings.append(f"{letter} is {report.verdict.upper()}: {names}")
    if result.entry.simulated:
        warnings.append(f"{letter} is simulated, not a real system")
    return warnings
