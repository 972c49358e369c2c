"""A reading is checked before it is summed: the right energy, or none and a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.energy.reading_checks import ERROR_VALUE, GLITCH, check_readings
from harness.energy.run import run_energy
from harness.formats.base import Entry, Run
from harness.scoring.score import score
from harness.traces.trace import Trace, Window

MakeTrace = Callable[..., Trace]
MakeWindow = Callable[[float, float], Window]
T = np.arange(121)


def energy_of(trace: Trace, window: Window, entry_of: Callable[..., Entry]) -> float | None:
    run = Run(id="r", window=window, traces=(trace,))
    return run_energy(entry_of(run), run).energy_j


class TestLeftOut:
    """Single readings that are no measurement."""

    @pytest.mark.parametrize(
        "reading",
        [4294967.295, 4294.967295, 2147483.647, 4294967295.0, 4294967.294, 65535.0, 32767.0],
    )
    def test_an_error_value_is_a_gap(
        self, reading: float, trace: MakeTrace, window: MakeWindow, entry_of: Callable[..., Entry]
    ) -> None:
        power = 353.0 + T % 3
        power[60] = reading
        readings = trace(T, power, boundary="node")
        checked = check_readings(readings, window(10, 110))
        assert [(item.position, item.reason) for item in checked.left_out] == [(60, ERROR_VALUE)]
        joules = energy_of(readings, window(10, 110), entry_of)
        assert joules == pytest.approx(100 * 354, rel=2e-3)

    @pytest.mark.parametrize("reading", [65534.0, 32768.0])
    def test_a_large_reading_beside_an_error_value_stays(
        self, reading: float, trace: MakeTrace, window: MakeWindow
    ) -> None:
        power = 353.0 + T % 3
        power[60] = reading
        assert check_readings(trace(T, power, boundary="node"), window(10, 110)).left_out == ()

    @pytest.mark.parametrize("reading", [200.0, 3e13, 2.0**64 * 1e-6 - 5])
    def test_a_glitch_of_a_counter_that_goes_on_costs_nothing(
        self, reading: float, trace: MakeTrace, window: MakeWindow, entry_of: Callable[..., Entry]
    ) -> None:
        count = 22_543_283.0 + 100 * T
        count[60] = reading
        readings = trace(T, count, "counter")
        checked = check_readings(readings, window(10, 110))
        assert [item.position for item in checked.left_out] == [60]
        assert {item.reason for item in checked.left_out} <= {GLITCH, ERROR_VALUE}
        assert energy_of(readings, window(10, 110), entry_of) == pytest.approx(10_000)

    @pytest.mark.parametrize("place", [1, 2, 5])
    def test_a_spike_near_the_start_is_a_glitch(
        self, place: int, trace: MakeTrace, window: MakeWindow
    ) -> None:
        """The count before it and the one after it are on one line."""
        count = 5000.0 + 100 * T
        count[place] = 1e6
        checked = check_readings(trace(T, count, "counter"), window(10, 110))
        assert [item.position for item in checked.left_out] == [place]

    def test_a_reset_is_no_glitch(self, trace: MakeTrace, window: MakeWindow) -> None:
        count = np.where(T < 60, 5000 + 100 * T, 100 * (T - 60)).astype(float)
        assert check_readings(trace(T, count, "counter"), window(10, 110)).left_out == ()

    def test_a_wrap_is_no_glitch(self, trace: MakeTrace, window: MakeWindow) -> None:
        readings = trace(T, (60_000 + 100.0 * T) % 65_532.0, "counter", counter_modulus_j=65_532.0)
        checked = check_readings(readings, window(10, 110))
        assert (checked.left_out, checked.fault) == ((), None)


@pytest.mark.parametrize(
    ("value", "kind", "header", "reason"),
    [
        pytest.param(np.full(121, 4711.0), "counter", {}, "did not move", id="dead from the start"),
        pytest.param(
            np.where(T < 50, 100.0 * T, 5000.0), "counter", {}, "stood still for", id="dies"
        ),
        pytest.param(150.0 + T % 3, "mean", {"averaging_s": 300.0}, "moving means", id="average"),
        pytest.param(8000.0 + T % 3, "mean", {"boundary": "board"}, "any board", id="8 kW board"),
        pytest.param(np.full(121, 4294967.295), "mean", {}, "most of its", id="only error values"),
    ],
)
def test_a_channel_that_measures_nothing_yields_no_energy(
    value: np.ndarray,
    kind: str,
    header: dict[str, Any],
    reason: str,
    trace: MakeTrace,
    window: MakeWindow,
    entry_of: Callable[..., Entry],
) -> None:
    readings = trace(T, value, kind, **header)
    assert energy_of(readings, window(10, 110), entry_of) is None
    result = score(entry_of(Run(id="r", window=window(10, 110), traces=(readings,))))
    assert result.energy.value is None
    assert any("yields no energy" in note and reason in note for note in result.notes)


@pytest.mark.parametrize(
    ("boundary", "least_w"), [("board", 1e-4), ("node", 0.01), ("wall", 0.02), ("rack", 1.0)]
)
def test_a_part_that_works_draws_more_than_next_to_nothing(
    boundary: str, least_w: float, trace: MakeTrace, window: MakeWindow
) -> None:
    for factor, is_dead in ((0.1, True), (0.9, True), (1.1, False)):
        power_w = np.full(121, factor * least_w)
        checked = check_readings(trace(T, power_w, boundary=boundary), window(10, 110))
        assert (checked.fault is not None) is is_dead
        if is_dead:
            assert f"less than any {boundary} draws" in str(checked.fault)


def test_one_dead_channel_of_two_leaves_no_sum(
    trace: MakeTrace, window: MakeWindow, entry_of: Callable[..., Entry]
) -> None:
    living = trace(T, 100.0 * T, "counter", id="a", boundary="board")
    dead = trace(T, np.full(121, 4711.0), "counter", id="b", boundary="board")
    run = Run(id="r", window=window(10, 110), traces=(living, dead))
    assert run_energy(entry_of(run), run).energy_j is None


def test_a_counter_that_is_updated_once_a_second_lives(
    trace: MakeTrace, window: MakeWindow
) -> None:
    stamps = np.arange(1200) / 10
    readings = trace(stamps, np.floor(stamps) * 100, "counter", nominal_interval_s=0.1)
    assert check_readings(readings, window(10, 110)).fault is None


@pytest.mark.parametrize(("interval_s", "refused"), [(1, False), (30, False), (300, True)])
def test_a_counter_must_be_read_before_it_may_pass_its_range(
    interval_s: int, refused: bool, trace: MakeTrace, window: MakeWindow
) -> None:
    stamps = np.arange(0, 3601, interval_s)
    count = (1000 + 100.0 * stamps) % 65_532
    readings = trace(
        stamps,
        count,
        "counter",
        boundary="package",
        counter_modulus_j=65_532.0,
        nominal_interval_s=float(interval_s),
    )
    fault = check_readings(readings, window(600, 3000)).fault
    assert (fault is not None and "may pass its range" in fault) == refused


@pytest.mark.parametrize(("still_s", "is_dead"), [(16, False), (17, True)])
def test_a_counter_may_stand_still_for_eight_of_its_usual_steps(
    still_s: int, is_dead: bool, trace: MakeTrace, window: MakeWindow
) -> None:
    """It rises every 2 s, and stops once; 16 s are eight steps, and more than a fifth of 70 s."""
    times = list(range(72))
    energy = [float(10 * (t // 2)) for t in times]
    for t in times:
        if 20 <= t < 20 + still_s:
            energy[t] = energy[20]
        elif t >= 20 + still_s:
            energy[t] = energy[20] + 10.0 * (1 + (t - 20 - still_s) // 2)
    checked = check_readings(trace(times, energy, "counter"), window(0, 70))
    assert (checked.fault is not None) is is_dead
    if is_dead:
        assert "stood still for 17 s" in str(checked.fault)


@pytest.mark.parametrize(
    ("bits", "unit"),
    [(31, 1.0), (31, 1e-3), (31, 1e-6), (32, 1.0), (32, 1e-3), (32, 1e-6)],
)
def test_all_ones_in_any_width_and_unit_are_no_reading(
    bits: int, unit: float, trace: MakeTrace, window: MakeWindow
) -> None:
    """In watts, milliwatts or microwatts, signed or unsigned."""
    code = float(2**bits - 1) * unit
    power = [300.0] * 5 + [code] + [300.0] * 5
    checked = check_readings(trace(range(11), power, boundary="rack"), window(0, 10))
    assert [reading.t_ns for reading in checked.left_out] == [trace([5], [1.0]).t_ns[0]]
    near = [300.0] * 5 + [301.0] + [300.0] * 5
    assert check_readings(trace(range(11), near, boundary="rack"), window(0, 10)).left_out == ()


@pytest.mark.parametrize("bits", [31, 32, 63, 64])
def test_all_ones_of_a_counter_are_no_energy(
    bits: int, trace: MakeTrace, window: MakeWindow
) -> None:
    """A counter of microjoules that answers with all ones once."""
    energy = [1000.0 + 300.0 * t for t in range(11)]
    energy[5] = float(2**bits - 1) * 1e-6
    checked = check_readings(trace(range(11), energy, "counter", boundary="board"), window(0, 10))
    (left_out,) = checked.left_out
    assert left_out.reason == (ERROR_VALUE if bits > 32 else GLITCH)
    assert checked.trace.value.tolist() == energy[:5] + energy[6:]


@pytest.mark.parametrize(("covered_s", "is_dead"), [(4.9, False), (5.0, True), (5.1, True)])
def test_a_counter_that_never_moves_is_dead_after_five_seconds(
    covered_s: float, is_dead: bool, trace: MakeTrace, window: MakeWindow
) -> None:
    times = [covered_s * k / 10 for k in range(11)]
    checked = check_readings(trace(times, [7.0] * 11, "counter"), window(0, covered_s))
    assert (checked.fault is not None) is is_dead
    if is_dead:
        assert f"did not move in {covered_s:.4g} s" in str(checked.fault)
