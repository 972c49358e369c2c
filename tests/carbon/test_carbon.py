"""Carbon: formulas by hand, refused units, the join by time, and emissions of results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from scipy import stats

from harness.carbon import formulas
from harness.carbon.assumed import WITHIN_YEAR_U_LN
from harness.carbon.co2e import Inputs, details, document
from harness.carbon.factor import Factor, checked_pue, g_per_kwh, same_dataset
from harness.carbon.series import HOUR_NS, Series
from harness.carbon.time_weighting import common_cuts, step_cuts, weigh
from harness.core.errors import UsageError
from harness.emissions.result_emissions import as_reference, common_reference, with_co2e
from harness.emissions.run_emissions import trace_emissions_g
from harness.energy.cumulative import energy_between
from harness.energy.integrate import energy
from harness.formats.base import Rated, Run, Work
from harness.scoring.result import Result
from harness.scoring.score import score
from harness.traces.clean import build_trace
from harness.traces.trace import Trace, Window
from harness.uncertainty.monte_carlo import draw

NS = 1_000_000_000


def at(text: str) -> int:
    """An instant in UTC [ns]."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * NS


def factor(value: float = 400.0, **given: Any) -> Factor:
    fixed = {
        "name": "location_intensity",
        "unit": "g/kWh",
        "u_ln": 0.1,
        "source": "test",
        "date": "2022",
        "licence": "none",
        "zone": "Z",
        "dataset": "test",
        "key": "intensity|test|Z",
    }
    return Factor(value=value, **(fixed | given))


def series(
    value: Any, start: str = "2022-01-01T00:00:00", step_ns: int = HOUR_NS, **given: Any
) -> Series:
    value = np.asarray(value, np.float64)
    return Series(at(start), step_ns, value, factor(float(np.nanmean(value)), **given))


@pytest.fixture
def steady(channel: Callable[..., Any]) -> Callable[..., Trace]:
    """A trace of 1 kW, a reading a minute, from one time to another."""

    def make(
        start: str, stop: str, kind: str = "mean", step_s: int = 60, watts: float = 1000.0
    ) -> Trace:
        t_ns = np.arange(at(start), at(stop) + 1, step_s * NS, dtype=np.int64)
        value = np.full(len(t_ns), watts)
        if kind == "counter":
            value = np.arange(len(t_ns)) * watts * step_s
        return build_trace(channel(kind, nominal_interval_s=float(step_s)), t_ns, value)

    return make


# Formulas


def test_energy_and_emissions_by_hand() -> None:
    assert formulas.it_energy_kwh(hours=10, processors=4, average_w=250) == pytest.approx(10.0)
    assert formulas.facility_energy_kwh(10.0, pue=1.2) == pytest.approx(12.0)
    assert formulas.emissions_kg(12.0, 0.4) == pytest.approx(4.8)
    assert formulas.lifetime_energy_kwh(100.0, 1e6, 2e-4) == pytest.approx(300.0)
    assert formulas.total_flops(hours=1, processors=2, tflops=10) == pytest.approx(7.2e16)


def test_serving_outweighs_training_as_the_paper_computes() -> None:
    """Training 10 %, serving 90 %: twice the training and 20 % less serving is 92 % of the
    whole."""
    before = formulas.lifetime_energy_kwh(10, 90, 1.0)
    after = formulas.lifetime_energy_kwh(2 * 10, 90, 0.8)
    assert after / before == pytest.approx(0.92)


def test_clean_energy_of_another_hour_earns_nothing() -> None:
    found = formulas.clean_match([10, 10, 10], [4, 20, 10], [400, 300, 200])
    assert found.gross_g == 10 * 400 + 10 * 300 + 10 * 200
    assert found.hourly_g == 6 * 400
    assert found.annual_g == 0.0
    assert found.cfe_share == pytest.approx(24 / 30)


def test_annual_matching_charges_what_is_left_at_the_mean_intensity() -> None:
    found = formulas.clean_match([10, 10], [0, 12], [500, 100])
    assert found.hourly_g == 10 * 500
    assert found.annual_g == pytest.approx(8 * 300)


def test_hours_that_do_not_match_are_refused() -> None:
    with pytest.raises(UsageError, match=r"same hours; got 2, 1 and 2 hours"):
        formulas.clean_match([1, 2], [1], [1, 2])


