"""Rounded readings, readings that alias, and counters that are old when they are read."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.energy.integrate import energy
from harness.energy.sampling import (
    halves_disagree,
    inferred_resolution,
    rounded_count,
    rounded_power,
)
from harness.traces.trace import Trace, Window

MakeTrace = Callable[..., Trace]
MakeWindow = Callable[[float, float], Window]
RNG = np.random.default_rng(7)


@pytest.mark.parametrize(
    ("deviation", "resolution", "dithers"),
    [(0.0, 1.0, False), (0.4, 1.0, False), (0.6, 1.0, True), (3.0, 1.0, True), (3.0, 10.0, False)],
)
def test_noise_dithers_from_half_a_step_on(
    deviation: float, resolution: float, dithers: bool
) -> None:
    value = 300 + deviation * np.random.default_rng(1).standard_normal(4000)
    found = rounded_power(value, value, resolution, 100.0)
    if dithers:
        expected = resolution * 100 / np.sqrt(12 * 4000)
        assert (found.u_j, found.half_width_j) == (pytest.approx(expected), 0)
    else:
        assert (found.u_j, found.half_width_j) == (0, pytest.approx(resolution * 100 / 2))


@pytest.mark.parametrize(("step_w", "is_searched"), [(6.9, True), (7.2, False)])
def test_no_resolution_is_inferred_of_readings_that_scatter_by_more_than_half_of_any(
    step_w: float, is_searched: bool
) -> None:
    """Readings that step by D in turn scatter by D / sqrt 2; the largest grid is one of 10 W."""
    value = 300 + step_w * (np.arange(40) % 2)
    found = rounded_power(value, value, None, 100.0)
    assert (found.u_j > 0) is is_searched
    assert found.half_width_j == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([200, 210, 190, 60], 10.0),
        ([200, 200, 200], 1.0),
        ([200.5, 200.1, 199.9], 0.1),
        ([200.25, 201.5, 199.01], 0.01),
        ([1 / 3, 2 / 7, 200.123456], 0.0),
        ([0.0, 0.0], 1.0),
    ],
)
def test_resolution_is_inferred_from_the_grid_of_readings(
    value: list[float], expected: float
) -> None:
    assert inferred_resolution(np.array(value, float)) == expected


def test_a_counter_of_watt_hours_shows_its_step() -> None:
    count = np.cumsum([0, 3600, 0, 3600, 7200, 10800]) * 1.0
    assert rounded_count(count, None).u_j == pytest.approx(3600 / np.sqrt(6))
    assert rounded_count(np.cumsum(RNG.uniform(50, 60, 200)), None).u_j == 0


def test_readings_on_peaks_and_valleys_in_turn_are_said_to_alias() -> None:
    noise = RNG.normal(0, 5, 200)
    assert halves_disagree(200 + 30 * (-1.0) ** np.arange(200) + noise)
    assert not halves_disagree(200 + noise)
    assert not halves_disagree(200 + 30 * (-1.0) ** np.arange(10))


class TestCounterLag:
    """A count may be as old as the time between two updates."""

    def test_its_mean_age_is_taken_off_and_the_rest_is_rectangular(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        """Read at the edges themselves a count misses what was used since its update."""
        power = np.concatenate([np.full(100, 50.0), np.full(200, 200.0), np.full(100, 50.0)])
        joules = np.concatenate([[0.0], np.cumsum(power) * 0.1])
        t_s = np.arange(401) / 10
        late = np.interp(t_s - 0.1, t_s, joules)  # 0.1 s old at every reading
        found = energy(
            trace(t_s, late, "counter", nominal_interval_s=0.1, update_interval_s=0.2),
            window(10, 30),
        )
        assert found is not None
        assert found.energy_j == pytest.approx(20 * 200, rel=1e-3)
        assert max(found.lag_half_widths_j) >= 0.1 * 50

    def test_time_outside_a_floor_is_counted_at_the_nearest_power(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        """The power outside lies within its scatter; counts are late by half an update."""
        outside = 50 + 0.1 * np.arange(100)[::-1] % 0.4
        power = np.concatenate([outside, [125.0], np.full(199, 200.0), [125.0], outside[::-1]])
        joules = np.concatenate([[0.0], np.cumsum(power) * 0.1])
        readings = trace(
            np.arange(402) / 10, joules, "counter", nominal_interval_s=0.1, update_interval_s=0.1
        )
        found = energy(readings, window(10, 30))
        assert found is not None
        assert [edge.rule for edge in found.edges] == ["outside", "outside"]
        assert found.lag_half_widths_j == pytest.approx([outside[-1] * 0.1 / 2] * 2)
        assert outside[-1] != outside[-10]

    def test_readings_between_two_updates_say_nothing(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        t_s = np.arange(400) / 10
        steps = np.floor(t_s) * 100.0  # updated once a second
        found = energy(
            trace(t_s, steps, "counter", nominal_interval_s=0.1, update_interval_s=1.0),
            window(10, 30),
        )
        assert found is not None
        assert found.energy_j == pytest.approx(2000, rel=1e-3)
        assert found.interval_s == pytest.approx(1.0)
        assert max(found.lag_half_widths_j) <= 0.05 * 100 * (1 + 1e-9)


def test_stamps_that_are_late_by_a_known_lag_are_corrected(
    trace: MakeTrace, window: MakeWindow
) -> None:
    power = np.concatenate([np.full(100, 50.0), np.full(200, 200.0), np.full(100, 50.0)])
    late = trace(np.arange(1, 401) / 10 + 0.5, power, stamp_lag_s=0.5, nominal_interval_s=0.1)
    found = energy(late, window(10, 30))
    assert found is not None
    assert found.energy_j == pytest.approx(20 * 200)
