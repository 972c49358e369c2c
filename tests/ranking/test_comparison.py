"""Comparison and parts of ranking: shared errors cancel, ties stay ties, one error rate a table."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.core.errors import UsageError
from harness.formats.base import Quality
from harness.ranking.comparison import Comparison, compare, compare_at_equal_quality
from harness.ranking.rank_sets import Contender, rank
from harness.ranking.shared_meters import with_own_ids
from harness.scoring.result import Result
from harness.scoring.score import score
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy, UncertaintyComponent
from harness.uncertainty.estimate import Estimate, estimate
from harness.uncertainty.moderated_variance import Prior, fit_prior, moderate
from harness.uncertainty.multiple_comparisons import rank_sets, significant_differences
from tests.auditing.rules import builders as b


def result(
    name: str,
    energy_j: float,
    *,
    meter: str = "",
    gain: float = 0.005,
    cv: float = 0.0,
    n: int = 5,
    hour: int | None = None,
    **given: Any,
) -> Result:
    """A result with an energy per query, the limit of its meter's gain and the scatter of its runs.

    Each is measured in an hour of its own, by an analyzer of the lab.
    """
    scatter = BetweenRunScatter(cv / math.sqrt(n), n - 1, log=True) if cv and n > 1 else None
    key = meter or f"meter of {name}"
    budget = Budget(name, (MeteredEnergy(key, energy_j, gain),), (), scatter)
    start_s = 3600 * (sum(map(ord, name)) if hour is None else hour)
    readings = b.trace(
        range(start_s, start_s + 60), 100.0, meter="yokogawa-wt310e", calibration_id=key
    )
    run = b.run(readings, window=b.window(start_s, start_s + 59))
    entry = b.entry(run, **({"id": name, "system": name} | given))
    scored = score(entry, draws=10_000)
    per_unit = estimate(budget, "J/query", draws=10_000)
    return replace(scored, energy_per_unit=per_unit, per_unit_budget=budget)


def against(a: Result, b: Result) -> Comparison:
    return compare(a, b, draws=50_000)


def test_a_shared_meter_cancels_and_is_named() -> None:
    one, other = result("a", 100.0, meter="m", cv=0.001), result("b", 100.4, meter="m", cv=0.001)
    comparison = against(one, other)
    assert comparison.verdict == "better"
    assert comparison.cancelled == ("m",)
    apart = against(one, result("b", 100.4, cv=0.001))
    assert apart.verdict == "tied"
    assert apart.cancelled == ()


@pytest.mark.parametrize(
    "given", [{"submitter": "Other"}, {"hour": 97}], ids=["two submitters", "the same hour"]
)
def test_a_meter_that_cannot_be_one_instrument_does_not_cancel(given: dict[str, Any]) -> None:
    """One side's word is no evidence: another submitter, or another machine at the same time."""
    one = result("a", 100.0, meter="m", cv=0.001)
    comparison = against(one, result("b", 100.4, meter="m", cv=0.001, **given))
    assert (comparison.verdict, comparison.cancelled) == ("tied", ())


def reached(item: Result, value: float, target: float | None = 2.0) -> Result:
    """The result of a training that reached a code length; less is better."""
    quality = Quality("bits_per_byte", value, target, better="lower")
    return replace(item, quality=quality)


def test_workloads_that_reach_one_target_are_compared_though_their_names_differ() -> None:
    one = reached(result("a", 100.0, meter="m", cv=0.001, benchmark="dense"), 1.9)
    other = reached(result("b", 20.0, meter="m", cv=0.001, benchmark="sparse"), 2.0)
    assert against(one, other).verdict == "not comparable"
    comparison = compare_at_equal_quality(one, other, draws=50_000)
    assert (comparison.verdict, comparison.cancelled) == ("worse", ("m",))
    assert comparison.ratio.value == pytest.approx(5.0, rel=0.01)


def test_one_meter_cancels_where_the_caller_recorded_both_at_once() -> None:
    """Runs in alternation: by their evidence alone the meter could be two of one model."""
    one = reached(result("a", 100.0, meter="m", gain=0.3, cv=0.01), 1.9)
    other = result("b", 20.0, meter="m", gain=0.3, cv=0.01, submitter="Another")
    other = reached(other, 2.0)
    apart, together = (
        compare_at_equal_quality(one, other, one_meter=one_meter, draws=50_000)
        for one_meter in (False, True)
    )
    assert (apart.cancelled, together.cancelled) == ((), ("m",))
    # two standard errors of 0.01/sqrt(5) with 4 degrees of freedom each
    assert together.ratio.high / together.ratio.low < 1.05 < apart.ratio.high / apart.ratio.low
    assert together.ratio.high / together.ratio.low > 1.02