def test_embodied_share_of_the_specification_example() -> None:
    assert 1000 * formulas.embodied_share_kg(1000, 1, 4 * 8760) == pytest.approx(28.54, abs=0.005)
    assert formulas.embodied_share_kg(1000, 1, 10, reserved=2, resources=8) == pytest.approx(25.0)


def test_carbon_intensity_of_software_counts_energy_and_hardware() -> None:
    assert formulas.sci_g(energy_kwh=2, g_per_kwh=300, embodied_g=400, units=10) == pytest.approx(
        100.0
    )


def test_idle_share_and_reuse_are_shares_of_all_energy() -> None:
    assert formulas.idle_share(1, 4) == 0.25
    assert formulas.energy_reuse_factor(3, 12) == 0.25


# Factors


@pytest.mark.parametrize(
    ("value", "unit", "meant"),
    [
        (0.429, "g/kWh", "0.429 kg/kWh (= 429 g/kWh)"),
        (429, "kg/kWh", "429 g/kWh (= 429 g/kWh)"),
        (1833.3, "g/kWh", "1833.3 lb/MWh (= 831.6 g/kWh)"),
        (0.954, "g/kWh", "0.954 lb/kWh (= 432.7 g/kWh)"),
    ],
)
def test_mixed_up_unit_is_refused_with_what_was_meant(value: float, unit: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        g_per_kwh(value, unit)
    assert meant in caught.value.fix


@pytest.mark.parametrize("value", [-5.0, 0.0, 1e6, float("nan"), float("inf")])
def test_absurd_intensity_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="expected 3 to 1500 g/kWh"):
        g_per_kwh(value, "g/kWh")


def test_bought_clean_may_be_nothing_but_a_grid_never_is() -> None:
    assert g_per_kwh(0, "g/kWh", market=True) == 0.0
    with pytest.raises(UsageError):
        g_per_kwh(-1, "g/kWh", market=True)


def test_unknown_unit_lists_those_there_are() -> None:
    with pytest.raises(UsageError, match=r"'tonnes', expected one of g/kWh"):
        g_per_kwh(1, "tonnes")


@pytest.mark.parametrize(
    ("value", "unit"), [(430, "kg/MWh"), (0.43, "t/MWh"), (948.0, "lb/MWh"), (0.948, "lb/kWh")]
)
def test_every_unit_comes_to_the_same(value: float, unit: str) -> None:
    assert g_per_kwh(value, unit) == pytest.approx(430, rel=1e-3)


@pytest.mark.parametrize("value", [0.9, 0.1, 110, -1])
def test_pue_below_one_or_in_percent_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match=r"PUE is out of range.*Give the ratio, like 1\.10"):
        checked_pue(value)


@pytest.mark.parametrize("value", [5, 12])
def test_pue_that_no_building_has_needs_a_look_at_its_source(value: float) -> None:
    with pytest.raises(UsageError, match=r"PUE is out of range.*Check the source\."):
        checked_pue(value)


def test_factor_without_source_is_refused() -> None:
    with pytest.raises(UsageError, match="has no source"):
        factor(source=" ")


def test_two_data_sets_are_never_in_one_comparison() -> None:
    same_dataset([factor(), factor(zone="Y")])
    with pytest.raises(UsageError, match="two sources"):
        same_dataset([factor(), factor(dataset="other")])


# Join by time


@pytest.mark.parametrize("kind", ["mean", "instant", "counter", "estimate"])
@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("2022-03-01T22:30:00", "2022-03-02T01:15:00"),  # midnight
        ("2022-12-31T22:30:00", "2023-01-01T01:15:00"),  # end of the year
        ("2024-02-28T22:30:00", "2024-02-29T01:15:00"),  # leap day
        ("2024-02-29T22:30:00", "2024-03-01T01:15:00"),
    ],
)
def test_hours_join_across_edges_of_the_calendar(
    steady: Callable[..., Trace], kind: str, start: str, stop: str
) -> None:
    """2.75 h of 1 kW: half an hour, an hour, an hour, a quarter, at 100, 200, 300, 400 g/kWh."""
    first = datetime.fromisoformat(start).replace(minute=0).isoformat()
    grid = series([100, 200, 300, 400], first)
    found = trace_emissions_g(steady(start, stop, kind), Window(at(start), at(stop)), grid)
    assert found == pytest.approx(0.5 * 100 + 200 + 300 + 0.25 * 400)


