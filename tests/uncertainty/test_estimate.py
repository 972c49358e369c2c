"""The budget engine against closed forms, scipy, and the laws it must keep."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from harness.uncertainty.budget import Budget
from harness.uncertainty.closed_form import (
    budget_rows,
    combine,
    coverage_factor,
    numerical_tolerance,
)
from harness.uncertainty.components import (
    BetweenRunScatter,
    MeteredEnergy,
    MultiplicativeComponent,
    UncertaintyComponent,
)
from harness.uncertainty.coverage_interval import interval
from harness.uncertainty.estimate import estimate
from harness.uncertainty.monte_carlo import draw

PLAIN = Budget("plain", (MeteredEnergy("meter", 1000.0, 0.0),))


def with_terms(
    *terms: UncertaintyComponent,
    gain: float = 0.0,
    offset: float = 0.0,
    run: BetweenRunScatter | None = None,
) -> Budget:
    return Budget("b", (MeteredEnergy("meter", 1000.0, gain, offset),), terms, run)


def test_no_term_gives_the_value_itself() -> None:
    found = estimate(PLAIN, "J")
    assert (found.value, found.low, found.high, found.u_c) == (1000.0, 1000.0, 1000.0, 0.0)


def test_normal_term_gives_196_standard_deviations() -> None:
    found = estimate(with_terms(UncertaintyComponent.symmetric("edge", 10.0)), "J")
    assert found.low == pytest.approx(1000 - 19.6, abs=0.2)
    assert found.high == pytest.approx(1000 + 19.6, abs=0.2)
    assert found.u_c == pytest.approx(10.0)


def test_offset_alone_gives_95_percent_of_its_limit() -> None:
    found = estimate(with_terms(offset=10.0), "J")
    assert (found.low, found.high) == (
        pytest.approx(990.5, abs=0.05),
        pytest.approx(1009.5, abs=0.05),
    )
    assert found.u_c == pytest.approx(10 / math.sqrt(3))


def test_gain_divides_and_so_is_not_symmetric() -> None:
    """The reading stays the expectation: 1/(1 + g) is divided by its mean atanh(0.05)/0.05."""
    found = estimate(with_terms(gain=0.05), "J")
    mean = math.atanh(0.05) / 0.05
    assert found.value == 1000.0
    assert found.low == pytest.approx(1000 / (1 + 0.95 * 0.05) / mean, rel=1e-4)
    assert found.high == pytest.approx(1000 / (1 - 0.95 * 0.05) / mean, rel=1e-4)


def test_folded_term_moves_the_value_by_its_mean() -> None:
    """A clock error swaps load for idle whichever sign it has: |d| has mean sqrt(2/pi)
    (half-normal)."""
    found = estimate(with_terms(UncertaintyComponent("clock", 10.0, 10.0)), "J")
    assert found.value == pytest.approx(1000 + 10 * math.sqrt(2 / math.pi))
    half_normal = stats.halfnorm(loc=1000, scale=10)
    assert found.low == pytest.approx(half_normal.ppf(0.025), abs=0.05)
    assert found.high == pytest.approx(half_normal.ppf(0.975), abs=0.3)


def test_a_part_declared_at_its_most_counts_with_its_mean() -> None:
    rated = UncertaintyComponent("rated parts", -400.0, -400.0, "uniform", "rated")
    found = estimate(with_terms(rated), "J")
    assert found.value == pytest.approx(800.0)
    assert found.high == pytest.approx(1000.0 - 0.025 * 400, abs=0.5)
    assert found.low == pytest.approx(1000 - 0.975 * 400, abs=3)


def test_a_tabulated_component_is_drawn_from_its_profile() -> None:
    """X^2 of a standard normal X is chi-square with one degree of freedom."""
    x = np.linspace(-4, 4, 65)
    found = estimate(with_terms(UncertaintyComponent.tabulated("clock", x**2)), "J")
    chi_square = stats.chi2(1, loc=1000)
    assert found.value == pytest.approx(chi_square.mean(), abs=0.02)
    assert found.u_c == pytest.approx(chi_square.std(), rel=0.02)
    assert found.high == pytest.approx(chi_square.ppf(0.975), abs=0.1)
    assert found.low == pytest.approx(chi_square.ppf(0.025), abs=0.01)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_run_term_is_student_t(n: int) -> None:
    found = estimate(with_terms(run=BetweenRunScatter(10.0, n - 1)), "J")
    half = 10.0 * stats.t.ppf(0.975, n - 1)
    assert found.high == pytest.approx(1000 + half, rel=0.02)
    assert found.nu_eff == pytest.approx(n - 1)
    assert found.k == pytest.approx(stats.t.ppf(0.975, n - 1))


def test_log_run_term_multiplies() -> None:
    found = estimate(with_terms(run=BetweenRunScatter(0.01, 9, log=True)), "J/query")
    half = 0.01 * stats.t.ppf(0.975, 9)
    assert found.high == pytest.approx(1000 * math.exp(half), rel=1e-3)
    assert found.low == pytest.approx(1000 * math.exp(-half), rel=1e-3)


def test_monte_carlo_agrees_with_scipy_convolution_of_uniform_and_normal() -> None:
    budget = with_terms(UncertaintyComponent.symmetric("edge", 3.0), offset=10.0)
    grid = np.linspace(-25, 25, 5001)
    density = np.convolve(stats.uniform(-10, 20).pdf(grid), stats.norm(0, 3).pdf(grid), "same")
    cumulative = np.cumsum(density) / density.sum()
    low, high = (float(grid[np.searchsorted(cumulative, p)]) for p in (0.025, 0.975))
    found = estimate(budget, "J")
    assert (found.low, found.high) == (
        pytest.approx(1000 + low, abs=0.1),
        pytest.approx(1000 + high, abs=0.1),
    )


def test_shared_key_cancels_and_own_terms_do_not() -> None:
    one = Budget("one", (MeteredEnergy("meter", 1000.0, 0.05),))
    other = Budget("other", (MeteredEnergy("meter", 2000.0, 0.05),))
    assert np.std(np.log(draw(one)) - np.log(draw(other))) < 1e-12
    apart = replace(other, metered=(MeteredEnergy("another meter", 2000.0, 0.05),))
    assert np.std(np.log(draw(one)) - np.log(draw(apart))) > 0.03
    edge = UncertaintyComponent.symmetric("edge", 10.0)
    assert (
        abs(np.corrcoef(draw(with_terms(edge)), draw(replace(with_terms(edge), id="c")))[0, 1])
        < 0.01
    )


@pytest.mark.parametrize("dof", [1.0, 3.0, 9.0, math.inf])
def test_draws_have_their_distribution_and_do_not_depend_on_each_other(dof: float) -> None:
    term = UncertaintyComponent.symmetric("edge", 1.0) if math.isinf(dof) else None
    budget = Budget(
        "b",
        (MeteredEnergy("meter", 1.0, 0.0),),
        (term,) if term else (),
        None if term else BetweenRunScatter(1.0, dof),
    )
    x = draw(budget) - 1
    assert stats.kstest(x, stats.norm.cdf if term else stats.t(dof).cdf).pvalue > 0.01
    ranks = stats.rankdata(x).reshape(-1, 2, 5000)  # halves of a block: normal draws come in pairs
    for first, second in (
        (ranks[:, 0], ranks[:, 1]),
        (ranks[:-1], ranks[1:]),
        (ranks[..., 1:], ranks[..., :-1]),
    ):
        for shape in (lambda r: r, lambda r: abs(r - len(x) / 2)):  # also in size
            assert abs(np.corrcoef(shape(first).ravel(), shape(second).ravel())[0, 1]) < 0.011


@pytest.mark.parametrize("scale", [1e-40, 1e-9, 1.0, 1e40])
@pytest.mark.parametrize("relative", [1e-12, 1e-7, 1e-3])
def test_small_uncertainties_of_any_number_keep_their_digits(scale: float, relative: float) -> None:
    part = MeteredEnergy("meter", 1000 * scale, relative)
    budget = Budget(
        "b",
        (part,),
        (UncertaintyComponent.symmetric("edge", 400 * scale * relative),),
        BetweenRunScatter(scale * relative * 300, 9),
    )
    for run in (budget.run_scatter, BetweenRunScatter(relative * 0.3, 9, log=True), None):
        found = estimate(replace(budget, run_scatter=run), "J")
        assert found.value is not None
        assert found.low is not None
        assert found.high is not None
        usual = estimate(
            Budget(
                "b",
                (MeteredEnergy("meter", 1000.0, 0.001),),
                (UncertaintyComponent.symmetric("edge", 0.4),),
                None
                if run is None
                else BetweenRunScatter(3e-4, 9, log=True)
                if run.log
                else BetweenRunScatter(0.3, 9),
            ),
            "J",
        )
        for end, as_usual in ((found.low, usual.low), (found.high, usual.high)):
            assert as_usual is not None
            width = (end - found.value) / found.value / relative
            assert width == pytest.approx((as_usual - 1000.0) / 1000 / 1e-3, rel=2e-3)


def test_an_interval_is_that_of_the_draws() -> None:
    budget = with_terms(
        UncertaintyComponent.symmetric("edge", 3.0),
        UncertaintyComponent("clock", 4.0, 2.0, correlation_key="c"),
        gain=0.01,
        offset=5.0,
    )
    for run in (None, BetweenRunScatter(5.0, 4), BetweenRunScatter(0.01, 4, log=True)):
        whole = replace(budget, run_scatter=run, factors=(MultiplicativeComponent("PUE", 0.02),))
        found = estimate(whole, "J")
        assert (found.low, found.high) == pytest.approx(
            interval(draw(whole.standalone())), rel=1e-7
        )


def test_an_interval_depends_on_no_name_and_no_order_but_on_what_is_shared() -> None:
    def of(a: str, b: str, c: str, *, turned: bool = False) -> Budget:
        terms = (
            UncertaintyComponent("rated", -20.0, -20.0, "uniform", c),
            UncertaintyComponent.symmetric("x", 9.0, correlation_key=a),
        )
        parts = MeteredEnergy(a, 700.0, 0.01, 3.0), MeteredEnergy(b, 300.0, 0.05)
        return Budget(
            a,
            parts[::-1] if turned else parts,
            terms[::-1] if turned else terms,
            BetweenRunScatter(5.0, 4),
        )

    found = estimate(of("a", "b", "c"), "J")
    assert estimate(of("z", "q", "a"), "J") == found
    turned = estimate(of("c", "b", "a", turned=True), "J")
    assert (turned.low, turned.high) == pytest.approx((found.low, found.high), rel=1e-8)
    assert estimate(of("a", "a", "c"), "J").u_c > found.u_c  # type: ignore[operator]


def test_same_seed_same_numbers_another_seed_within_tolerance() -> None:
    budget = with_terms(
        UncertaintyComponent.symmetric("edge", 10.0), gain=0.01, run=BetweenRunScatter(5.0, 4)
    )
    first, again, other = (estimate(budget, "J", seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert other.low is not None
    assert other.low != first.low
    assert other.low == pytest.approx(first.low, abs=1.0)


def test_order_of_terms_does_not_matter() -> None:
    terms = (
        UncertaintyComponent.symmetric("edge", 10.0),
        UncertaintyComponent("clock", 4.0, 2.0, correlation_key="c"),
        UncertaintyComponent.symmetric("gaps", 5.0),
    )
    assert estimate(with_terms(*terms), "J").low == pytest.approx(
        estimate(with_terms(*reversed(terms)), "J").low, abs=1e-9
    )


def test_shares_add_to_one_and_name_the_largest_first() -> None:
    rows = budget_rows(
        with_terms(
            UncertaintyComponent.symmetric("edge", 10.0),
            gain=0.05,
            offset=1.0,
            run=BetweenRunScatter(20.0, 4),
        )
    )
    assert sum(row.share for row in rows) == pytest.approx(1.0)
    assert [row.term for row in rows] == ["meter gain", "run to run", "edge", "meter offset"]
    assert rows[1].dof == 4


def test_parts_of_one_calibration_add_linearly_of_two_in_squares() -> None:
    together = Budget("t", (MeteredEnergy("a", 500.0, 0.01), MeteredEnergy("a", 500.0, 0.01)))
    apart = Budget("t", (MeteredEnergy("a", 500.0, 0.01), MeteredEnergy("b", 500.0, 0.01)))
    assert combine(together)[0] == pytest.approx(combine(apart)[0] * math.sqrt(2))
    wide, narrow = estimate(together, "J"), estimate(apart, "J")
    assert wide.high is not None
    assert narrow.high is not None
    assert wide.high - 1000 == pytest.approx(9.5, abs=0.3)
    assert narrow.high - 1000 < 8.5


def test_interval_never_narrower_than_the_meter_term_however_many_runs() -> None:
    many = estimate(with_terms(gain=0.01, run=BetweenRunScatter(1e-9, 999)), "J")
    assert many.high is not None
    assert many.low is not None
    assert many.high - many.low >= 2 * 0.94 * 10


def test_welch_satterthwaite_of_two_terms() -> None:
    """Two equal terms, one of 4 and one of infinite degrees of freedom: nu = (2u^2)^2 / (u^4/4)
    = 16."""
    _, nu = combine(
        with_terms(UncertaintyComponent.symmetric("edge", 10.0), run=BetweenRunScatter(10.0, 4))
    )
    assert nu == pytest.approx(16.0)


@pytest.mark.parametrize(("nu", "k"), [(math.inf, 1.96), (16, 2.12), (4, 2.78)])
def test_coverage_factor_matches_the_table_of_jcgm_100(nu: float, k: float) -> None:
    assert coverage_factor(0.95, nu) == pytest.approx(k, abs=0.005)


@pytest.mark.parametrize(
    ("u", "delta"), [(0.0354, 0.0005), (35.4, 0.5), (1.0, 0.05), (99.0, 0.5), (0.0, 0.0)]
)
def test_numerical_tolerance_is_half_a_unit_of_the_second_digit(u: float, delta: float) -> None:
    assert numerical_tolerance(u) == pytest.approx(delta)


def test_tolerance_is_reported_as_not_met_with_few_draws() -> None:
    budget = with_terms(UncertaintyComponent.symmetric("edge", 90.0))
    assert estimate(budget, "J", draws=20_000).tolerance_met is False
    assert (
        estimate(with_terms(UncertaintyComponent.symmetric("edge", 11.0)), "J").tolerance_met
        is True
    )


def test_coverage_of_n_runs_reaches_95_percent_where_t_without_the_meter_does_not() -> None:
    """Method, section 4: run CV 0.7 %, meter +-0.5 %, n = 5."""
    rng = np.random.default_rng(7)
    n, hits, hits_t = 5, 0, 0
    for case in range(400):
        truth = 1000.0 * (1 + rng.uniform(-0.005, 0.005))
        runs = truth * (1 + 0.007 * rng.standard_normal(n))
        scale = float(runs.std(ddof=1)) / math.sqrt(n)
        budget = Budget(
            f"case {case}",
            (MeteredEnergy(f"meter {case}", float(runs.mean()), 0.005),),
            (),
            BetweenRunScatter(scale, n - 1),
        )
        found = estimate(budget, "J", draws=10_000, seed=case)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 1000.0 <= found.high
        half = scale * stats.t.ppf(0.975, n - 1)
        hits_t += abs(runs.mean() - 1000.0) <= half
    assert 0.93 <= hits / 400 <= 0.99
    assert hits_t / 400 < 0.93