def pair_of_ids(first: str, second: str) -> tuple[Result, Result]:
    """Two results of other runs, in folders that were read separately."""
    one = reached(result(first, 100.0, meter="m", cv=0.05, hour=1), 1.9)
    return one, reached(result(second, 20.0, meter="n", cv=0.05, hour=2), 2.0)


def budgets_of(*results: Result) -> list[Budget]:
    """Budgets per unit of work of results that have ids of their own."""
    return [item.per_unit_budget for item in with_own_ids(results) if item.per_unit_budget]


@pytest.mark.parametrize("one_meter", [None, False, True])
def test_the_scatter_of_two_results_of_one_id_does_not_cancel(one_meter: bool | None) -> None:
    def log_ends(first: str, second: str) -> tuple[float, float]:
        one, other = pair_of_ids(first, second)
        if one_meter is None:
            found = compare(one, other, draws=50_000)
        else:
            found = compare_at_equal_quality(one, other, one_meter=one_meter, draws=50_000)
        assert found.log_ratio.low is not None
        assert found.log_ratio.high is not None
        return found.log_ratio.low, found.log_ratio.high

    same, renamed = log_ends("time-to-train", "time-to-train"), log_ends("a", "b")
    assert same == pytest.approx(renamed, abs=0.02 * (renamed[1] - renamed[0]))


def test_the_ids_of_draws_do_not_depend_on_the_order_of_the_results() -> None:
    one, other = pair_of_ids("time-to-train", "time-to-train")
    forwards, backwards = budgets_of(one, other), budgets_of(other, one)
    assert {item.id for item in forwards} == {"time-to-train", "time-to-train (2)"}
    assert forwards == backwards[::-1]


def test_a_result_without_readings_is_told_from_another_by_its_folder() -> None:
    one, other = (
        replace(item, runs=(), entry=replace(item.entry, directory=Path(folder)))
        for item, folder in zip(pair_of_ids("a", "a"), ("first", "second"), strict=True)
    )
    ids = [item.id for item in budgets_of(one, other, one)]
    assert ids == ["a", "a (2)", "a"]


def test_results_of_the_same_runs_keep_one_id_and_are_tied() -> None:
    one, _ = pair_of_ids("a", "a")
    copy = replace(one, entry=replace(one.entry, directory=Path("copy")))
    assert with_own_ids([one, copy]) == [one, copy]
    assert compare_at_equal_quality(one, copy).verdict == "tied"


@pytest.mark.parametrize(
    ("value", "target", "reason"),
    [
        (1.9, 2.1, "different targets: bits_per_byte 2 and bits_per_byte 2.1"),
        (2.01, 2.0, "B misses its target"),
        (1.9, None, "there is no target that both have reached"),
    ],
)
def test_without_equal_quality_there_is_no_ratio(
    value: float, target: float | None, reason: str
) -> None:
    one = reached(result("a", 100.0, meter="m", cv=0.001), 1.9)
    other = reached(result("b", 20.0, meter="m", cv=0.001, benchmark="sparse"), value, target)
    comparison = compare_at_equal_quality(one, other, draws=50_000)
    assert (comparison.verdict, comparison.reasons) == ("not comparable", (reason,))
    assert comparison.ratio.value is None


def test_runs_that_missed_the_target_are_not_left_out_of_a_ratio() -> None:
    """The quality that an entry states may be that of the runs that were finished."""
    one = reached(result("a", 100.0, meter="m", cv=0.001), 1.9)
    other = reached(result("b", 20.0, meter="m", cv=0.001, benchmark="sparse"), 1.9)
    *finished, last = other.entry.runs
    entry = replace(other.entry, runs=[*finished, replace(last, success=False)])
    comparison = compare_at_equal_quality(one, replace(other, entry=entry), draws=50_000)
    assert (comparison.verdict, comparison.reasons) == ("not comparable", ("B misses its target",))