def test_profile_sums_to_the_energy_of_the_window(steady: Callable[..., Trace]) -> None:
    trace = steady("2022-01-01T00:00:00", "2022-01-01T06:00:00")
    window = Window(at("2022-01-01T00:10:30"), at("2022-01-01T05:49:30"))
    found = energy_between(trace, step_cuts(series(np.ones(6) * 9), window))
    assert found == pytest.approx([1000 * 49.5 * 60, *[3.6e6] * 4, 1000 * 49.5 * 60])
    plain = energy(trace, window)
    assert plain is not None
    assert found.sum() == pytest.approx(plain.energy_j)


def test_gap_holds_the_mean_of_its_neighbours_in_the_join_too(channel: Callable[..., Any]) -> None:
    t_ns = at("2022-01-01T00:00:00") + np.array([0, 60, 120, 720, 780, 840], np.int64) * NS
    trace = build_trace(
        channel("mean", nominal_interval_s=60.0), t_ns, np.array([100, 100, 100, 500, 500, 500.0])
    )
    window = Window(int(t_ns[0]), int(t_ns[-1]))
    plain = energy(trace, window)
    assert plain is not None
    assert energy_between(
        trace, np.array([window.start_ns, window.stop_ns])
    ).sum() == pytest.approx(plain.energy_j)
    assert plain.energy_j == pytest.approx(120 * 100 + 540 * 300 + 60 * 500 + 120 * 500)


def test_counter_that_wraps_goes_on_counting(channel: Callable[..., Any]) -> None:
    t_ns = at("2022-01-01T00:00:00") + np.arange(5, dtype=np.int64) * 60 * NS
    trace = build_trace(
        channel("counter", counter_modulus_j=1000.0), t_ns, np.array([700, 900, 100, 300, 500.0])
    )
    assert energy_between(trace, np.array([int(t_ns[0]), int(t_ns[-1])])) == pytest.approx([800])


def test_reset_of_a_counter_holds_the_power_before_it_in_every_hour(
    channel: Callable[..., Any],
) -> None:
    """100 W for two hours, reset after ten minutes: half the energy falls on each hour."""
    t_ns = at("2022-01-01T00:00:00") + np.arange(0, 7201, 60, dtype=np.int64) * NS
    count = np.arange(len(t_ns)) * 6000.0
    count[11:] -= count[10]
    trace = build_trace(
        channel("counter", nominal_interval_s=60.0, counter_modulus_j=1e6), t_ns, count
    )
    window = Window(int(t_ns[0]), int(t_ns[-1]))
    plain = energy(trace, window)
    assert plain is not None
    assert plain.energy_j == pytest.approx(720_000)
    grid = series([100, 500])
    cuts = step_cuts(grid, window)
    assert energy_between(trace, cuts) == pytest.approx([360_000, 360_000])
    assert weigh(energy_between(trace, cuts), cuts, grid).mean == pytest.approx(300)


def test_before_and_after_the_readings_power_is_held(steady: Callable[..., Trace]) -> None:
    trace = steady("2022-01-01T01:00:00", "2022-01-01T02:00:00")
    cuts = np.array(
        [at("2022-01-01T00:30:00"), at("2022-01-01T01:00:00"), at("2022-01-01T02:30:00")]
    )
    assert energy_between(trace, cuts) == pytest.approx([1.8e6, 5.4e6])


def test_missing_hour_is_filled_with_an_uncertainty_and_never_zero() -> None:
    grid = series([100, np.nan, 300, 310, *np.linspace(250, 350, 44)])
    cuts = grid.start_ns + np.arange(5, dtype=np.int64) * HOUR_NS
    found = weigh(np.ones(4), cuts, grid)
    assert found.mean == pytest.approx((100 + 200 + 300 + 310) / 4)
    assert found.missing_share == 0.25
    assert found.u_missing == pytest.approx(0.25 * 200 * grid.u_step)
    assert grid.u_step > 0.05
    assert weigh(np.ones(1), cuts[2:4], grid).u_missing == 0.0


