"""Overlapping intervals share ranks, whatever the order, the unit and the number of entries."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.ranking.rank_sets import Contender, Rank, rank
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy
from harness.uncertainty.estimate import estimate

DRAWS = 20_000


def contender(
    name: str,
    energy_j: float,
    gain: float = 0.005,
    *,
    meter: str = "",
    cv: float = 0.0,
    **given: float,
) -> Contender:
    """One entry: its energy, the limit of its meter's gain, and the scatter of its five runs."""
    run = BetweenRunScatter(cv * energy_j, 4) if cv else None
    budget = Budget(name, (MeteredEnergy(meter or name, energy_j, gain),), run_scatter=run)
    return Contender(estimate(budget, "J", draws=DRAWS), budget, **given)


def places(contenders: Sequence[Contender]) -> list[tuple[int, int]]:
    return [(found.low, found.high) for found in rank(contenders)]


def test_disjoint_intervals_have_ranks_of_their_own() -> None:
    assert places([contender("a", 100), contender("b", 120), contender("c", 110)]) == [
        (1, 1),
        (3, 3),
        (2, 2),
    ]


def test_overlapping_intervals_share_ranks() -> None:
    assert places([contender("a", 100), contender("b", 100.3), contender("c", 110)]) == [
        (1, 2),
        (1, 2),
        (3, 3),
    ]


def test_a_wide_interval_bridges_two_that_are_apart() -> None:
    assert places([contender("a", 100), contender("b", 106, 0.1), contender("c", 112)]) == [
        (1, 2),
        (1, 3),
        (2, 3),
    ]


def test_ties_name_the_pairs_that_chance_explains() -> None:
    """The outer two share rank 2 with the middle one, and still differ from each other."""
    ranks = rank([contender("a", 100), contender("b", 106, 0.1), contender("c", 112)])
    assert [item.tied_with for item in ranks] == [{"b"}, {"a", "c"}, {"b"}]


def test_better_entries_keep_their_place_before_a_tie() -> None:
    found = places(
        [contender("x", 50), contender("a", 100), contender("b", 100.3), contender("z", 200)]
    )
    assert found == [(1, 1), (2, 3), (2, 3), (4, 4)]


def runs(name: str, energy_j: float, cv: float, n: int) -> Contender:
    """One entry whose own runs show its scatter, with a perfect meter."""
    scatter = BetweenRunScatter(cv * energy_j / math.sqrt(n), n - 1, n=n)
    budget = Budget(name, (MeteredEnergy(name, energy_j, 0.0),), run_scatter=scatter)
    return Contender(estimate(budget, "J", draws=DRAWS), budget)


def test_two_runs_that_disagree_with_their_lenders_keep_their_own_scatter() -> None:
    """Moderated with six quiet entries, 3 % of difference would be told from noise."""
    quiet = [runs(f"quiet {i}", 100.0, 0.007, 5) for i in range(6)]
    two = rank([*quiet, runs("two", 103.0, 0.009, 2)])
    five = rank([*quiet, runs("five", 103.0, 0.009, 5)])
    assert (two[-1].low, two[-1].high) == (1, 7)
    assert (five[-1].low, five[-1].high) == (7, 7)


def test_no_entry_and_one_entry() -> None:
    assert rank([]) == []
    assert rank([contender("a", 100)]) == [Rank(1, 1, 1.0, 1.0)]


def test_two_entries_far_apart_are_certain() -> None:
    first, second = rank([contender("a", 100), contender("b", 150)])
    assert (first.p_first, second.p_first) == (1.0, 0.0)
    assert (first.pareto, second.pareto) == (1.0, 0.0)


def test_identical_entries_halve_the_chance() -> None:
    found = rank([contender("a", 100, cv=0.01), contender("b", 100, cv=0.01)])
    assert [(r.low, r.high) for r in found] == [(1, 2), (1, 2)]
    assert [r.p_first for r in found] == [pytest.approx(0.5, abs=0.02)] * 2


def test_one_entry_twice_halves_the_chance_exactly() -> None:
    """Same id, same draws: each draw is a tie."""
    found = rank([contender("a", 100, cv=0.01)] * 2 + [contender("b", 200)])
    assert [r.p_first for r in found] == [0.5, 0.5, 0.0]
    assert [r.pareto for r in found] == [1.0, 1.0, 0.0]


