"""Means and variances of components, against their closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.uncertainty.components import PROFILE_LIMIT, Base, UncertaintyComponent

MEAN_ABSOLUTE: dict[Base, float] = {"normal": math.sqrt(2 / math.pi), "uniform": 1 / 2}
VARIANCE: dict[Base, float] = {"normal": 1.0, "uniform": 1 / 3}


@pytest.mark.parametrize("base", ["normal", "uniform"])
def test_a_symmetric_component_has_no_bias(base: Base) -> None:
    component = UncertaintyComponent.symmetric("a", 6.0, base)
    assert component.mean == 0
    assert component.variance == pytest.approx(36 * VARIANCE[base])


@pytest.mark.parametrize("base", ["normal", "uniform"])
def test_a_folded_component_takes_its_mean_off_its_mean_square(base: Base) -> None:
    """|X| is 0.798 in the mean for a normal X, and 1/2 for one that is uniform on (-1, 1)."""
    component = UncertaintyComponent("a", 3.0, 3.0, base)
    assert component.mean == pytest.approx(3 * MEAN_ABSOLUTE[base])
    expected = 9 * (VARIANCE[base] - MEAN_ABSOLUTE[base] ** 2)
    assert component.variance == pytest.approx(expected)


@pytest.mark.parametrize("base", ["normal", "uniform"])
def test_one_sided_component(base: Base) -> None:
    component = UncertaintyComponent("a", 2.0, 0.0, base)
    assert component.mean == pytest.approx(MEAN_ABSOLUTE[base])
    assert component.variance == pytest.approx(4 * VARIANCE[base] / 2 - MEAN_ABSOLUTE[base] ** 2)


@pytest.mark.parametrize("base", ["normal", "uniform"])
def test_a_profile_has_the_moments_of_the_slopes_that_it_tabulates(base: Base) -> None:
    limit = PROFILE_LIMIT if base == "normal" else 1.0
    x = np.linspace(-limit, limit, 65)
    profile = np.where(x > 0, 5 * x, -2 * x)
    slopes = UncertaintyComponent("a", 5.0, 2.0, base)
    tabulated = UncertaintyComponent.tabulated("a", profile.tolist(), base)
    assert (tabulated.up, tabulated.down) == (5 * limit, 2 * limit)
    assert tabulated.mean == pytest.approx(slopes.mean, rel=2e-3)
    assert tabulated.variance == pytest.approx(slopes.variance, rel=5e-3)


@pytest.mark.parametrize(
    ("profile", "mean", "variance"),
    [
        pytest.param([-6.0, 0.0, 6.0], 0.0, 12.0, id="line: 6^2 / 3"),
        pytest.param([0.0, 0.0, 6.0], 1.5, 3.75, id="half a line: 6^2 / 6 - 1.5^2"),
        pytest.param([6.0, 0.0, 0.0], 1.5, 3.75, id="the other half"),
    ],
)
def test_a_uniform_profile_of_lines_has_their_moments_exactly(
    profile: list[float], mean: float, variance: float
) -> None:
    """Simpson's rule is exact for polynomials up to the third degree."""
    component = UncertaintyComponent.tabulated("a", profile, "uniform")
    assert component.mean == pytest.approx(mean, abs=1e-12)
    assert component.variance == pytest.approx(variance, rel=1e-12)


def test_another_unit_scales_moments_and_size_alike() -> None:
    for component in (
        UncertaintyComponent("a", 3.0, -1.0, "uniform", "key", "meter", 4.0),
        UncertaintyComponent.tabulated("a", [1.0, -2.0, 4.0], "uniform"),
    ):
        scaled = component.scaled(10.0)
        assert scaled.mean == pytest.approx(10 * component.mean)
        assert scaled.variance == pytest.approx(100 * component.variance)
        assert scaled.magnitude == pytest.approx(10 * component.magnitude)
        kept = (scaled.correlation_key, scaled.source, scaled.dof)
        assert kept == (component.correlation_key, component.source, component.dof)
