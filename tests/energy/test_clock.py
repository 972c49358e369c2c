"""The clock: the energy of shifted windows, and load that shows where the window lies."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.energy.clock import ClockError
from harness.energy.components import UNKNOWN_CLOCK_S, clock_error
from harness.energy.integrate import energy
from harness.formats.base import Entry
from harness.traces.trace import Trace, Window

MakeTrace = Callable[..., Trace]
MakeWindow = Callable[[float, float], Window]


def clock(scale_s: float, base: str = "normal") -> ClockError:
    return ClockError(scale_s, base, "test")  # type: ignore[arg-type]


def test_a_steady_power_does_not_mind_the_clock(trace: MakeTrace, window: MakeWindow) -> None:
    found = energy(trace(range(100), [200.0] * 100), window(20, 80), clock(1.0))
    assert found is not None
    assert found.clock_effect_j == ()


@pytest.mark.parametrize("recorded", [(0, 83), (17, 100)])
def test_a_steady_power_does_not_mind_a_clock_that_reaches_beyond_the_readings(
    recorded: tuple[int, int], trace: MakeTrace, window: MakeWindow
) -> None:
    """Power is held beyond the first and the last reading."""
    t_s = range(*recorded)
    found = energy(trace(t_s, [200.0] * len(t_s)), window(20, 80), clock(4.0))
    assert found is not None
    assert found.clock_effect_j == ()


def test_a_slope_is_read_off_the_cumulative_energy(trace: MakeTrace, window: MakeWindow) -> None:
    """Power that rises by 1 W each second: a window that is 1 s later holds 60 J more."""
    found = energy(trace(range(200), [100.0 + t for t in range(200)]), window(60, 120), clock(1.0))
    assert found is not None
    effect = np.array(found.clock_effect_j)
    x = np.linspace(-4, 4, len(effect))
    middle = np.abs(x) < 2
    assert effect[middle] == pytest.approx(60 * x[middle], abs=8)


@pytest.mark.parametrize("late_s", [-0.4, 0.0, 0.4])
def test_load_that_fills_the_window_is_found_wherever_the_clock_has_it(
    late_s: float, trace: MakeTrace, window: MakeWindow
) -> None:
    """The value with its clock's effect holds the load's energy, though the window is off."""
    fine = np.arange(-20_000, 80_000) / 1000
    power = np.where((fine >= late_s) & (fine < 60 + late_s), 200.0, 50.0)
    joules = np.concatenate([[0.0], np.cumsum(power) / 1000])
    stamps = np.arange(-18.7, 78, 1.0)
    read = np.diff(np.interp(stamps, np.arange(-20_000, 80_001) / 1000, joules))
    found = energy(trace(stamps[1:] + 100, read), window(100, 160), clock(0.5))
    assert found is not None
    assert found.energy_j + max(found.clock_effect_j) == pytest.approx(60 * 200, abs=15)
    assert min(found.clock_effect_j) < -100


@pytest.mark.parametrize("late_s", [-0.4, 0.8, 1.5])
def test_load_that_fills_the_window_is_found_between_readings_seconds_apart(
    late_s: float, trace: MakeTrace, window: MakeWindow
) -> None:
    """Readings every 4 s do not show where within their cells the load begins and ends."""
    begin_s, end_s = 100 + late_s, 160 + late_s
    stamps_s = np.arange(52, 252, 4)
    loaded_s = np.clip(stamps_s, begin_s, end_s) - begin_s
    joules = 50.0 * stamps_s + 150.0 * loaded_s
    readings = trace(stamps_s[1:], np.diff(joules) / 4, nominal_interval_s=4.0)
    found = energy(readings, window(100, 160), clock(2.0))
    assert found is not None
    assert found.energy_j + max(found.clock_effect_j) == pytest.approx(60 * 200)


def test_nothing_outside_leaves_the_full_power_open(trace: MakeTrace, window: MakeWindow) -> None:
    found = energy(trace(range(1, 61), [200.0] * 60), window(0, 60), clock(1.0))
    assert found is not None
    assert max(found.clock_effect_j) == pytest.approx(200 * 2.4, rel=0.05)
    assert min(found.clock_effect_j) == pytest.approx(-200 * 2.4, rel=0.05)


def test_an_unknown_clock_is_bounded_by_its_round_or_assumed(
    trace: MakeTrace, entry_of: Callable[..., Entry]
) -> None:
    channel = trace([1, 2], [1, 1]).channel
    unknown = clock_error(channel, entry_of())
    assert (unknown.scale_s, unknown.base) == (UNKNOWN_CLOCK_S, "uniform")
    assert "1 s assumed" in unknown.source
    bounded = clock_error(channel, entry_of(family="mlperf-inference"))
    assert (bounded.scale_s, bounded.base) == (0.8, "uniform")


class TestDisplacement:
    """Load that lies beside the window at both of its ends."""

    @staticmethod
    def found_s(trace: MakeTrace, window: MakeWindow, start_s: float, stop_s: float) -> float:
        """Return the displacement of load from `start_s` to `stop_s`, with a window of 0 to 60."""
        fine = np.arange(-20_000, 80_000) / 1000
        power = np.where((fine >= start_s) & (fine < stop_s), 200.0, 50.0)
        joules = np.concatenate([[0.0], np.cumsum(power) / 1000])
        stamps = np.arange(-18.7, 78, 1.0)
        read = np.diff(np.interp(stamps, np.arange(-20_000, 80_001) / 1000, joules))
        found = energy(trace(stamps[1:] + 100, read), window(100, 160))
        assert found is not None
        return found.displacement_s

    @pytest.mark.parametrize("late_s", [-1.0, -0.4, 0.2, 0.5, 0.8])
    def test_late_and_early_stamps_are_found(
        self, late_s: float, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found_s = self.found_s(trace, window, late_s, 60 + late_s)
        assert found_s == pytest.approx(late_s, abs=0.01)

    @pytest.mark.parametrize(
        ("start_s", "stop_s"),
        [
            pytest.param(0.0, 60.0, id="aligned"),
            pytest.param(0.0, 63.0, id="load goes on"),
            pytest.param(-2.0, 60.0, id="load began before"),
            pytest.param(0.5, 60.0, id="rises late"),
            pytest.param(0.5, 59.5, id="shorter than the window"),
            pytest.param(-30.0, 90.0, id="no step at all"),
        ],
    )
    def test_a_load_with_one_end_at_the_window_is_not_displaced(
        self, start_s: float, stop_s: float, trace: MakeTrace, window: MakeWindow
    ) -> None:
        assert self.found_s(trace, window, start_s, stop_s) == 0.0


def test_an_error_of_limits_shifts_as_often_early_as_late(
    trace: MakeTrace, window: MakeWindow
) -> None:
    """Power that rises by 1 W each second, a window of 60 s, a clock within 2 s: within 120 J."""
    found = energy(
        trace(range(200), [100.0 + t for t in range(200)]), window(60, 120), clock(2.0, "uniform")
    )
    assert found is not None
    effect = np.array(found.clock_effect_j)
    assert effect[0] == pytest.approx(-120, abs=9)
    assert effect[-1] == pytest.approx(120, abs=9)
    assert effect[len(effect) // 2] == pytest.approx(0, abs=5)
