"""Energy of a run laid on the hours of a grid: loads and grids that both vary, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from harness.carbon.factor import Factor
from harness.carbon.series import Series
from harness.core.errors import UsageError
from harness.emissions.run_emissions import RunOnGrid, energy_by_step, place_on_grid
from harness.energy.run import RunEnergy, run_energy
from harness.formats.base import Rated
from tests.auditing.rules import builders as b

NS = 1_000_000_000
STEP_S = 60


def factor(value: float, **given: Any) -> Factor:
    fixed: dict[str, Any] = {
        "name": "location_intensity",
        "unit": "g/kWh",
        "u_ln": 0.1,
        "source": "test",
        "date": "2026",
        "licence": "",
    }
    return Factor(value=value, key="grid", **(fixed | given))


def series(*values: float, start_s: int = 0) -> Series:
    """Steps of a minute from the begin of the window on."""
    mean = float(np.nanmean(values))
    return Series(b.T0_NS + start_s * NS, STEP_S * NS, np.array(values, np.float64), factor(mean))


def rising(rated_w: float = 0.0, idle_share: float = 1.0, stop_s: float = 120) -> RunEnergy:
    """100 W in the first minute and 300 W in the second: 6 and 18 kJ."""
    times = range(-5, 126)
    power = [100.0 if t <= 60 else 300.0 for t in times]
    rated = Rated(
        id="switch", power_w=rated_w, boundary="wall", idle_share=idle_share, source="sheet"
    )
    run = b.run(
        b.trace(times, power), window=b.window(0, stop_s), rated=(rated,) if rated_w else ()
    )
    return run_energy(b.entry(run), run)


def cuts(*seconds: float) -> np.ndarray[Any, Any]:
    return np.array([b.T0_NS + round(t * 1e9) for t in seconds], np.int64)


def test_energy_of_each_step_is_that_of_its_readings_and_of_the_rated_part() -> None:
    found = energy_by_step(rising(), cuts(0, 60, 120))
    assert found.tolist() == pytest.approx([6_000, 18_000])
    with_rated = energy_by_step(rising(rated_w=50.0), cuts(0, 60, 120))
    assert with_rated.tolist() == pytest.approx([9_000, 21_000])
    unequal = energy_by_step(rising(rated_w=50.0), cuts(0, 30, 120))
    assert unequal.tolist() == pytest.approx([4_500, 25_500])


def test_intensity_is_weighed_by_the_energy_of_its_steps() -> None:
    """6 kJ at 100 and 18 kJ at 500 g/kWh: 400 g/kWh; with 50 W more, (9 and 21 kJ) 380."""
    grid = series(100.0, 500.0)
    assert place_on_grid(rising(), grid, None).g_per_kwh == pytest.approx(400.0)
    placed = place_on_grid(rising(rated_w=50.0), grid, None)
    assert placed.g_per_kwh == pytest.approx(380.0)
    assert (placed.energy_j, placed.pue) == (pytest.approx(30_000), 1.0)
    assert (placed.u_missing, placed.missing_share, placed.outside_series) == (0.0, 0.0, False)


def test_pue_by_time_is_weighed_by_emissions() -> None:
    """1.2 at 600 kg-units and 1.6 at 9000: the mean product over the mean intensity."""
    placed = place_on_grid(rising(), series(100.0, 500.0), series(1.2, 1.6))
    assert placed.g_per_kwh == pytest.approx(400.0)
    assert placed.g_per_kwh * placed.pue == pytest.approx((6 * 120 + 18 * 800) / 24)


def test_pue_by_time_with_one_intensity_is_weighed_by_energy() -> None:
    placed = place_on_grid(rising(), factor(250.0), series(1.2, 1.6))
    assert placed.g_per_kwh == 250.0
    assert placed.pue == pytest.approx((6 * 1.2 + 18 * 1.6) / 24)


def test_one_pue_multiplies_an_intensity_by_time() -> None:
    placed = place_on_grid(rising(), series(100.0, 500.0), factor(1.4))
    assert (placed.g_per_kwh, placed.pue) == (pytest.approx(400.0), pytest.approx(1.4))


def test_two_constants_are_taken_as_they_are() -> None:
    found = place_on_grid(rising(), factor(250.0), factor(1.4))
    assert found == RunOnGrid(pytest.approx(24_000), 250.0, 1.4)  # type: ignore[arg-type]
    assert place_on_grid(rising(), factor(250.0), None).pue == 1.0


def test_steps_without_a_value_are_said_with_their_share_of_the_energy() -> None:
    """The second minute is on the line between 100 and 700 g/kWh; 18 of 24 kJ fall on it."""
    placed = place_on_grid(rising(), series(100.0, np.nan, 700.0), None)
    assert placed.g_per_kwh == pytest.approx((6 * 100 + 18 * 400) / 24)
    assert placed.missing_share == pytest.approx(0.75)
    assert placed.u_missing > 0
    with_pue = place_on_grid(rising(), series(100.0, np.nan, 700.0), factor(1.5))
    assert with_pue.u_missing == pytest.approx(1.5 * placed.u_missing)


def test_a_run_outside_a_series_is_refused_or_takes_its_mean() -> None:
    later = series(100.0, 500.0, start_s=3600)
    with pytest.raises(UsageError):
        place_on_grid(rising(), later, None)
    placed = place_on_grid(rising(), later, None, fallback=True)
    assert (placed.g_per_kwh, placed.outside_series) == (300.0, True)
    beside = place_on_grid(rising(), later, series(1.2, 1.6), fallback=True)
    assert (beside.g_per_kwh, beside.outside_series) == (300.0, True)
    assert beside.pue == pytest.approx(1.5)


def test_a_series_that_ends_within_the_run_does_not_cover_it() -> None:
    with pytest.raises(UsageError):
        place_on_grid(rising(), series(100.0), None)
    assert place_on_grid(rising(), series(100.0), None, fallback=True).outside_series
