"""Emissions of a result whose marginal intensity is 0 for some of its time, or for all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.carbon.co2e import Basis, Inputs
from harness.emissions.result_emissions import ZERO_INTENSITY, with_co2e
from harness.scoring.score import score
from tests.auditing.rules import builders as b
from tests.emissions.test_run_emissions import series


def marginal(*g_per_kwh: float) -> Basis:
    """Two minutes at 300 W, 36 kJ, on a marginal intensity by the minute."""
    run = b.run(b.trace(range(-5, 126), 300.0), window=b.window(0, 120))
    result = score(b.entry(run), draws=20_000)
    inputs = Inputs(location=replace(series(*g_per_kwh), kind="marginal"))
    co2e = with_co2e(result, inputs, draws=20_000).co2e
    assert co2e is not None
    assert co2e.location_based is None
    assert co2e.marginal is not None
    return co2e.marginal


def test_an_hour_of_curtailment_emits_nothing_and_has_no_interval() -> None:
    total = marginal(0.0, 0.0).total
    assert (total.value, total.low, total.high) == (0.0, None, None)
    assert total.note == ZERO_INTENSITY


@pytest.mark.parametrize(("g_per_kwh", "emitted_g"), [((0.0, 400.0), 2.0), ((400.0, 400.0), 4.0)])
def test_curtailment_for_a_part_of_the_run_leaves_the_rest(
    g_per_kwh: tuple[float, float], emitted_g: float
) -> None:
    total = marginal(*g_per_kwh).total
    assert total.value == pytest.approx(emitted_g, rel=0.02)
    assert total.low is not None
    assert total.low < emitted_g
    assert ZERO_INTENSITY not in total.note
