"""The short form of the coverage laboratory, with bounds that the first method failed.

`python -m benchmarks.laboratory` is the long form; docs/explanation/coverage.md holds its
tables. By default each cell plays a few sessions, which a method that is plainly wrong does not
pass; `make long` plays more of them. The number beside a cell is what the first method showed
there: it dropped errors that repeat in every run, took meters of one model for independent, and
gave single runs no scatter at all.
"""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from benchmarks.laboratory import endpoints
from benchmarks.laboratory.__main__ import WITHIN_ERROR
from benchmarks.laboratory.cells import Cell, cells
from benchmarks.laboratory.command_line import compare_pairs, pairs_of_cells
from benchmarks.laboratory.limits import LIMITS, Limit, limit_of
from benchmarks.laboratory.sessions import outcome, sessions
from benchmarks.laboratory.tables import TableCell, table_cells, tables

DOCS = Path(__file__).parents[2] / "docs" / "explanation"
COVERAGE_PAGE, LIMITS_PAGE = DOCS / "coverage.md", DOCS / "limits.md"
FEW, MANY = 30, 100
"""Sessions of a cell by default, and of `make long`."""
TABLES, PAIRS = 15, 10
ENDPOINT_CELLS = (endpoints.CELLS[3], endpoints.CELLS[5])
CELLS = {cell.name: cell for cell in cells()}
KINDS = {kind.name: kind for kind in table_cells()}


def few_or_many(few: int, many: int) -> pytest.MarkDecorator:
    """Run a test with few sessions by default, and with many in `make long`."""
    return pytest.mark.parametrize(
        "count", [few, pytest.param(many, marks=pytest.mark.long)], ids=["few", "many"]
    )


def min_coverage(count: int) -> float:
    """95 % less three standard errors of so many sessions."""
    return 0.95 - 3 * math.sqrt(0.95 * 0.05 / count)


def max_false(count: int) -> float:
    """5 % of so many, and three standard errors."""
    return count * (1 - min_coverage(count))


@pytest.mark.parametrize(
    "name",
    [
        "noisy 2 %; mean",
        "capped 0.1 %, idle sd 3 W; mean",
        "noisy 2 %, runs scatter by 0.7 %; n = 3",
        "noisy 2 %, runs scatter by 0.7 %; n = 5",
        "rounding to 10 W, the same in every run; n = 5",  # the first method: 50 %
        "8 nodes, gain 1 %, shared",
        "8 nodes, gain 1 %, common mode",  # the first method: 46 %
    ],
)
@few_or_many(FEW, MANY)
def test_intervals_hold_the_truth(name: str, count: int) -> None:
    assert outcome(CELLS[name], count).coverage >= min_coverage(count)


@pytest.mark.parametrize(
    "name",
    [
        "capped, ramp up 0.5 s; mean",  # the first method: 2.5 to 60 %
        "capped, both ramps 0.5 s; mean",
        "warm-up that dips; mean",  # the first method: 48 to 70 %
        "kernels 3 Hz; mean",
        "noisy 2 %; mean, clock sd 0.5 s",  # the first method: 85 %
        "capped; counter, update 0.1 s; window 10 s",  # the first method: 15 %
        "steady; mean, step 10 W",  # the first method: 50 to 79 %
        "noisy 2 %; mean, three readings missing over the start",  # the first method: 72 %
        "capped, ramp up 0.5 s; instant",  # the first method: 46 to 82 %
        "readings locked to the load; instant, kernels 0.3 Hz; n = 3",  # the first method: 0 %
        # the first method: 0 %
        "read at the wall, best efficiency of the supplies stated; n = 1",
    ],
)
@few_or_many(FEW, MANY)
def test_hard_cells_hold_the_truth(name: str, count: int) -> None:
    assert outcome(CELLS[name], count).coverage >= min_coverage(count)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.name)
def test_known_limits_print_what_their_page_says(limit: Limit) -> None:
    cell = CELLS[limit.example]
    assert limit_of(cell, limit.direction) is limit
    played = list(sessions(cell, 10))
    printing = [any(limit.prints in words for words in session.words) for session in played]
    assert sum(printing) > len(played) / 2
    page = LIMITS_PAGE.read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| **{limit.name}**"))
    assert limit.prints in row.replace("*", "")


def test_every_cell_of_the_tables_meets_its_bars_or_is_a_known_limit() -> None:
    rows = [
        line.strip("| \n").split(" | ")
        for line in COVERAGE_PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and line.count(" | ") == 5
    ]
    bars = {row[0]: row[-1] for row in rows}
    accepted = {"met", WITHIN_ERROR, *(limit.name for limit in LIMITS)}
    assert bars.keys() >= CELLS.keys()
    assert {name: bars[name] for name in CELLS if bars[name] not in accepted} == {}


def test_ordinary_intervals_are_no_wider_than_they_must_be() -> None:
    cell: Cell = CELLS["capped 0.1 %, idle sd 3 W; mean"]
    assert outcome(cell, FEW).width <= 1.3


@pytest.mark.parametrize(
    "name",
    [
        "ties, n = 3",
        "ties, one noisy entry (3 times), n = 3",  # the first method: 14 %
        "single runs with pairs, ties, CV 1 %",  # the first method: 100 %, of single runs
        "borrowed scatter, two runs of a borrower five times as noisy",  # the first method: 80 %
    ],
)
@few_or_many(TABLES, 40)
def test_tables_hold_few_false_orders(name: str, count: int) -> None:
    kind: TableCell = KINDS[name]
    assert tables(kind, count).false_orders * count <= max_false(count)


def test_single_runs_of_unknown_scatter_are_not_ranked() -> None:
    kind = KINDS["single runs, ties, CV 1 %, nothing shows scatter"]
    assert tables(kind, 3).ranked == 0


def test_clear_differences_of_paired_runs_are_found() -> None:
    assert tables(KINDS["single runs with pairs, steps of 10 %"], 10).found > 0.5


@pytest.mark.parametrize("kind", pairs_of_cells(), ids=lambda kind: kind.name)
@few_or_many(PAIRS, 20)
def test_identical_systems_are_not_told_apart_by_the_command(kind: TableCell, count: int) -> None:
    """The first method told 86 % of identical pairs of single runs apart."""
    verdicts = compare_pairs(kind, count)
    assert verdicts.told_apart <= 0.2
    if kind.n == (1, 1) and not kind.pairs:
        assert verdicts.counts["not resolved"] == count


@pytest.mark.parametrize("cell", ENDPOINT_CELLS, ids=lambda cell: cell.name)
@few_or_many(12, 25)
def test_joules_per_token_hold_the_truth(cell: endpoints.Cell, count: int) -> None:
    coverage, half_width = endpoints.coverage_per_token(cell, count)
    assert coverage >= min_coverage(count)
    assert half_width < 0.025, "a meter of 1 %, and five runs that scatter by 1 %"


@pytest.mark.parametrize(("accuracy", "questions"), [(0.05, 50), (0.5, 100), (0.95, 50)])
@few_or_many(FEW, MANY)
def test_joules_per_correct_answer_hold_the_truth(
    accuracy: float, questions: int, count: int
) -> None:
    coverage, _ = endpoints.coverage_per_correct(accuracy, questions, count)
    assert coverage >= min_coverage(count)


@few_or_many(FEW, 60)
def test_equal_servers_are_rarely_told_apart_per_correct_answer(count: int) -> None:
    _, told_apart = endpoints.told_apart(0.5, 40, count)
    assert told_apart * count <= max_false(count)