def test_zero_variance_ranks_by_value_and_ties_only_equals() -> None:
    found = rank(
        [contender("a", 100, 0.0), contender("b", 100, 0.0), contender("c", 100.0000001, 0.0)]
    )
    assert [(r.low, r.high) for r in found] == [(1, 2), (1, 2), (3, 3)]
    assert [r.p_first for r in found] == [0.5, 0.5, 0.0]


def test_a_shared_meter_cancels_in_the_chance_to_be_first() -> None:
    shared = rank([contender("a", 100, meter="m"), contender("b", 100.3, meter="m")])
    apart = rank([contender("a", 100), contender("b", 100.3)])
    assert shared[0].p_first == 1.0
    assert 0.5 < apart[0].p_first < 0.95


def test_energies_of_one_meter_differ_however_little() -> None:
    """Its gain scales all of them alike, so what is left of their order is certain."""
    energies = [100.0, 100 * (1 + 1e-11), 100 * (1 + 1e-10), 100.0000001, 103.0]
    found = places([contender(f"{e!r} J", e, meter="m") for e in energies])
    assert found == [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)]


def table(size: int, seed: int = 3) -> list[Contender]:
    rng = random.Random(seed)
    return [
        contender(
            f"e{k}", rng.uniform(90, 110), rng.uniform(0, 0.03), cv=0.003, performance=rng.random()
        )
        for k in range(size)
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_chances_to_be_first_add_up_to_one(size: int) -> None:
    found = rank(table(size))
    assert sum(r.p_first for r in found) == pytest.approx(1.0, abs=1e-12)
    assert all(
        0 <= r.p_first <= 1 and 0 <= r.pareto <= 1 and 1 <= r.low <= r.high <= size for r in found
    )


def test_the_order_of_entries_changes_nothing() -> None:
    contenders = table(9)
    expected = {c.budget.id: r for c, r in zip(contenders, rank(contenders), strict=True)}
    for seed in range(5):
        random.Random(seed).shuffle(contenders)
        assert {
            c.budget.id: r for c, r in zip(contenders, rank(contenders), strict=True)
        } == expected


@pytest.mark.parametrize("factor", [2.0**-20, 2.0**30])
def test_the_unit_of_energy_changes_nothing(factor: float) -> None:
    contenders = table(6)
    scaled = [
        replace(
            c,
            budget=c.budget.scaled(factor, replace(run, scale=run.scale * factor)),
            estimate=replace(
                c.estimate, low=(c.estimate.low or 0) * factor, high=(c.estimate.high or 0) * factor
            ),
        )
        for c in contenders
        for run in [c.budget.run_scatter or BetweenRunScatter(0, 1)]
    ]
    assert rank(scaled) == rank(contenders)


def test_the_same_seed_gives_the_same_chances() -> None:
    assert rank(table(4), seed=1) == rank(table(4), seed=1)
    assert rank(table(4), seed=1) != rank(table(4), seed=2)


def test_worse_in_energy_and_better_in_performance_is_on_the_front() -> None:
    slow, fast = rank(
        [contender("slow", 100, performance=1.0), contender("fast", 200, performance=2.0)]
    )
    assert (slow.pareto, fast.pareto) == (1.0, 1.0)


def test_quality_keeps_an_entry_on_the_front() -> None:
    found = rank(
        [
            contender("a", 100, performance=1.0, quality=70.0),
            contender("b", 200, performance=1.0, quality=71.0),
            contender("c", 300, performance=1.0, quality=71.0),
        ]
    )
    assert [r.pareto for r in found] == [1.0, 1.0, 0.0]


def test_share_of_the_front_is_the_share_of_draws_that_nobody_beats() -> None:
    close = rank([contender("a", 100, performance=1.0), contender("b", 100.2, performance=1.0)])
    assert close[0].pareto == pytest.approx(close[0].p_first)
    assert close[1].pareto == pytest.approx(close[1].p_first)
    assert 0.1 < close[1].pareto < 0.5


def test_unknown_performance_never_dominates() -> None:
    known, unknown = rank([contender("known", 200, performance=1.0), contender("unknown", 100)])
    assert known.pareto == 1.0
    assert unknown.pareto == 1.0
