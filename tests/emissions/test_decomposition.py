"""Decomposition: the paper's examples, exact sums, cancelled factors, and named unknowns."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.carbon.catalogue import entry
from harness.carbon.co2e import Inputs
from harness.carbon.factor import Factor
from harness.carbon.footprint.compute import with_grid
from harness.carbon.series import HOUR_NS, Series
from harness.core.errors import UsageError
from harness.core.schemas import check
from harness.emissions.decomposition import (
    NAMES,
    decompose,
    decompose_results,
    factors_of_footprint,
    factors_of_result,
)
from harness.emissions.footprint_comparison import compare_footprints
from harness.emissions.result_emissions import with_co2e
from harness.formats.base import Run, Work
from harness.render.terminal.carbon.footprint_account import factors_document, factors_text
from harness.scoring.result import Result
from harness.scoring.score import score

FIRST, LAST = (
    "patterson-2021/transformer-big-p100-us-average",
    "patterson-2021/evolved-transformer-medium-tpu-v2-iowa",
)


def times(found: Any) -> float:
    return math.exp(found.value)


def test_four_steps_of_table_1_make_57() -> None:
    comparison = compare_footprints(entry(FIRST), entry(LAST))
    found = comparison.decompositions["net"]
    assert found is not None
    assert times(found.total) == pytest.approx(57, abs=0.6)
    assert comparison.ratios["net"].value == pytest.approx(times(found.total))
    assert times(found.model) == pytest.approx(1.61e19 / 1.03e19)
    assert times(found.mechanization) == pytest.approx(1.59 / 1.11)
    assert times(found.map) == pytest.approx(429 / 80)
    machine = (296 * 3.5 / 1.61e19) / (227 * 0.62 / 1.03e19)
    assert times(found.machine) == pytest.approx(machine)


@pytest.mark.parametrize(
    ("name", "printed"), [("processor-hours", 45), ("energy", 55), ("gross", 115), ("net", 130)]
)
def test_gshard_against_gpt_3_as_the_text_has_it(name: str, printed: float) -> None:
    comparison = compare_footprints(entry("gpt-3"), entry("gshard-600b"))
    assert comparison.ratios[name].value == pytest.approx(printed, rel=0.05)


@pytest.mark.parametrize(
    "pair", [(FIRST, LAST), ("gpt-3", "gshard-600b"), ("t5", "meena"), ("meena", "t5")]
)
@pytest.mark.parametrize("basis", ["gross", "net"])
def test_factors_sum_to_the_whole_exactly(pair: tuple[str, str], basis: str) -> None:
    comparison = compare_footprints(*map(entry, pair))
    found = comparison.decompositions[basis]
    assert found is not None
    terms = [getattr(found, name).value for name in NAMES]
    assert sum(terms) == pytest.approx(found.total.value, abs=1e-12)
    assert times(found.total) == pytest.approx(comparison.ratios[basis].value)
    for name in (*NAMES, "total"):
        item = getattr(found, name)
        assert item.low <= item.value <= item.high


def test_one_grid_and_one_building_cancel() -> None:
    comparison = compare_footprints(entry("patterson-2021/transformer-big-p100-iowa"), entry(LAST))
    found = comparison.decompositions["gross"]
    assert found is not None
    for item in (found.map, found.mechanization):
        assert (item.value, item.low, item.high) == (0.0, 0.0, 0.0)


def test_two_sources_are_refused_until_one_grid_is_named() -> None:
    bloom, opt = entry("luccioni-2022/bloom-176b"), entry("opt-175b")
    with pytest.raises(UsageError, match="two sources"):
        compare_footprints(bloom, opt)
    us = Factor(
        name="location_intensity",
        value=400,
        unit="g/kWh",
        u_ln=0.1,
        source="test",
        date="",
        licence="",
        key="us",
        dataset="test",
    )
    comparison = compare_footprints(
        *(with_grid(item, Inputs(location=us)) for item in (bloom, opt))
    )
    found = comparison.decompositions["gross"]
    assert found is not None
    assert found.map.value == 0.0
    assert comparison.decompositions["net"] is None


def test_unknown_work_leaves_model_and_machine_one_factor() -> None:
    comparison = compare_footprints(entry("llama-7b"), entry("llama-65b"))
    found = comparison.decompositions["gross"]
    assert found is not None
    assert found.model is None
    assert found.machine is None
    assert "not known" in found.note
    assert (
        found.model_and_machine.value + found.mechanization.value + found.map.value
        == pytest.approx(found.total.value)
    )


def test_footprint_without_energy_says_what_it_lacks() -> None:
    with pytest.raises(UsageError, match=r"not known: hours or watts, PUE, location intensity"):
        factors_of_footprint(entry("bert-covid-explorer"))


def test_sides_without_a_common_basis_are_refused() -> None:
    with pytest.raises(UsageError, match="share no basis"):
        compare_footprints(entry("palm-540b"), entry("llama-7b"))


@pytest.fixture
def result(
    trace: Callable[..., Any], window: Callable[..., Any], entry_of: Callable[..., Any]
) -> Callable[..., Result]:
    def make(watts: float, pue: float, name: str) -> Result:
        run = Run(
            id="r",
            window=window(0, 100),
            traces=(trace(range(101), [watts] * 101),),
            work=Work(10, "sample"),
        )
        building = Factor(
            name="pue",
            value=pue,
            unit="1",
            u_ln=0.02,
            source="test",
            date="",
            licence="",
            key=f"pue|{name}",
        )
        grid = Factor(
            name="location_intensity",
            value=400,
            unit="g/kWh",
            u_ln=0.1,
            source="test",
            date="",
            licence="",
            key="grid",
            dataset="test",
        )
        return with_co2e(
            score(entry_of(run, id=name)), Inputs(location=grid, pue=building, role="reference")
        )

    return make


def test_results_of_one_benchmark_do_the_same_work(result: Callable[..., Result]) -> None:
    found = decompose_results(result(200, 1.5, "a"), result(100, 1.2, "b"))
    assert found is not None
    assert found.model is not None
    assert found.model.value == 0.0
    assert times(found.machine) == pytest.approx(2.0)
    assert times(found.mechanization) == pytest.approx(1.5 / 1.2)
    assert found.map.value == found.map.low == 0.0
    assert times(found.total) == pytest.approx(2.5)
    assert found.mechanization.high - found.mechanization.low == pytest.approx(
        2 * 1.96 * 0.02 * 2**0.5, rel=0.02
    )


def test_results_without_co2e_have_no_factors(
    result: Callable[..., Result], entry_of: Callable[..., Any]
) -> None:
    assert decompose_results(result(200, 1.5, "a"), score(entry_of())) is None
    assert decompose_results(result(200, 1.5, "a"), result(200, 1.5, "b"), "market_based") is None


def test_document_and_text_say_the_same() -> None:
    comparison = compare_footprints(entry(FIRST), entry(LAST))
    document = factors_document(comparison)
    check("factors", document)
    assert json.loads(json.dumps(document)) == document
    text = factors_text(comparison)
    assert "56.54" in text
    for name in NAMES:
        assert name in text


def test_chain_of_a_split_with_itself_is_nothing() -> None:
    one = factors_of_footprint(entry("t5"))
    found = decompose(one, one)
    assert (found.total.value, found.total.low, found.total.high) == (0.0, 0.0, 0.0)


def test_results_without_a_pue_have_no_overhead(result: Callable[..., Result]) -> None:
    """Emissions that end at the meter: the factor of the building is 1 and certain."""
    plain = [
        with_co2e(score(result(w, 1.5, n).entry), _inputs()) for w, n in ((200, "a"), (90, "b"))
    ]
    found = decompose_results(*plain)
    assert found is not None
    mechanization = found.mechanization
    assert (mechanization.value, mechanization.low, mechanization.high) == (0.0, 0.0, 0.0)
    assert times(found.total) == pytest.approx(200 / 90)
    against = decompose_results(plain[0], result(200, 1.5, "c"))
    assert against is not None
    assert times(against.mechanization) == pytest.approx(1 / 1.5)


def _inputs(**given: Any) -> Inputs:
    return Inputs(location=_grid("grid", 400.0), role="reference", **given)


def _grid(key: str, value: float, u_ln: float = 0.1) -> Factor:
    return Factor(
        name="location_intensity",
        value=value,
        unit="g/kWh",
        u_ln=u_ln,
        source="test",
        date="",
        licence="",
        key=key,
        dataset="test",
    )


def test_uncertainty_of_the_grid_is_that_of_the_map_and_no_other(
    result: Callable[..., Result],
) -> None:
    """Two grids of 10 and 5 % leave 11.2 % in the map; buildings of 2 % leave theirs."""
    plain = result(200, 1.5, "a"), result(100, 1.5, "b")
    sides = [
        with_co2e(side, Inputs(location=grid, pue=pue, role="reference"))
        for side, grid, pue in zip(
            plain,
            (_grid("one", 400.0), _grid("two", 100.0, 0.05)),
            (_pue("pue-a", 1.5, 0.02), _pue("pue-b", 1.25, 0.0)),
            strict=True,
        )
    ]
    found = decompose_results(*sides)
    assert found is not None
    assert times(found.map) == pytest.approx(4.0)
    assert found.map.u_c == pytest.approx(math.hypot(0.1, 0.05), rel=0.02)
    assert times(found.mechanization) == pytest.approx(1.5 / 1.25)
    assert found.mechanization.u_c == pytest.approx(0.02, rel=0.05)
    assert found.total.u_c == pytest.approx(math.sqrt(0.1**2 + 0.05**2 + 0.02**2), rel=0.02)


def _pue(key: str, value: float, u_ln: float) -> Factor:
    return Factor(
        name="pue", value=value, unit="1", u_ln=u_ln, source="test", date="", licence="", key=key
    )


def test_grids_of_two_datasets_are_refused_whatever_the_buildings(
    result: Callable[..., Result],
) -> None:
    grid = replace(_grid("other", 100.0), dataset="another")
    other = with_co2e(
        result(100, 1.5, "b"),
        Inputs(location=grid, pue=_pue("pue|a", 1.5, 0.02), role="reference"),
    )
    with pytest.raises(UsageError, match="two sources"):
        decompose_results(result(200, 1.5, "a"), other)


def _run_and_its_hour(trace: Callable[..., Any], window: Callable[..., Any]) -> tuple[Run, int]:
    """Return a run of 360 W, and the begin of the hour that it is in [ns UTC]."""
    within = window(0, 100)
    readings = trace(range(101), [360.0] * 101)
    run = Run(id="r", window=within, traces=(readings,), work=Work(10, "sample"))
    return run, within.start_ns - within.start_ns % HOUR_NS


def test_hours_without_a_value_leave_the_map_uncertain(
    trace: Callable[..., Any], window: Callable[..., Any], entry_of: Callable[..., Any]
) -> None:
    """Their standard uncertainty is a share of the mean intensity, whatever its unit."""
    run, start_ns = _run_and_its_hour(trace, window)
    values = np.array([100.0, np.nan, 700.0] * 9)
    values[12] = np.nan
    grid = Series(start_ns - 12 * HOUR_NS, HOUR_NS, values, _grid("hours", 400.0, 0.0))
    found = with_co2e(score(entry_of(run, id="a")), Inputs(location=grid))
    assert found.co2e is not None
    basis = found.co2e.location_based
    assert basis is not None
    assert basis.missing_share == 1.0
    (missing,) = [item for item in basis.budget.components if "without a value" in item.name]
    taken = factors_of_result(found, "location_based")
    assert taken is not None
    share = missing.up / basis.budget.value
    assert share > 0.01
    assert taken.drawn_grid.std() / taken.grid == pytest.approx(share, rel=0.02)
    assert taken.drawn_energy.std() / taken.energy < 0.01 * share


def test_a_footprint_states_its_pue_or_is_without_one() -> None:
    """Patterson's T5 runs at 1.12; of a footprint without PUE the overhead is 1."""
    with_pue = factors_of_footprint(entry("t5"))
    assert with_pue.overhead == pytest.approx(1.12)
    without = factors_of_footprint(entry("luccioni-2022/bloom-176b"))
    assert without.overhead == 1.0
    assert set(without.drawn_overhead.tolist()) == {1.0}
    assert without.emissions == pytest.approx(without.energy * without.grid)


@pytest.mark.parametrize(("cleanest", "is_known"), [(700.0, True), (1.0, False)])
def test_a_grid_that_may_be_nothing_has_no_factor(
    cleanest: float,
    is_known: bool,
    trace: Callable[..., Any],
    window: Callable[..., Any],
    entry_of: Callable[..., Any],
) -> None:
    """No hour of the run has a value, and those around it differ by little or by everything."""
    run, start_ns = _run_and_its_hour(trace, window)
    values = np.array([cleanest, cleanest, 900.0] * 9)
    values[12:14] = np.nan
    grid = Series(start_ns - 12 * HOUR_NS, HOUR_NS, values, _grid("hours", 400.0, 0.0))
    sides = [
        with_co2e(score(entry_of(run, id=name, system=name)), Inputs(location=grid))
        for name in "ab"
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = decompose_results(*sides)
    assert (found is not None) is is_known
    if found is not None:
        assert (found.map.low, found.map.high) == (0.0, 0.0), "both ran at the same hours"