def test_series_that_does_not_cover_the_run_is_refused_with_both_spans(
    steady: Callable[..., Trace],
) -> None:
    trace = steady("2022-01-01T00:00:00", "2022-01-01T03:00:00")
    with pytest.raises(UsageError) as caught:
        trace_emissions_g(
            trace, Window(at("2022-01-01T00:00:00"), at("2022-01-01T03:00:00")), series([1, 2])
        )
    assert "2022-01-01T02:00Z" in caught.value.got
    assert "2022-01-01T03:00:00Z" in caught.value.expected
    assert "--fallback" in caught.value.fix


def test_pue_by_time_multiplies_step_by_step() -> None:
    grid, building = series([100, 200]), series([1.0, 1.5], name="pue", unit="1")
    cuts = common_cuts(Window(grid.start_ns, grid.stop_ns), [grid, building])
    assert weigh(np.array([3.0, 1.0]), cuts, grid, building).mean == pytest.approx(
        (3 * 100 + 1 * 300) / 4
    )


def test_missing_pue_carries_an_uncertainty_too() -> None:
    grid = series(np.full(48, 100.0))
    building = series([1.1, np.nan, *np.linspace(1.1, 1.4, 46)], name="pue", unit="1")
    cuts = grid.start_ns + np.arange(3, dtype=np.int64) * HOUR_NS
    found = weigh(np.ones(2), cuts, grid, building)
    assert found.missing_share == 0.5
    assert found.u_missing == pytest.approx(0.5 * 100 * building.filled[1] * building.u_step)


# Results


@pytest.fixture
def result(steady: Callable[..., Trace], entry_of: Callable[..., Any]) -> Callable[..., Result]:
    """The result of runs of 1 kW, two hours each, from the given starts."""

    def make(
        *starts: str, watts: float = 1000.0, rated: tuple[Rated, ...] = (), **given: Any
    ) -> Result:
        runs = []
        for i, start in enumerate(starts or ("2022-01-01T06:00:00",)):
            stop = (
                datetime.fromtimestamp(at(start) / NS + 7200, UTC).replace(tzinfo=None).isoformat()
            )
            trace = steady(start, stop, watts=watts + i)
            window = Window(at(start), at(stop))
            runs.append(
                Run(
                    id=f"r{i}",
                    window=window,
                    traces=(trace,),
                    work=Work(1000, "sample"),
                    rated=rated,
                )
            )
        return score(entry_of(*runs, **given))

    return make


def test_constant_grid_gives_energy_times_factor(result: Callable[..., Result]) -> None:
    found = with_co2e(
        result(), Inputs(location=factor(400), pue=factor(1.1, name="pue", unit="1", key="pue|x"))
    ).co2e
    assert found is not None
    assert found.location_based is not None
    assert found.location_based.total.value == pytest.approx(2 * 400 * 1.1)
    assert found.location_based.per_unit is not None
    assert found.location_based.per_unit.value == pytest.approx(2 * 400 * 1.1 / 1000)
    assert found.location_based.per_unit.unit == "g/sample"
    assert found.location_based.mean_pue == pytest.approx(1.1)
    assert found.market_based is None


def test_interval_holds_grid_and_building(result: Callable[..., Result]) -> None:
    building = factor(1.1, name="pue", unit="1", key="pue|x", u_ln=0.05)
    basis = with_co2e(result(), Inputs(location=factor(400), pue=building)).co2e.location_based  # type: ignore[union-attr]
    assert basis is not None
    shares = {row.term: row.share for row in basis.rows}
    assert shares["grid intensity"] == pytest.approx(0.8, abs=0.01)
    assert shares["PUE"] == pytest.approx(0.2, abs=0.01)
    width = np.log(basis.total.high / basis.total.low) / (2 * 1.96)  # type: ignore[operator]
    assert width == pytest.approx(np.hypot(0.1, 0.05), rel=0.02)


def test_two_bases_are_two_results(result: Callable[..., Result]) -> None:
    inputs = Inputs(location=factor(400), market=factor(100, name="market_intensity"))
    found = document(with_co2e(result(), inputs).co2e)
    assert found["location_based"]["value"] == pytest.approx(800)
    assert found["market_based"]["value"] == pytest.approx(200)


