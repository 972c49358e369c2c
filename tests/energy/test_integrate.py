"""Energy of one channel in one window.

The rule of each kind, edges, gaps, wraps and resets (docs/explanation/methodology.md, section 2).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lab_simulator import PERFECT, Load, MeterModel, make_curve, record, simulate_window

from harness.energy.integrate import energy
from harness.traces.clean import build_trace
from harness.traces.trace import Trace, Window

MakeTrace = Callable[..., Trace]
MakeWindow = Callable[[float, float], Window]
KINDS = ("mean", "instant", "counter", "estimate")


def counted(powers: list[float], start_j: float = 0.0) -> list[float]:
    """Readings of a counter that steps once a second."""
    return [start_j, *(start_j + np.cumsum(powers)).tolist()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("edges", [(2, 9), (2.25, 8.75), (0, 10), (3.999, 6.001)])
def test_constant_power_gives_power_times_time(
    kind: str, edges: tuple[float, float], trace: MakeTrace, window: MakeWindow
) -> None:
    value = counted([250.0] * 10) if kind == "counter" else [250.0] * 11
    found = energy(trace(range(11), value, kind, update_interval_s=0.0), window(*edges))
    assert found.energy_j == pytest.approx(250.0 * (edges[1] - edges[0]), rel=1e-12)
    assert found.u_gap_j == found.u_sampling_j == 0
    assert all(edge.u_j == edge.half_width_j == 0 for edge in found.edges)
    assert found.coverage == 1


class TestMean:
    """A reading is the mean over the cell that ends at its stamp."""

    def test_edges_on_stamps_take_the_cells_between_them(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(trace(range(6), [1, 10, 20, 30, 40, 500]), window(1, 4))
        assert found.energy_j == pytest.approx(20 + 30 + 40)
        assert [edge.rule for edge in found.edges] == ["covered", "covered"]
        assert (found.filled_j, found.readings) == (0, 4)

    def test_power_inside_is_held_where_nothing_is_known_outside(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(trace([2, 3, 4, 5], [120, 110, 130, 110]), window(0.6, 5.4))
        assert found.energy_j == pytest.approx(0.4 * 120 + 120 + 110 + 130 + 110 + 0.4 * 110)
        assert [edge.rule for edge in found.edges] == ["held", "held"]

    def test_the_first_reading_speaks_of_the_interval_before_it(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(trace([1, 2, 3], [100, 200, 300]), window(0, 3))
        assert found.energy_j == pytest.approx(600)


class TestInstant:
    """A reading is the power at its stamp."""

    def test_trapezoid_inside_and_the_two_nearest_readings_at_the_edges(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(trace(range(6), [900, 100, 200, 100, 300, 900], "instant"), window(0.6, 4.3))
        first, last = 0.4 * 100 + (0.4 - 0.5) * 100, 0.3 * 300 + (0.3 - 0.5) * (100 - 300)
        assert found.energy_j == pytest.approx(first + 150 + 150 + 200 + last)
        assert found.readings == 4

    def test_a_gap_over_the_edge_is_bounded_by_both_its_sides(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(trace([0, 5, 6, 7], [900, 100, 200, 200], "instant"), window(2, 7))
        assert found.edges[0].rule == "gap"
        inside_w = (150 + 200) / 2
        unread_j = 2 * (inside_w + 900) / 2  # two seconds that no reading speaks of
        assert found.energy_j == pytest.approx(100 + 0.5 * 100 + unread_j + 150 + 200)
        assert found.edges[0].half_width_j >= 900 - inside_w

    @pytest.mark.parametrize("rise", [0.0, 0.3, 0.5, 1.0])
    def test_load_that_rises_between_two_readings_is_found_on_average(
        self, rise: float, trace: MakeTrace, window: MakeWindow
    ) -> None:
        """Over all distances of a reading from the edge the mean is what was drawn."""
        phases = (np.arange(200) + 0.5) / 200
        found = []
        for phase in phases:
            t = np.arange(-2, 13) + phase
            load = np.where(
                (t < 0) | (t > 10), 100.0, 100 + 300 * np.clip(t / max(rise, 1e-9), 0, 1)
            )
            found.append(energy(trace(t, load, "instant"), window(0, 10)).energy_j)
        assert np.mean(found) == pytest.approx(4000 - 300 * rise / 2, rel=1e-5)

    @pytest.mark.parametrize("nominal_s", [None, 1.0, 10.0, 30.0])
    def test_the_declared_interval_moves_no_energy(
        self, nominal_s: float | None, trace: MakeTrace, window: MakeWindow
    ) -> None:
        """The step between readings weighs a reading at an edge, not the declared interval."""
        value = [150.0] * 3 + [900.0] + [1000.0] * 58 + [900.0] + [150.0] * 3
        t = [n + 0.5 for n in range(-3, 63)]
        found = energy(trace(t, value, "instant", nominal_interval_s=nominal_s), window(0, 60))
        assert found.energy_j == pytest.approx(59_800)

    @given(
        rows=st.lists(st.tuples(st.floats(0.001, 20), st.floats(0, 5000)), min_size=3, max_size=30),
        start=st.floats(0, 1),
        stop=st.floats(0, 1),
        nominal_s=st.none() | st.floats(0.001, 60),
    )
    def test_energy_is_that_of_a_power_between_the_readings(
        self,
        rows: list[tuple[float, float]],
        start: float,
        stop: float,
        nominal_s: float | None,
        trace: MakeTrace,
        window: MakeWindow,
    ) -> None:
        """However steps, window and gaps lie.

        No reading has a weight below 0, and the weights fill the window.
        """
        steps, power = zip(*rows, strict=True)
        t = np.cumsum(steps)
        span = window(
            t[0] + start * (t[-1] - t[0]) - 1e-3, t[0] + max(start, stop) * (t[-1] - t[0]) + 0.1
        )
        found = energy(
            trace(t, power, "instant", boundary="board", nominal_interval_s=nominal_s), span
        )
        if found is not None:
            assert min(power) - 1e-6 <= found.energy_j / span.seconds <= max(power) + 1e-6

    def test_power_on_a_line_is_exact_between_stamps_on_the_edges(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(trace(range(11), [100 + 7 * t for t in range(11)], "instant"), window(2, 9))
        assert found.energy_j == pytest.approx(7 * (100 + 7 * 5.5))

    def test_a_random_walk_leaves_a_twelfth_of_its_steps(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        """Between readings of a random walk the trapezoid errs by D^2 E(step^2) / 12 in square."""
        rng = np.random.default_rng(5)
        walk = 1000 + np.cumsum(rng.normal(0, 3.0, 4001))
        found = energy(trace(range(4001), walk, "instant"), window(0, 4000))
        assert found.u_sampling_j == pytest.approx(np.sqrt(4000 * 9.0 / 12), rel=0.15)

    def test_white_noise_leaves_all_its_variance(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        rng = np.random.default_rng(6)
        found = energy(
            trace(range(4001), 1000 + rng.normal(0, 3.0, 4001), "instant"), window(0, 4000)
        )
        assert found.u_sampling_j == pytest.approx(3.0 * np.sqrt(4000), rel=0.15)


class TestCounter:
    """A reading is the energy so far."""

    def test_count_at_the_end_less_count_at_the_start(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(
            trace(range(5), [7, 10, 40, 90, 91], "counter", update_interval_s=0.0), window(1, 3)
        )
        assert found.energy_j == pytest.approx(80)

    def test_wrap_at_the_known_modulus(self, trace: MakeTrace, window: MakeWindow) -> None:
        count = [c % 1000 for c in counted([100.0] * 40, 930.0)]
        found = energy(
            trace(range(41), count, "counter", counter_modulus_j=1000.0, update_interval_s=0.0),
            window(0, 40),
        )
        assert found.energy_j == pytest.approx(4000)
        assert found.resets == 0

    @pytest.mark.parametrize("modulus", [None, 1e6])
    def test_reset_is_told_from_a_wrap(
        self, modulus: float | None, trace: MakeTrace, window: MakeWindow
    ) -> None:
        """A fall far from the modulus is a reboot.

        What was counted in that step is lost, and held as before.
        """
        count = [0, 100, 200, 300, 20, 120, 220]
        found = energy(
            trace(range(7), count, "counter", counter_modulus_j=modulus, update_interval_s=0.0),
            window(0, 6),
        )
        assert found.energy_j == pytest.approx(600)
        assert found.resets == 1
        assert found.filled_j == pytest.approx(100)
        assert found.u_gap_j > 0

    def test_a_reset_in_the_first_step_holds_what_was_counted_since(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(
            trace(range(4), [500, 40, 140, 240], "counter", update_interval_s=0.0), window(0, 3)
        )
        assert (found.energy_j, found.resets) == (pytest.approx(240), 1)

    def test_two_resets_in_a_row_hold_the_power_from_before_both(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        count = [0, 100, 200, 20, 10, 110]
        found = energy(trace(range(6), count, "counter", update_interval_s=0.0), window(0, 5))
        assert (found.energy_j, found.resets) == (pytest.approx(500), 2)

    def test_resets_outside_the_window_do_not_count(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        count = [500, 0, 100, 200, 300, 400, 0, 100]
        found = energy(trace(range(8), count, "counter", update_interval_s=0.0), window(2, 5))
        assert (found.energy_j, found.resets) == (pytest.approx(300), 0)

    def test_a_late_read_loses_nothing(self, trace: MakeTrace, window: MakeWindow) -> None:
        found = energy(
            trace([0, 1, 2, 12, 13], [0, 10, 20, 920, 930], "counter", update_interval_s=0.0),
            window(0, 13),
        )
        assert found.energy_j == pytest.approx(930)
        assert (found.u_gap_j, found.gap_share) == (0, 0)

    def test_quantisation_is_of_energy_and_does_not_grow_with_time(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        long = energy(
            trace(range(601), counted([10.0] * 600), "counter", resolution=6.0), window(0, 600)
        )
        assert long.rounding.u_j == pytest.approx(np.sqrt(6.0))


class TestGaps:
    """A step longer than 1.5 intervals is a gap."""

    def test_filled_by_the_mean_of_the_neighbours(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(trace([1, 2, 3, 7, 8, 9], [100, 100, 100, 200, 200, 200]), window(0, 9))
        assert found.energy_j == pytest.approx(3 * 100 + 3 * 150 + 3 * 200)
        assert found.filled_j == pytest.approx(3 * 150)
        assert found.gap_share == pytest.approx(3 / 9)
        assert found.largest_gap_s == 4
        assert found.u_gap_j == pytest.approx(np.sqrt(50**2 * (3 + 9)))

    def test_a_late_reading_is_no_gap(self, trace: MakeTrace, window: MakeWindow) -> None:
        found = energy(trace([1, 2, 3.4, 4, 5], [100, 100, 300, 100, 100]), window(0, 5))
        assert found.energy_j == pytest.approx(3.6 * 100 + 1.4 * 300, rel=1e-12)
        assert (found.gap_share, found.u_gap_j) == (0, 0)

    def test_a_gap_on_the_edge_counts(self, trace: MakeTrace, window: MakeWindow) -> None:
        found = energy(trace([0, 1, 8, 9, 10, 11], [100] * 6), window(2, 11))
        assert found.gap_share == pytest.approx(6 / 9)
        assert found.largest_gap_s == 6
        assert found.energy_j == pytest.approx(900)

    def test_failed_reads_are_a_gap_and_not_zero(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        value = [100.0, 100, -1, float("nan"), 9.91e37, -2, 100, 100]
        found = energy(trace(range(1, 9), value), window(0, 8))
        assert found.energy_j == pytest.approx(800)
        assert found.gap_share == pytest.approx(4 / 8)


class TestCoverage:
    """Readings that do not reach the edges of the window."""

    @pytest.mark.parametrize("kind", ["mean", "instant", "estimate"])
    def test_uncovered_ends_are_filled_and_told(
        self, kind: str, trace: MakeTrace, window: MakeWindow
    ) -> None:
        found = energy(trace(range(10, 21), [300.0] * 11, kind), window(0, 40))
        assert found.energy_j == pytest.approx(300 * 40)
        assert found.coverage == pytest.approx(10 / 40)
        assert found.filled_j == pytest.approx(300 * (29 if kind == "mean" else 30))

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("span", [(-9, -1), (20, 30), (5, 5), (7, 3)])
    def test_no_reading_speaks_of_the_window(
        self, kind: str, span: tuple[float, float], trace: MakeTrace, window: MakeWindow
    ) -> None:
        assert energy(trace(range(11), [100.0 + t for t in range(11)], kind), window(*span)) is None

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("n", [0, 1])
    def test_too_few_readings(
        self, kind: str, n: int, trace: MakeTrace, window: MakeWindow
    ) -> None:
        assert energy(trace(range(3, 3 + n), [100.0] * n, kind), window(0, 10)) is None


@pytest.mark.parametrize("ramp_s", [0.0, 0.5])
@pytest.mark.parametrize("kind", ["mean", "counter", "instant"])
def test_mean_error_over_many_windows_is_below_a_twentieth_of_a_percent(
    kind: str, ramp_s: float, channel: Callable
) -> None:
    """60 s at 1 Hz, idle on both sides, a perfect meter."""
    errors = []
    for seed in range(600):
        recording, truth = simulate_window(kind, seed=seed, error=PERFECT, load=Load(ramp_s=ramp_s))
        found = energy(
            build_trace(channel(kind), recording.t_ns, recording.value),
            Window(truth.t0_ns, truth.t1_ns),
        )
        errors.append(found.energy_j / truth.energy_j - 1)
    assert abs(np.mean(errors)) < 5e-4


def test_wrapping_counter_of_the_simulator(channel: Callable) -> None:
    rng = np.random.default_rng(3)
    curve = make_curve(Load(), t0_ns=1_767_225_600 * 10**9, duration_s=120.0, rng=rng)
    model = MeterModel(kind="counter", resolution=0.01, wrap_j=5000.0)
    margin = 8 * 10**9
    recording = record(
        curve, model, PERFECT, start_ns=curve.t0_ns - margin, stop_ns=curve.t1_ns + margin, rng=rng
    )
    assert (np.diff(recording.value) < 0).sum() > 5
    made = build_trace(
        channel("counter", counter_modulus_j=5000.0), recording.t_ns, recording.value
    )
    found = energy(made, Window(curve.t0_ns, curve.t1_ns))
    assert found.energy_j == pytest.approx(curve.window_j, rel=1e-4)
