"""Power now and energy so far of one channel."""

from __future__ import annotations

import math

import pytest

from harness.live.monitor.tally import Tally
from harness.traces.channel import Accuracy, Channel

T_NS = 1_700_000_000 * 10**9


def channel(quantity: str, modulus_j: float | None = None) -> Channel:
    return Channel(
        id="c",
        quantity="energy" if quantity == "energy" else "power",
        unit="J" if quantity == "energy" else "W",
        kind="counter" if quantity == "energy" else "instant",
        boundary="package",
        calibration_id="c",
        accuracy=Accuracy(reading_limit_pct=5, source="test"),
        nominal_interval_s=1.0,
        counter_modulus_j=modulus_j,
    )


def tally(readings: list[tuple[float, float]], *about: object) -> Tally:
    made = Tally(channel(*about))  # type: ignore[arg-type]
    for t_s, value in readings:
        made.add(T_NS + round(t_s * 1e9), value)
    return made


def test_a_power_counts_for_the_time_since_the_reading_before() -> None:
    made = tally([(0, 90), (2, 30), (3, 50)], "power")
    assert (made.power_w, made.energy_j, made.lost_s) == (50, 2 * 30 + 50, 0)


def test_a_counter_gives_the_power_of_its_last_step() -> None:
    made = tally([(0, 1000), (2, 1060), (3, 1090)], "energy")
    assert (made.power_w, made.energy_j) == (30, 90)


def test_one_reading_of_a_counter_is_no_power() -> None:
    assert tally([(0, 1000)], "energy").power_w is None


def test_a_counter_that_passes_its_range_is_followed() -> None:
    made = tally([(0, 65_500), (1, 40)], "energy", 65_536.0)
    assert made.energy_j == pytest.approx(76)
    assert made.power_w == pytest.approx(76)


@pytest.mark.parametrize("modulus_j", [None, 65_536.0])
def test_what_a_counter_counted_when_it_started_anew_is_lost(modulus_j: float | None) -> None:
    made = tally([(0, 5000), (1, 5070), (3, 8), (4, 28)], "energy", modulus_j)
    assert (made.power_w, made.energy_j, made.lost_s) == (20, 70 + 20, 2)


def test_powers_far_apart_do_not_say_what_happened_between_them() -> None:
    made = tally([(0, 100), (10, 100), (20.5, 40)], "power")
    assert (made.power_w, made.energy_j, made.lost_s) == (40, 1000, 10.5)


def test_a_counter_read_late_has_missed_nothing() -> None:
    assert tally([(0, 0), (600, 6000)], "energy").energy_j == 6000


@pytest.mark.parametrize("reading", [(1.0, 500.0), (0.5, 500.0), (2.0, math.nan)])
def test_a_reading_that_is_not_newer_or_no_number_is_passed_over(
    reading: tuple[float, float],
) -> None:
    made = tally([(0, 100), (1, 100), reading], "power")
    assert (made.power_w, made.energy_j) == (100, 100)


def test_a_failed_read_leaves_no_power() -> None:
    made = tally([(0, 100), (1, 100)], "power")
    made.lose()
    assert (made.power_w, made.energy_j) == (None, 100)
