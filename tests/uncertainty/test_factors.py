"""Factors with a floor: their draws have mean 1, and none is below what is certain."""

from __future__ import annotations

import numpy as np
import pytest

from harness.uncertainty.budget import Budget
from harness.uncertainty.components import MeteredEnergy, MultiplicativeComponent
from harness.uncertainty.monte_carlo import draw


@pytest.mark.parametrize("scale", [0.2, 0.6, 1.0])
def test_a_factor_with_a_floor_has_mean_1_and_its_stated_uncertainty(scale: float) -> None:
    """A PUE of 1.25: 80 % of the energy is certain, the building's fifth is not."""
    factor = MultiplicativeComponent("PUE", scale, None, "test", floor=0.8)
    budget = Budget("a", (MeteredEnergy("m", 100.0, 0.0),), factors=(factor,))
    draws = draw(budget, draws=400_000) / 100.0
    assert draws.mean() == pytest.approx(1.0, abs=2e-3)
    assert draws.min() > 0.8
    assert draws.std() == pytest.approx(0.2 * np.sqrt(np.expm1(scale**2)), rel=0.03)
    assert factor.relative_uncertainty == pytest.approx(0.2 * np.sqrt(np.expm1(scale**2)))


def test_a_factor_without_a_floor_has_median_1() -> None:
    factor = MultiplicativeComponent("grid intensity", 0.3, None, "test")
    budget = Budget("a", (MeteredEnergy("m", 100.0, 0.0),), factors=(factor,))
    logs = np.log(draw(budget, draws=400_000) / 100.0)
    assert np.median(logs) == pytest.approx(0.0, abs=3e-3)
    assert logs.std() == pytest.approx(0.3, rel=0.01)
