"""Edges of a window: each branch of the evidence by which the part inside is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.energy.integrate import energy
from harness.traces.trace import Trace, Window

MakeTrace = Callable[..., Trace]
MakeWindow = Callable[[float, float], Window]

IDLE, LOAD = [50.0] * 8, [200.0] * 12
STEADY = {"nominal_interval_s": 1.0, "update_interval_s": 0.0}


def cells(start_w: float, end_w: float, before: list[float], after: list[float]) -> list[float]:
    """Cells of a second: before, one that crosses the start, load, one across the end, after."""
    return [*before, start_w, *LOAD, end_w, *after]


def around(kind: str, powers: list[float], trace: MakeTrace) -> Trace:
    """A trace of cells of a second, the first of which ends at 1 s."""
    value = powers if kind == "mean" else np.cumsum([0.0, *powers]).tolist()
    t_s = range(1, len(powers) + 1) if kind == "mean" else range(len(powers) + 1)
    return trace(t_s, value, kind, **STEADY)


START, END = 8.4, 21.3
"""A window that covers 0.6 s of the cell across its start and 0.3 s of the one across its end."""
FULL_START, FULL_END = 0.6 * 200 + 0.4 * 50, 0.3 * 200 + 0.7 * 50
"""Mean power of these cells where the load fills the window exactly [W]."""


@pytest.mark.parametrize("kind", ["mean", "counter"])
@pytest.mark.parametrize(
    ("start_w", "before", "rule", "inside_j", "half_width_j"),
    [
        # the rest is what the load draws: taken off the cell, or held; both are the same joules
        pytest.param(FULL_START, IDLE, None, 0.6 * 200, 0.0, id="load begins with the window"),
        # load that rises for half a second leaves less: idle is the floor, so the rest is known
        pytest.param(FULL_START - 37.5, IDLE, "outside", 0.6 * 200 - 37.5, 0.0, id="ramp"),
        # more than the load can draw, with power outside: it went on before the window
        pytest.param(
            0.6 * 200 + 0.4 * 120 + 30,
            [*IDLE, *[120.0] * 8],
            "held",
            0.6 * 200,
            0.0,
            id="load began before",
        ),
        # more than the load can draw next to the floor: a moment more of load, or swings
        pytest.param(
            FULL_START + 30,
            IDLE,
            "surplus",
            0.6 * 200 + 30 / 2,
            30 / 2 / 0.8,
            id="load for a moment before, or one that swings",
        ),
        # 180 W outside is not the floor (50 W): the load may have dipped before the window
        pytest.param(
            0.6 * 200 + 0.4 * 150,
            [*IDLE, *[180.0] * 8],
            "between",
            (0.6 * 200 + (0.6 * 200 + 0.4 * 150 - 0.4 * 180)) / 2,
            (0.4 * 30) / 2 / 0.8,
            id="warm-up that may dip",
        ),
        # 60 W outside, and never below 50 W: a dip is at most 10 W deep
        pytest.param(
            0.3 * 200 + 0.4 * 60,
            [*IDLE, *[60.0] * 8],
            "between",
            0.3 * 200 + 0.4 * 10 / 2,
            (0.4 * 10) / 2 / 0.8,
            id="ramp, with a dip down to the floor at most",
        ),
        # fewer than three cells outside do not show a floor
        pytest.param(
            FULL_START - 30,
            [50.0, 50.0],
            "between",
            0.6 * 200 - 15,
            15 / 0.8,
            id="too little outside to tell",
        ),
    ],
)
def test_edge_is_decided_by_evidence(
    kind: str,
    start_w: float,
    before: list[float],
    rule: str | None,
    inside_j: float,
    half_width_j: float,
    trace: MakeTrace,
    window: MakeWindow,
) -> None:
    shift = len(before) - len(IDLE)
    powers = cells(start_w, FULL_END, before, IDLE if len(before) > 2 else [50.0, 50.0])
    found = energy(around(kind, powers, trace), window(START + shift, END + shift))
    assert found is not None
    edge = found.edges[0]
    assert rule is None or edge.rule == rule
    assert edge.energy_j == pytest.approx(inside_j)
    assert edge.half_width_j == pytest.approx(half_width_j)


def test_the_end_of_a_window_is_decided_alike(trace: MakeTrace, window: MakeWindow) -> None:
    decays = [*[150.0, 100.0, 75.0], *IDLE]
    powers = cells(FULL_START, 0.3 * 200 + 0.7 * 180, IDLE, decays)
    found = energy(around("mean", powers, trace), window(START, END))
    assert found is not None
    assert found.edges[1].rule == "held"  # load goes on after the window
    assert found.edges[1].energy_j == pytest.approx(0.3 * 200)


def test_a_lone_spike_outside_does_not_hide_the_floor(trace: MakeTrace, window: MakeWindow) -> None:
    before = [50.0, 50.0, 300.0, 50.0, 50.0, 50.0, 50.0, 50.0]
    powers = cells(FULL_START - 37.5, FULL_END, before, IDLE)
    found = energy(around("mean", powers, trace), window(START, END))
    assert found is not None
    assert found.edges[0].rule == "outside"


def test_noisy_idle_is_a_floor_within_its_scatter(trace: MakeTrace, window: MakeWindow) -> None:
    idle = (50 + np.random.default_rng(3).normal(0, 5, 60)).tolist()
    powers = cells(FULL_START - 37.5, FULL_END, idle, idle[::-1])
    found = energy(around("mean", powers, trace), window(START + 52, END + 52))
    assert found is not None
    assert found.edges[0].rule == "outside"
    assert found.edges[0].u_j > 0


def test_idle_that_wanders_for_cells_is_a_floor_within_its_scatter(
    trace: MakeTrace, window: MakeWindow
) -> None:
    """Idle changes by 3 W every five cells, so that most steps over one or two cells are nothing.

    What the load leaves in the crossing cell is 0.6 s of 150 W.
    """
    idle = ([50.0] * 5 + [53.0] * 5) * 6
    powers = cells(0.6 * 150 + 0.4 * 51.5, FULL_END, idle, idle[::-1])
    found = energy(around("mean", powers, trace), window(START + 52, END + 52))
    assert found is not None
    assert found.edges[0].rule == "outside"
    assert found.edges[0].energy_j == pytest.approx(0.6 * 150)


def test_a_gap_over_an_edge_leaves_room_for_load_that_swings(
    trace: MakeTrace, window: MakeWindow
) -> None:
    """The load swings by 20 W, so 1.6 s without readings have 10 W sqrt(1.6 s (1 s + 1.6 s))."""
    load = [190.0, 210.0] * 6
    powers = np.array([*IDLE, FULL_START, *load, FULL_END, *IDLE])
    t_s = np.arange(1, len(powers) + 1)
    kept = (t_s <= 3) | (t_s >= 11)
    found = energy(trace(t_s[kept], powers[kept], **STEADY), window(START, END))
    assert found is not None
    edge = found.edges[0]
    assert edge.rule == "gap"
    half_difference_j = 1.6 * (200 - 50) / 2
    noise_j = 10 * (1.6 * 2.6) ** 0.5
    assert edge.half_width_j == pytest.approx((half_difference_j + 2 * noise_j) / 0.95)


@pytest.mark.parametrize(
    ("gap", "end", "read_j", "unread_s"),
    [
        pytest.param((3, 11), 21.3, 200.0, 1.6, id="start"),
        pytest.param((16, 24), 21.3, 0.0, 5.3, id="end"),
    ],
)
def test_gap_over_an_edge_lies_between_the_powers_of_both_sides(
    gap: tuple[int, int],
    end: float,
    read_j: float,
    unread_s: float,
    trace: MakeTrace,
    window: MakeWindow,
) -> None:
    powers = np.array(cells(FULL_START, FULL_END, IDLE, IDLE))
    t_s = np.arange(1, len(powers) + 1)
    kept = (t_s <= gap[0]) | (t_s >= gap[1])
    found = energy(trace(t_s[kept], powers[kept], **STEADY), window(START, end))
    assert found is not None
    edge = found.edges[0 if gap[0] < START else 1]
    assert edge.rule == "gap"
    assert edge.energy_j == pytest.approx(read_j + unread_s * (200 + 50) / 2)
    assert edge.half_width_j == pytest.approx(unread_s * 75 / 0.95)


class TestInstant:
    """Readings do not show when within an interval the load steps."""

    def test_the_step_times_one_interval_is_in_the_budget(
        self, trace: MakeTrace, window: MakeWindow
    ) -> None:
        value = [60.0] * 5 + [200.0] * 20 + [60.0] * 5
        found = energy(trace(range(30), value, "instant"), window(4.5, 24.5))
        assert found is not None
        assert [edge.half_width_j for edge in found.edges] == pytest.approx([70.0, 70.0])

    def test_steady_load_has_no_step(self, trace: MakeTrace, window: MakeWindow) -> None:
        found = energy(trace(range(30), [200.0] * 30, "instant"), window(4.5, 24.5))
        assert found is not None
        assert [edge.half_width_j for edge in found.edges] == [0.0, 0.0]


def test_coverage_of_ramps_over_many_phases(channel: Callable[..., Any]) -> None:
    """A power-capped load whose rise no scatter gives away is found in every phase of the meter."""
    from harness.traces.clean import build_trace

    for phase in (np.arange(20) + 0.5) / 20:
        fine = np.arange(-10_000, 40_000) / 1000
        power = np.where((fine < 0) | (fine > 30), 60.0, 60 + 140 * np.clip(fine / 0.5, 0, 1))
        joules = np.concatenate([[0.0], np.cumsum(power) / 1000])
        stamps = np.arange(-9, 39) + phase
        read = np.diff(np.interp(stamps, np.arange(-10_000, 40_001) / 1000, joules))
        t_ns = np.round((stamps[1:] + 1000) * 1e9).astype(np.int64)
        found = energy(build_trace(channel("mean"), t_ns, read), Window(1000 * 10**9, 1030 * 10**9))
        assert found is not None
        assert found.energy_j == pytest.approx(30 * 200 - 0.25 * 140, abs=0.5)
