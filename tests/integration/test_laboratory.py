"""The short form of the coverage laboratory: bounds that a broken method fails.

`benchmarks.sessions` and `benchmarks.coverage` are the long form; docs/explanation/coverage.md
holds their tables.
"""

from __future__ import annotations

import pytest

from benchmarks.coverage import Cell, Windows, cover, order, play, ratios
from benchmarks.sessions import sessions

COUNT = 400
LOW, HIGH = 0.92, 0.985
"""0.95 less, and 0.97 plus, about three standard errors of 400 experiments."""


@pytest.fixture(scope="module")
def windows() -> dict[str, Windows]:
    return {kind: play(kind, 60, 300) for kind in ("mean", "instant")}  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["mean", "instant", "counter", "estimate"])
def test_the_interval_of_one_session_holds_what_was_drawn_in_it(kind: str) -> None:
    found = sessions(kind, 300)  # type: ignore[arg-type]
    assert 0.90 <= found.coverage <= HIGH
    assert abs(found.bias) < 5e-4


@pytest.mark.parametrize("kind", ["mean", "instant"])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_intervals_hold_the_truth_as_often_as_they_say(
    windows: dict[str, Windows], kind: str, n: int
) -> None:
    cell = Cell(kind, 60, n, 0.007)  # type: ignore[arg-type]
    ours, closed = cover(cell, windows[kind], COUNT, methods=("joulemark", "GUM W-S"))
    assert LOW <= ours.coverage <= HIGH
    assert n == 3 or ours.width <= 1.1 * closed.width


def test_student_without_the_meter_and_bca_fail_the_same_bounds(
    windows: dict[str, Windows],
) -> None:
    """The bounds are worth something: what others use does not pass them."""
    found = cover(Cell("mean", 60, 10, 0.007), windows["mean"], COUNT, methods=("t", "BCa"))
    assert [score.method for score in found if score.coverage >= LOW] == []
    (bca,) = cover(Cell("mean", 60, 3, 0.02), windows["mean"], COUNT, methods=("BCa",))
    assert bca.coverage < LOW


def test_large_scatter_is_covered_too(windows: dict[str, Windows]) -> None:
    (ours,) = cover(Cell("mean", 60, 5, 0.05), windows["mean"], COUNT, methods=("joulemark",))
    assert LOW <= ours.coverage <= HIGH


def test_energy_per_unit_is_covered_where_energy_follows_the_work() -> None:
    found = ratios(5, COUNT)
    assert LOW <= found["joulemark"] <= HIGH
    assert (
        found["quotient of means"] > HIGH
    )  # ignoring the covariance gives intervals several times too wide


def test_ranking_invents_few_orders_and_finds_most() -> None:
    ours = order(5, shared=False, count=100, method="joulemark")
    pairwise = order(5, shared=False, count=100, method="pairwise t")
    assert ours.false <= 0.11  # 5 %, and three standard errors of 100 tables
    assert ours.found >= 0.68
    assert pairwise.false > 0.2
