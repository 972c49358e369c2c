"""Print the tables of the laboratory, as docs/explanation/coverage.md has them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator, Sequence
from multiprocessing import Pool

from benchmarks.laboratory.cells import Cell, cells, misdeclared
from benchmarks.laboratory.command_line import compare_pairs, pairs_of_cells
from benchmarks.laboratory.limits import limit_of
from benchmarks.laboratory.sessions import SEED, Outcome, outcome
from benchmarks.laboratory.tables import table_cells, tables, thousand

WITHIN_ERROR = "met, within its error"
"""A coverage that misses a bar by less than the standard error of so many sessions."""
LOW, HIGH, MAX_WIDTH = 0.94, 0.98, 1.3
"""Bars of a cell: coverage from 94 to 98 %, and at most 1.3 times the width of the oracle."""


def main() -> None:
    """Run the cells that are asked for and print their tables."""
    parser = argparse.ArgumentParser(description="Coverage laboratory")
    parser.add_argument("--sessions", type=int, default=400, help="sessions of a cell")
    parser.add_argument("--tables", type=int, default=200, help="tables of a kind")
    parser.add_argument("--pairs", type=int, default=100, help="pairs through the command line")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--only", help="one group: loads, intervals, ..., tables, compare")
    options = parser.parse_args()
    print(f"Seed {options.seed}, {options.sessions} sessions a cell.\n")
    wanted = [cell for cell in cells() if options.only in (None, cell.group)]
    if wanted:
        print_sessions("Coverage", wanted, options)
    if options.only in (None, "misdeclared"):
        print_sessions("Sensitivity to misdeclaration", misdeclared(), options)
    if options.only in (None, "tables"):
        for text in table_lines(options.tables, options.seed):
            print(text, flush=True)
        print()
    if options.only in (None, "compare"):
        for text in pair_lines(options.pairs, options.seed):
            print(text, flush=True)
        print()


def print_sessions(title: str, chosen: Sequence[Cell], options: argparse.Namespace) -> None:
    """Print the outcomes of cells, each as soon as it is there."""
    print(f"### {title}\n")
    last = "bars" if title == "Coverage" else "note"
    print(f"| cell | coverage | width / oracle | half-width | bias | {last} |")
    print("|---|---|---|---|---|---|")
    work = [(cell, options.sessions, options.seed) for cell in chosen]
    if options.jobs > 1:
        with Pool(options.jobs) as pool:
            numbers = [(i, options.sessions, options.seed, title) for i in range(len(chosen))]
            for cell, result in zip(chosen, pool.imap(_outcome_of, numbers), strict=True):
                print(line(cell, result, options.sessions), flush=True)
    else:
        for cell, count, seed in work:
            print(line(cell, outcome(cell, count, seed), count), flush=True)
    print()


def _outcome_of(job: tuple[int, int, int, str]) -> Outcome:
    """Play a cell by its number: cells hold functions, which do not travel between processes."""
    number, count, seed, title = job
    chosen = misdeclared() if title != "Coverage" else cells()
    return outcome(chosen[number], count, seed)


def line(cell: Cell, result: Outcome, count: int) -> str:
    """Return the row of a cell.

    Args:
        cell: The cell.
        result: What it showed.
        count: Sessions that were played.
    """
    return (
        f"| {cell.name} | {result.coverage:.1%} | {result.width:.2f} | {result.half_width:.2%} "
        f"| {result.bias:+.2%} | {_bars(cell, result, count)} |"
    )


def _bars(cell: Cell, result: Outcome, count: int) -> str:
    """Return whether a cell meets the bars, or its known limit; its notes if it is misdeclared."""
    if cell.group == "misdeclared":
        return f"{result.noted:.0%}"  # what is declared wrongly has no bars
    if met(result):
        return "met"
    if met(result, math.sqrt(0.05 * 0.95 / count)):
        return WITHIN_ERROR
    limit = limit_of(cell, "narrow" if result.coverage < LOW else "wide")
    return "**missed**" if limit is None else limit.name


def met(result: Outcome, error: float = 0.0) -> bool:
    """Return whether a cell meets the bars, its coverage within an error."""
    is_covered = LOW - error <= result.coverage <= HIGH + error
    return is_covered and result.width <= MAX_WIDTH


def table_lines(count: int, seed: int) -> Iterator[str]:
    """Yield the table of false orders."""
    yield f"### Orders of tables, {count} tables a row\n"
    yield "| table | false orders | true orders found | entries ranked |"
    yield "|---|---|---|---|"
    for kind in table_cells():
        result = tables(kind, count, seed)
        found = "-" if result.found != result.found else f"{result.found:.0%}"
        yield f"| {kind.name} | {result.false_orders:.1%} | {found} | {result.ranked:.0%} |"
    result = tables(thousand(), 3, seed)
    yield (
        f"| {thousand().name} (3 tables) | {result.false_orders:.0%} | {result.found:.0%} "
        f"| {result.ranked:.0%} |"
    )


def pair_lines(count: int, seed: int) -> Iterator[str]:
    """Yield the table of identical systems through `joulemark compare`."""
    yield f"### Identical systems through `joulemark compare`, {count} pairs a row\n"
    yield "| pairs | different | tied | not resolved |"
    yield "|---|---|---|---|"
    for kind in pairs_of_cells():
        verdicts = compare_pairs(kind, count, seed)
        tied, open_ = (verdicts.counts[name] / count for name in ("tied", "not resolved"))
        yield f"| {kind.name} | {verdicts.told_apart:.1%} | {tied:.0%} | {open_:.0%} |"


if __name__ == "__main__":
    main()
