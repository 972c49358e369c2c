"""The budget engine against published worked examples and other people's code."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from uncertainties import ufloat

from harness.uncertainty.budget import Budget
from harness.uncertainty.closed_form import combine, coverage_factor
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy, UncertaintyComponent
from harness.uncertainty.estimate import estimate

NOTHING = MeteredEnergy("none", 0.0, 0.0)


def additive(*terms: UncertaintyComponent, value: float = 0.0) -> Budget:
    return Budget("example", (MeteredEnergy("none", value, 0.0),), terms)


# JCGM 100:2008


def test_end_gauge_calibration() -> None:
    """JCGM 100, H.1: u_c = 32 nm, 16 degrees of freedom, U_99 = 93 nm."""
    budget = additive(
        replace(UncertaintyComponent.symmetric("length of the standard", 25.0), dof=18),
        replace(UncertaintyComponent.symmetric("difference of the lengths", 9.7), dof=25.6),
        replace(UncertaintyComponent.symmetric("difference of expansion", 2.9), dof=50),
        replace(UncertaintyComponent.symmetric("difference of temperature", 16.6), dof=2),
    )
    u_c, nu = combine(budget)
    assert round(u_c) == 32
    assert math.floor(nu) == 16
    assert round(coverage_factor(0.99, math.floor(nu)), 2) == 2.92
    assert round(coverage_factor(0.99, math.floor(nu)) * round(u_c)) == 93


def test_welch_satterthwaite_example() -> None:
    """JCGM 100, G.4.1: relative 0.25 %, 0.57 %, 0.82 % with 9, 4, 14 degrees of freedom give
    1.03 % and 19."""
    budget = additive(
        *(
            replace(UncertaintyComponent.symmetric(f"x{i}", u), dof=nu)
            for i, (u, nu) in enumerate([(0.25, 9), (0.57, 4), (0.82, 14)])
        )
    )
    u_c, nu = combine(budget)
    assert round(u_c, 2) == 1.03
    assert round(nu) == 19


# JCGM 101:2008


@pytest.mark.parametrize(
    ("widths", "u", "half"),
    [((1, 1, 1, 1), 2.0, 3.88), ((1, 1, 1, 10), 10.1, 17.0)],
    ids=["9.2.3 four equal rectangles", "9.2.4 one of them wide"],
)
def test_additive_model_of_rectangles(widths: tuple[int, ...], u: float, half: float) -> None:
    """Rectangular quantities of standard deviation 1 (or 10): printed u and 95 % interval."""
    terms = [
        UncertaintyComponent.symmetric(f"x{i}", math.sqrt(3) * w, "uniform")
        for i, w in enumerate(widths)
    ]
    found = estimate(additive(*terms), "1")
    assert found.u_c == pytest.approx(u, abs=0.05)
    assert found.high == pytest.approx(half, abs=0.03 if u < 5 else 0.06)
    assert found.low == pytest.approx(-half, abs=0.03 if u < 5 else 0.06)


def test_additive_model_of_normals() -> None:
    """9.2.2: four standard normal quantities, 95 % interval +-3.92."""
    found = estimate(
        additive(*(UncertaintyComponent.symmetric(f"x{i}", 1.0) for i in range(4))), "1"
    )
    assert (found.low, found.high) == (
        pytest.approx(-3.92, abs=0.03),
        pytest.approx(3.92, abs=0.03),
    )


def test_mass_calibration_to_first_order() -> None:
    """9.3.2: first-order GUM framework, 1.2340 mg, u = 0.0539 mg, interval [1.1285, 1.3395] mg.

    The model's products of air density and density are what first order leaves out; they are no
    part of our budget.
    """
    budget = additive(
        UncertaintyComponent.symmetric("conventional mass", 0.050),
        UncertaintyComponent.symmetric("added mass", 0.020),
        value=1.234,
    )
    u_c, nu = combine(budget)
    half = coverage_factor(0.95, nu) * u_c
    assert round(u_c, 4) == 0.0539
    assert (round(1.234 - half, 4), round(1.234 + half, 4)) == (1.1285, 1.3395)


# Other people's code


def test_linear_budget_agrees_with_the_package_uncertainties() -> None:
    """Two parts of one calibration, one of another, own terms, a shared clock."""
    gain_a, gain_b = (ufloat(0, limit / math.sqrt(3)) for limit in (0.01, 0.02))
    clock = ufloat(0, 1.0)
    model = (
        500 / (1 + gain_a)
        + 300 / (1 + gain_a)
        + 200 / (1 + gain_b)
        + ufloat(0, 3)
        + ufloat(0, 4)
        + 2 * clock
    )
    budget = Budget(
        "b",
        (
            MeteredEnergy("a", 500, 0.01),
            MeteredEnergy("a", 300, 0.01),
            MeteredEnergy("b", 200, 0.02),
        ),
        (
            UncertaintyComponent.symmetric("edge", 3.0),
            UncertaintyComponent.symmetric("gaps", 4.0),
            UncertaintyComponent.symmetric("clock", 1.5, correlation_key="c"),
            UncertaintyComponent.symmetric("clock", 0.5, correlation_key="c"),
        ),
    )
    assert combine(budget)[0] == pytest.approx(model.std_dev, rel=1e-12)


def test_estimated_terms_draw_student() -> None:
    """A normal scale known from four observations only: the interval is Student's."""
    from scipy import stats

    found = estimate(
        additive(replace(UncertaintyComponent.symmetric("from four", 1.0), dof=3)), "1"
    )
    half = stats.t.ppf(0.975, 3)
    assert (found.low, found.high) == (
        pytest.approx(-half, abs=0.05),
        pytest.approx(half, abs=0.05),
    )


def test_run_term_and_estimated_term_are_one_in_the_closed_form() -> None:
    by_run = Budget("r", (NOTHING,), (), BetweenRunScatter(2.0, 4))
    by_term = additive(replace(UncertaintyComponent.symmetric("runs", 2.0), dof=4))
    assert combine(by_run) == pytest.approx(combine(by_term))