def test_other_differences_still_count_at_equal_quality() -> None:
    one = reached(result("a", 100.0, cv=0.001), 1.9)
    other = reached(result("b", 20.0, cv=0.001, scenario="Server"), 1.9)
    (reason,) = compare_at_equal_quality(one, other, draws=50_000).reasons
    assert reason.startswith("different scenarios")


def test_comparison_is_antisymmetric() -> None:
    one, other = result("a", 100.0, cv=0.01), result("b", 101.0, cv=0.02, n=3)
    there, back = against(one, other), against(other, one)
    assert there.log_ratio.value == -back.log_ratio.value  # type: ignore[operator]
    assert there.log_ratio.low == pytest.approx(-back.log_ratio.high)  # type: ignore[operator]
    assert there.p_a_better == pytest.approx(1 - back.p_a_better)
    assert {there.verdict, back.verdict} in ({"tied"}, {"better", "worse"})


def test_a_result_against_itself_is_a_tie_without_an_interval() -> None:
    for cv in (0.0, 0.01):
        one = result("a", 100.0, cv=cv)
        comparison = against(one, one)
        assert comparison.verdict == "tied"
        assert (comparison.log_ratio.low, comparison.log_ratio.value) == (None, 0.0)
        assert comparison.p_a_better == 0.5
        assert "same recorded runs" in comparison.resolving


def test_single_runs_are_not_resolved_and_never_get_an_interval_of_no_width() -> None:
    comparison = against(result("a", 100.0), result("b", 110.0))
    assert comparison.verdict == "not resolved"
    assert (comparison.log_ratio.low, comparison.log_ratio.high) == (None, None)
    assert comparison.p_a_better is None
    assert comparison.more_runs == 4
    assert comparison.break_even_cv == pytest.approx(0.034, abs=0.001)
    assert "3.4" in comparison.resolving
    # five runs of each: sqrt(5) less scatter of the mean, and t of 8 degrees of freedom for 1.96
    several, single = (
        float(text) for text in re.findall(r"less than ([\d.]+)%", comparison.resolving)
    )
    assert several / single == pytest.approx(5**0.5 * 1.95996 / 2.30600, rel=0.005)
    within_meters = against(result("a", 100.0, gain=0.05), result("b", 101.0, gain=0.05))
    assert (within_meters.verdict, within_meters.more_runs) == ("not resolved", None)
    assert "meter" in within_meters.resolving


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"scenario": "Server"}, "scenarios"),
        ({"benchmark": "another"}, "benchmarks"),
        ({"simulated": True}, "simulated"),
    ],
)
def test_what_differs_in_kind_is_not_comparable(given: dict[str, Any], reason: str) -> None:
    comparison = against(result("a", 100.0, cv=0.01), result("b", 100.0, cv=0.01, **given))
    assert comparison.verdict == "not comparable"
    assert comparison.ratio.value is None
    assert comparison.difference.value is None
    assert any(reason in text for text in comparison.reasons)


def test_interval_of_the_difference_is_that_of_scipy_for_two_normal_means() -> None:
    one = replace(
        result("a", 100.0, gain=0.0),
        per_unit_budget=Budget(
            "a",
            (MeteredEnergy("m", 100.0, 0.0),),
            (UncertaintyComponent.symmetric("e", 1.0),),
            BetweenRunScatter(0.0, 4),
        ),
    )
    other = replace(
        result("b", 90.0, gain=0.0),
        per_unit_budget=Budget(
            "b",
            (MeteredEnergy("m", 90.0, 0.0),),
            (UncertaintyComponent.symmetric("e", 2.0),),
            BetweenRunScatter(0.0, 4),
        ),
    )
    found = compare(one, other).difference
    half = stats.norm.ppf(0.975) * math.hypot(1, 2)
    assert (found.value, found.low, found.high) == (
        10.0,
        pytest.approx(10 - half, abs=0.05),
        pytest.approx(10 + half, abs=0.05),
    )


