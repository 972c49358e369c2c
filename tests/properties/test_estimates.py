"""Laws of estimates over random budgets."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.uncertainty.budget import Budget
from harness.uncertainty.components import (
    BetweenRunScatter,
    MeteredEnergy,
    MultiplicativeComponent,
    UncertaintyComponent,
)
from harness.uncertainty.estimate import estimate
from harness.uncertainty.monte_carlo import draw

DRAWS = 20_000
SHARES = st.floats(0.0, 0.3)
SIGNED_SHARES = st.floats(-0.3, 0.3)


@st.composite
def components(draw_value: st.DrawFn) -> UncertaintyComponent:
    """Return a symmetric, one-sided, folded or tabulated error of up to 300 J."""
    base = draw_value(st.sampled_from(["normal", "uniform"]))
    up, down = (1000 * draw_value(SIGNED_SHARES) for _ in range(2))
    key = draw_value(st.sampled_from([None, "a", "b"]))
    if draw_value(st.booleans()):
        return UncertaintyComponent("error", up, down, base, key)
    points = draw_value(st.lists(SIGNED_SHARES, min_size=3, max_size=9))
    return UncertaintyComponent.tabulated("error", [1000 * p for p in points], base, key)


@st.composite
def budgets(draw_value: st.DrawFn) -> Budget:
    """Return a budget of about 1 kJ with meters, errors and factors of any kind."""
    metered = tuple(
        MeteredEnergy(f"m{i}", 1000.0, draw_value(SHARES), 300 * draw_value(SHARES))
        for i in range(draw_value(st.integers(1, 2)))
    )
    errors = tuple(draw_value(st.lists(components(), max_size=3)))
    scatter = None
    if draw_value(st.booleans()):
        scale, dof = draw_value(st.floats(1e-4, 0.2)), draw_value(st.integers(1, 30))
        scatter = BetweenRunScatter(scale, dof, log=True)
    factors = ()
    if draw_value(st.booleans()):
        factors = (MultiplicativeComponent("PUE", draw_value(st.floats(0, 0.2))),)
    return Budget("b", metered, errors, scatter, factors)


@settings(max_examples=60, deadline=None)
@given(budgets())
def test_the_value_lies_inside_its_interval(budget: Budget) -> None:
    printed = estimate(budget, "J", draws=DRAWS)
    assert printed.low <= printed.value <= printed.high  # type: ignore[operator]


@settings(max_examples=60, deadline=None)
@given(budgets())
def test_the_value_is_the_expectation_of_the_draws(budget: Budget) -> None:
    """Factors and scatter between runs have median 1, which is what counts for a factor."""
    plain = Budget(budget.id, budget.metered, budget.components)
    values = draw(plain, draws=DRAWS)
    tolerance = 5 * float(values.std()) / math.sqrt(DRAWS) + 1e-6 * budget.value
    assert abs(float(values.mean()) - budget.value) < tolerance


@settings(max_examples=60, deadline=None)
@given(budgets(), st.floats(1e-6, 1e6))
def test_the_unit_changes_nothing(budget: Budget, factor: float) -> None:
    scatter = budget.run_scatter
    scaled = budget.scaled(factor, scatter)
    first, second = (estimate(item, "J", draws=DRAWS) for item in (budget, scaled))
    assert np.allclose(
        [first.low * factor, first.high * factor],  # type: ignore[operator]
        [second.low, second.high],  # type: ignore[list-item]
        rtol=1e-3,
    )