def test_marginal_grams_stand_in_a_field_of_their_own(result: Callable[..., Result]) -> None:
    hours = replace(series(np.full(24, 700.0)), kind="marginal")
    co2e = with_co2e(result(), Inputs(location=hours)).co2e
    found = document(co2e)
    assert found["location_based"] is None
    assert found["marginal"]["value"] == pytest.approx(1400)
    assert details(co2e)["marginal"]["mean_g_per_kwh"] == pytest.approx(700)  # type: ignore[index]
    assert "marginal: Z 2022" in co2e.reference  # type: ignore[union-attr]
    assert "marginal" not in document(with_co2e(result(), Inputs(location=factor())).co2e)


def test_net_is_matched_with_its_own_hours(result: Callable[..., Result]) -> None:
    grid, left = (
        series(np.full(24, 400.0)),
        series([300.0] * 7 + [20.0] * 17, name="market_intensity"),
    )
    found = document(with_co2e(result(), Inputs(location=grid, market=left)).co2e)
    assert found["location_based"]["value"] == pytest.approx(800)
    assert found["market_based"]["value"] == pytest.approx(300 + 20)


def test_clean_by_contract_is_nothing_and_not_absent(result: Callable[..., Result]) -> None:
    inputs = Inputs(location=factor(400), market=factor(0, name="market_intensity", u_ln=0.0))
    assert document(with_co2e(result(), inputs).co2e)["market_based"]["value"] == 0.0


def test_run_is_joined_with_its_own_hours(result: Callable[..., Result]) -> None:
    grid = series(np.arange(24) * 10 + 100.0)
    basis = with_co2e(result("2022-01-01T06:00:00"), Inputs(location=grid)).co2e.location_based  # type: ignore[union-attr]
    assert basis is not None
    assert basis.mean_g_per_kwh == pytest.approx((160 + 170) / 2)
    assert basis.total.value == pytest.approx(160 + 170)


def test_rated_parts_fall_on_the_hours_too(result: Callable[..., Result]) -> None:
    part = Rated(id="switch", power_w=500, boundary="interconnect", idle_share=0.5, source="test")
    grid = series(np.arange(24) * 10 + 100.0)
    basis = with_co2e(result(rated=(part,)), Inputs(location=grid)).co2e.location_based  # type: ignore[union-attr]
    assert basis is not None
    # 500 W is the upper end and half of it the lower one: the expectation is 375 W
    assert basis.total.value == pytest.approx(1.375 * (160 + 170))


def test_runs_at_other_hours_scatter_in_emissions(result: Callable[..., Result]) -> None:
    grid = series(np.arange(48) * 10 + 100.0)
    starts = [f"2022-01-01T{hour:02}:00:00" for hour in (0, 6, 12)]
    found = with_co2e(result(*starts), Inputs(location=grid)).co2e.location_based  # type: ignore[union-attr]
    assert found is not None
    assert found.total.value == pytest.approx(330, rel=0.01)
    assert found.budget.run_scatter is not None
    assert found.budget.run_scatter.scale < 0.01 * 330
    (hours,) = (item for item in found.budget.components if item.name == "hours of the runs")
    assert hours.up == pytest.approx(np.std([210, 330, 450], ddof=1) / np.sqrt(3), rel=0.01)
    assert hours.dof == 2


def test_no_draw_of_a_pue_is_below_one(result: Callable[..., Result]) -> None:
    building = factor(1.02, name="pue", unit="1", key="pue|x", u_ln=0.05)
    inputs = Inputs(location=factor(400, u_ln=0.0), pue=building)
    basis = with_co2e(result(), inputs).co2e.location_based  # type: ignore[union-attr]
    assert basis is not None
    without = with_co2e(result(), replace(inputs, pue=None)).co2e.location_based  # type: ignore[union-attr]
    assert without is not None
    drawn = draw(basis.budget, draws=20_000)
    assert drawn.min() >= draw(without.budget, draws=20_000).min() * 0.9999
    assert drawn.max() > 1.02 * without.total.value