def test_more_runs_resolve_scatter_and_never_the_meters() -> None:
    noisy = against(result("a", 100.0, meter="m", cv=0.02), result("b", 101.0, meter="m", cv=0.02))
    assert noisy.verdict == "tied"
    assert noisy.more_runs is not None
    enough = round(
        1.1 * (5 + noisy.more_runs)
    )  # the estimate is rounded up to whole runs of normal scatter
    settled = against(
        result("a", 100.0, meter="m", cv=0.02, n=enough),
        result("b", 101.0, meter="m", cv=0.02, n=enough),
    )
    assert settled.verdict == "better"
    meters = against(
        result("a", 100.0, gain=0.05, cv=0.001), result("b", 101.0, gain=0.05, cv=0.001)
    )
    assert meters.more_runs is None
    assert "meter" in meters.resolving


def test_what_cannot_be_compared_is_said() -> None:
    one = result("a", 100.0)
    tokens = replace(one, energy_per_unit=replace(one.energy_per_unit, unit="J/token"))
    assert compare(one, tokens).verdict == "not comparable"
    nothing = replace(
        one,
        per_unit_budget=None,
        energy_per_unit=Estimate(None, None, None, "J/query", note="no energy"),
    )
    with pytest.raises(UsageError, match="no energy"):
        compare(nothing, one)


@pytest.mark.filterwarnings("error")
def test_two_runs_that_differ_without_measure_cannot_be_compared() -> None:
    endless = result(
        "a", 100.0, cv=10.0, n=2
    )  # t with one degree of freedom: some factors are beyond 1e308
    for other in (result("c", 90.0, cv=10.0, n=2), result("b", 100.0, cv=0.01)):
        with pytest.raises(UsageError, match="not positive and finite"):
            compare(endless, other)


# Moderated variance


def test_prior_finds_the_spread_of_simulated_variances() -> None:
    """Smyth 2004: variances scaled inverse chi-square with d0 = 6 around s0^2 = 4."""
    rng = np.random.default_rng(3)
    true = 6 * 4.0 / rng.chisquare(6, 4000)
    found = fit_prior(list(true * rng.chisquare(4, 4000) / 4), [4] * 4000)
    assert found.dof == pytest.approx(6, rel=0.15)
    assert found.variance == pytest.approx(4, rel=0.05)


def test_equal_variances_are_pooled_and_know_no_more_than_all_together() -> None:
    rng = np.random.default_rng(4)
    found = fit_prior(list(rng.chisquare(2, 12) / 2), [2] * 12)
    variance, dof = moderate(5.0, 2, found)
    assert dof <= 24
    assert variance < 5.0


@pytest.mark.parametrize(
    ("variances", "dofs"), [([], []), ([1.0], [2]), ([0.0, 0.0], [2, 2]), ([math.nan, 1.0], [2, 2])]
)
def test_a_table_that_says_nothing_moderates_nothing(
    variances: list[float], dofs: list[int]
) -> None:
    common = fit_prior(variances, dofs)
    assert common.dof == 0
    assert moderate(3.0, 4, common) == (3.0, 4)


def test_a_single_run_takes_the_scatter_of_the_others_or_none() -> None:
    common = Prior(0.5, 8.0, 20.0)
    assert moderate(0.0, 0, common) == (0.5, 8.0)
    assert moderate(0.0, 0, Prior(0.0, 0.0, 0.0)) == (0.0, math.inf)


# All pairs


def table(values: list[float], sd: float, seed: int = 1) -> np.ndarray:
    error = np.random.default_rng(seed).normal(0, sd, (len(values), 4000))
    return significant_differences(
        np.array(values), error, np.full((len(values),) * 2, sd * math.sqrt(2)), 0.95
    )


def test_clear_differences_are_found_and_ties_are_not() -> None:
    found = table([0.0, 0.001, 1.0], 0.01)
    assert found.tolist() == [[False, False, True], [False, False, True], [True, True, False]]


def test_limit_of_a_table_is_that_of_the_studentized_range() -> None:
    """With equal independent errors the largest |T| over all pairs is the studentized range over
    sqrt(2) (Tukey)."""
    k, sd = 6, 0.01
    limit = stats.studentized_range.ppf(0.95, k, np.inf) * sd
    assert not table([0.0, 0.93 * limit, *[0.4 * limit] * (k - 2)], sd).any()
    assert table([0.0, 1.07 * limit, *[0.5 * limit] * (k - 2)], sd)[0, 1]


