"""Ranks of tables as scoring makes them: shared and own meters, scatter of every kind and size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.formats.base import Entry
from harness.ranking.rank_sets import Contender, rank
from harness.scoring.score import score_all
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy
from harness.uncertainty.estimate import Estimate
from tests.scoring.test_run_scatter import paired
from tests.scoring.test_score import entry, lenders

UNUSED = Estimate(None, None, None, "J", 0.95)


def contender(
    name: str, energy_j: float, cv: float, *, runs: int = 5, meter: str = "", gain: float = 0.0
) -> Contender:
    """An entry whose runs scatter by `cv`, so its mean by cv / sqrt(runs)."""
    scatter = BetweenRunScatter(cv * energy_j / math.sqrt(runs), runs - 1, n=runs)
    budget = Budget(name, (MeteredEnergy(meter or name, energy_j, gain),), run_scatter=scatter)
    return Contender(UNUSED, budget)


def sets(contenders: Sequence[Contender]) -> list[tuple[int, int]]:
    return [(found.low, found.high) for found in rank(contenders)]


def scored(*entries: Entry) -> list[Contender]:
    results = score_all(entries)
    budgets = [result.per_unit_budget for result in results]
    return [
        Contender(result.energy_per_unit, budget)
        for result, budget in zip(results, budgets, strict=True)
        if budget is not None
    ]


def test_a_shared_meter_resolves_a_pair_between_entries_that_stay_tied() -> None:
    """A and B share a meter of 1 %, which cancels between them and not against C and D."""
    table = [
        contender("a", 100.0, 0.0005, meter="m", gain=0.01),
        contender("b", 100.3, 0.0005, meter="m", gain=0.01),
        contender("c", 100.1, 0.0005, gain=0.01),
        contender("d", 100.2, 0.0005, gain=0.01),
    ]
    assert sets(table) == [(1, 3), (2, 4), (1, 4), (1, 4)]


def test_quiet_entries_are_told_apart_beside_noisy_ones() -> None:
    """A and B scatter by 0.1 % and differ by 0.5 %; C and D scatter by 3 % around them."""
    table = [
        contender("a", 100.0, 0.001),
        contender("b", 100.5, 0.001),
        contender("c", 100.2, 0.03),
        contender("d", 100.4, 0.03),
    ]
    assert sets(table) == [(1, 3), (2, 4), (1, 4), (1, 4)]


def test_two_of_three_runs_differ_beyond_what_t_with_two_degrees_allows() -> None:
    """Means of three runs that scatter by 1 %, so a difference by 0.82 %.

    3 % are 3.7 times that: beyond the normal law, and within what t of two degrees allows.
    """
    for ratio, expected in ((1.03, [(1, 2), (1, 2)]), (1.07, [(1, 1), (2, 2)])):
        table = [contender("a", 100.0, 0.01, runs=3), contender("b", 100.0 * ratio, 0.01, runs=3)]
        assert sets(table) == expected


def test_five_entries_lend_each_other_degrees_of_freedom() -> None:
    """The same pair of 3 % is resolved where three more results scatter by as much."""
    pair = [contender("a", 100.0, 0.01, runs=3), contender("b", 103.0, 0.01, runs=3)]
    others = [contender(name, 200.0 + 20 * k, 0.01, runs=3) for k, name in enumerate("cde")]
    assert sets(pair) == [(1, 2), (1, 2)]
    assert sets([*pair, *others[:2]])[:2] == [(1, 2), (1, 2)]
    assert sets([*pair, *others])[:2] == [(1, 1), (2, 2)]


def test_no_scatter_is_known_for_an_entry_of_one_run_and_it_adds_none() -> None:
    """Beside five lenders, one without scatter takes its place by its meter alone."""
    single = Contender(UNUSED, Budget("z", (MeteredEnergy("z", 150.0, 0.001),)))
    table = [contender(name, 100.0 + 20 * k, 0.01) for k, name in enumerate("abcde")]
    assert sets([*table, single]) == [(1, 1), (2, 2), (3, 3), (5, 5), (6, 6), (4, 4)]


def test_an_additive_scatter_counts_by_its_share_of_the_energy() -> None:
    """1 J of 10 J is 10 %, of 1000 J it is 0.1 %."""
    small = [contender("a", 10.0, 0.1), contender("b", 10.5, 0.1)]
    large = [contender("a", 1000.0, 0.001), contender("b", 1050.0, 0.001)]
    assert sets(small) == [(1, 2), (1, 2)]
    assert sets(large) == [(1, 1), (2, 2)]


def test_pairs_loans_and_own_runs_stand_in_one_table() -> None:
    """A ranging pair of 0.3 %, a loan of 1 %, and results of five runs, far enough apart."""
    table = scored(
        paired(80.0, 80.2),
        entry("loan", 90.0),
        *lenders(5),
        entry("own", 120.0, 120.5, 119.5, 120.2, 119.8),
    )
    sources = [item.budget.run_scatter.source for item in table if item.budget.run_scatter]
    assert sources == ["ranging pair", "borrowed", *["own runs"] * 6]
    found = sets(table)
    assert found[0] == (1, 1)
    assert found[1] == (2, 2)
    assert found[-1] == (8, 8)
    assert all(low >= 3 and high <= 7 for low, high in found[2:-1])


def test_a_loan_of_one_percent_ties_what_differs_by_one() -> None:
    lone, *rich = scored(entry("a", 99.0), *lenders(5))
    ranks = rank([lone, *rich])
    assert (ranks[0].low, ranks[0].high) == (1, 6)
    assert 0.3 < ranks[0].p_first < 0.95


@pytest.mark.parametrize(("ratio", "tied"), [(1.004, True), (1.3, False)])
def test_two_ranging_pairs_tie_within_what_pairs_scatter_by(ratio: float, tied: bool) -> None:
    """Published pairs differ by 0.46 % in half of all cases, and by 4.2 % in one of twenty."""
    first, second = paired(100.0, 100.2), paired(100.0 * ratio, 100.2 * ratio)
    table = scored(first, _renamed(second, "b"))
    assert sets(table) == ([(1, 2), (1, 2)] if tied else [(1, 1), (2, 2)])


def _renamed(evidence: Entry, name: str) -> Entry:
    return replace(evidence, id=name, system=name)