def test_series_elsewhere_is_an_error_or_its_mean_with_a_wide_interval(
    result: Callable[..., Result],
) -> None:
    grid = series(np.linspace(100, 300, 24), "2021-01-01T00:00:00")
    with pytest.raises(UsageError, match="does not cover the run"):
        with_co2e(result(), Inputs(location=grid))
    found = with_co2e(result(), Inputs(location=grid, fallback=True)).co2e.location_based  # type: ignore[union-attr]
    assert found is not None
    assert found.total.value == pytest.approx(400)
    assert "outside the series" in found.total.note
    assert {row.term: row.u for row in found.rows}["hour of an annual mean"] == pytest.approx(
        400 * WITHIN_YEAR_U_LN
    )


def test_nine_in_ten_hours_of_a_year_span_a_factor_of_three_and_a_third() -> None:
    """The 95th percentile of a grid's hours over the 5th is 3.3, and the logarithm normal."""
    ends = np.exp(stats.norm(0, WITHIN_YEAR_U_LN).ppf([0.05, 0.95]))
    assert ends[1] / ends[0] == pytest.approx(3.3, rel=1e-3)


def test_annual_mean_says_little_of_two_hours_unless_it_is_the_reference(
    result: Callable[..., Result],
) -> None:
    yearly = Inputs(location=factor(annual=True))
    widths = []
    for inputs in (yearly, as_reference(yearly), Inputs(location=factor())):
        basis = with_co2e(result(), inputs).co2e.location_based  # type: ignore[union-attr]
        assert basis is not None
        widths.append(np.log(basis.total.high / basis.total.low) / 3.92)  # type: ignore[operator]
    assert widths[0] == pytest.approx(np.hypot(0.1, WITHIN_YEAR_U_LN), rel=0.02)
    assert widths[1] == widths[2] == pytest.approx(0.1, rel=0.02)


def test_without_pue_a_note_says_where_emissions_end(result: Callable[..., Result]) -> None:
    found = with_co2e(result(), Inputs(location=factor())).co2e
    assert found is not None
    assert "end at the meter" in found.notes[0]
    assert found.location_based is not None
    assert found.location_based.mean_pue is None


def test_every_factor_lands_in_the_result_with_its_provenance(
    result: Callable[..., Result],
) -> None:
    found = details(
        with_co2e(result(), Inputs(location=factor(), pue=factor(1.2, name="pue", unit="1"))).co2e
    )
    assert found is not None
    for item in found["location_based"]["factors"]:
        assert {"value", "u_ln", "unit", "source", "date", "licence"} <= item.keys()
        assert item["source"] == "test"


def test_shared_grid_cancels_between_results(result: Callable[..., Result]) -> None:
    pair = [
        with_co2e(result(watts=watts, id=str(watts)), Inputs(location=factor()))
        for watts in (1000.0, 1200.0)
    ]
    one, other = (draw(r.co2e.location_based.budget, draws=20_000) for r in pair)  # type: ignore[union-attr]
    assert np.log(one).std() > 0.09
    assert (np.log(one) - np.log(other)).std() < 0.001


def test_conversion_efficiency_keeps_its_line_in_the_budget(
    steady: Callable[..., Trace], entry_of: Callable[..., Any]
) -> None:
    trace = steady("2022-01-01T00:00:00", "2022-01-01T01:00:00")
    converted = replace(trace, channel=replace(trace.channel, conversion_efficiency=0.9))
    run = Run(id="r", window=Window(int(trace.t_ns[0]), int(trace.t_ns[-1])), traces=(converted,))
    basis = with_co2e(score(entry_of(run)), Inputs(location=factor(u_ln=0.0))).co2e.location_based  # type: ignore[union-attr]
    assert basis is not None
    assert "conversion efficiency" in {row.term for row in basis.rows}


def test_co2e_ranks_on_one_reference_only(result: Callable[..., Result]) -> None:
    by_hour = Inputs(location=series(np.full(24, 200.0)))
    assert as_reference(by_hour).role == "as run"
    with pytest.raises(UsageError, match="common reference"):
        common_reference([with_co2e(result(), as_reference(by_hour))])
    with pytest.raises(UsageError, match="common reference"):
        common_reference([result()])
    one, other = (with_co2e(result(), as_reference(Inputs(location=factor(v)))) for v in (300, 400))
    common_reference([one, one])
    with pytest.raises(UsageError, match="one intensity only"):
        common_reference([one, other])