def test_step_down_finds_what_one_step_would_not() -> None:
    """Once the far entries are told apart, the last pair is judged as a pair."""
    k, sd = 6, 0.01
    pair, all_pairs = (stats.studentized_range.ppf(0.95, n, np.inf) * sd for n in (2, k))
    between = 0.5 * (pair + all_pairs)
    found = table([0.0, between, 10.0, 20.0, 30.0, 40.0], sd)
    assert found[0, 1]


def test_rank_sets_count_the_better_and_the_worse() -> None:
    values = np.array([3.0, 1.0, 1.1, 9.0])
    different = np.array([[0, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 0]], bool)
    low, high = rank_sets(values, different)
    assert (low.tolist(), high.tolist()) == ([3, 1, 1, 4], [3, 2, 2, 4])


def test_no_scale_ties_equals_only() -> None:
    found = significant_differences(
        np.array([1.0, 1.0, 2.0]), np.zeros((3, 100)), np.zeros((3, 3)), 0.95
    )
    assert found.tolist() == [[False, False, True], [False, False, True], [True, True, False]]


@pytest.mark.parametrize("tables", [40, pytest.param(120, marks=pytest.mark.long)])
@pytest.mark.parametrize("n", [3, 5])
def test_false_orders_of_a_table_of_ties_stay_rare(n: int, tables: int) -> None:
    """Ten entries in five exact ties, run CV 0.7 %, own meters of 0.5 %: at most 5 % of tables
    hold a false order."""
    rng = np.random.default_rng(n)
    wrong = found = 0
    for number in range(tables):
        truth = np.repeat(np.arange(5) * 0.016, 2)
        runs = (
            truth[:, None]
            + rng.uniform(-0.005, 0.005, (10, 1))
            + 0.007 * rng.standard_normal((10, n))
        )
        entries = [
            contender(f"{number}.{i}", float(np.exp(y.mean())), float(y.std(ddof=1)), n)
            for i, y in enumerate(runs)
        ]
        ranks = rank(entries)
        wrong += any(
            ranks[2 * i].high < ranks[2 * i + 1].low or ranks[2 * i + 1].high < ranks[2 * i].low
            for i in range(5)
        )
        found += ranks[0].high < ranks[-1].low
    # 5 %, plus 2.5 standard errors; pairwise t gives 20 % and more
    assert wrong <= 0.05 * tables + 2.5 * (0.05 * 0.95 * tables) ** 0.5
    # three runs show little of their scatter
    assert found >= (0.3 if n == 3 else 0.9) * tables


def contender(name: str, value: float, sd: float, n: int) -> Contender:
    budget = Budget(
        name,
        (MeteredEnergy(name, value, 0.005),),
        (),
        BetweenRunScatter(sd / math.sqrt(n), n - 1, log=True),
    )
    return Contender(Estimate(value, value, value, "J"), budget)


def test_ranks_of_one_and_two_entries_are_exact() -> None:
    assert [(r.low, r.high) for r in rank([contender("a", 1.0, 0.01, 5)])] == [(1, 1)]
    near = rank([contender("a", 1.0, 0.01, 5), contender("b", 1.001, 0.01, 5)])
    far = rank([contender("a", 1.0, 0.01, 5), contender("b", 1.1, 0.01, 5)])
    assert [(r.low, r.high) for r in near] == [(1, 2), (1, 2)]
    assert [(r.low, r.high) for r in far] == [(1, 1), (2, 2)]


def test_command_compares_two_folders() -> None:
    from click.testing import CliRunner

    from harness.cli import cli

    examples = Path(__file__).resolve().parents[2] / "submissions" / "lab-2026" / "training"
    done = CliRunner().invoke(
        cli, ["compare", str(examples / "SimulatedAlder"), str(examples / "SimulatedBirch")]
    )
    assert "A needs less energy than B" in done.output
    many = CliRunner().invoke(cli, ["compare", str(examples), str(examples / "SimulatedBirch")])
    assert isinstance(many.exception, UsageError)
    assert "Name the folder of one result" in str(many.exception)


@pytest.mark.parametrize(("modelled", "name"), [(0, "A"), (1, "B")])
def test_the_side_that_is_modelled_is_named(modelled: int, name: str) -> None:
    sides = [result("a", 100.0, cv=0.01), result("b", 100.0, cv=0.01)]
    sides[modelled] = replace(sides[modelled], measurement_class="modelled")
    comparison = against(*sides)
    assert comparison.reasons == (f"{name} is modelled, the other is measured",)
