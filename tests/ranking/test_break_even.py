"""Up to which scatter of single runs an order is resolved, by the formula of the method."""

from __future__ import annotations

import math

import pytest

from harness.ranking.break_even import break_even_cv, break_even_cvs
from harness.ranking.rank_sets import Contender
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy
from harness.uncertainty.estimate import Estimate

Z = 1.959964
"""Two-sided 95 % of the normal law."""


def budget(name: str, energy_j: float, runs: int = 1, gain: float = 0.0, meter: str = "") -> Budget:
    scatter = BetweenRunScatter(0.001 * energy_j, runs - 1, n=runs) if runs > 1 else None
    return Budget(name, (MeteredEnergy(meter or name, energy_j, gain),), run_scatter=scatter)


@pytest.mark.parametrize(("runs_a", "runs_b"), [(1, 1), (1, 4), (5, 3)])
def test_break_even_is_the_difference_over_its_factor_and_the_runs(
    runs_a: int, runs_b: int
) -> None:
    """c = ln(1.05) / (1.96 sqrt(1/n_a + 1/n_b)), where the meter adds nothing."""
    found = break_even_cv(budget("a", 100.0, runs_a), budget("b", 105.0, runs_b))
    assert found == pytest.approx(math.log(1.05) / Z / math.sqrt(1 / runs_a + 1 / runs_b), rel=1e-4)


def test_what_the_meters_leave_open_is_taken_off_in_squares() -> None:
    """Two meters of 1 %, uniform: 0.82 % in the difference."""
    found = break_even_cv(budget("a", 100.0, gain=0.01), budget("b", 105.0, gain=0.01))
    left = (math.log(1.05) / Z) ** 2 - 2 * 0.01**2 / 3
    assert found == pytest.approx(math.sqrt(left / 2), rel=0.01)
    shared = break_even_cv(
        budget("a", 100.0, gain=0.01, meter="m"), budget("b", 105.0, gain=0.01, meter="m")
    )
    assert shared == pytest.approx(math.log(1.05) / Z / math.sqrt(2), rel=1e-3)


def test_a_difference_within_the_meters_has_none() -> None:
    assert break_even_cv(budget("a", 100.0, gain=0.1), budget("b", 105.0, gain=0.1)) == 0.0


def test_of_two_neighbours_the_nearer_one_counts() -> None:
    """Energies of 100, 105 and 140 J, given in another order."""
    unused = Estimate(None, None, None, "J", 0.95)
    energies = {"c": 140.0, "a": 100.0, "b": 105.0}
    found = break_even_cvs([Contender(unused, budget(n, e)) for n, e in energies.items()])
    near = math.log(1.05) / Z / math.sqrt(2)
    far = math.log(140 / 105) / Z / math.sqrt(2)
    assert found == [pytest.approx(value, rel=1e-3) for value in (far, near, near)]
    assert break_even_cvs([Contender(unused, budget("a", 1.0))]) == [None]
