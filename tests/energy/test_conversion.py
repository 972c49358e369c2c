"""Energy behind power supplies: by their curve, or by one stated efficiency and all below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.energy.conversion import NO_CONVERSION, conversion
from harness.formats.base import Entry, Run
from harness.scoring.result import Result
from harness.scoring.score import score
from harness.traces.supplies import Supply, grades
from harness.traces.trace import Trace, Window

MakeTrace = Callable[..., Trace]
MakeWindow = Callable[[float, float], Window]
Scored = Callable[[Trace, Window], Result]

IDLE, LOAD = [200.0] * 10, [1000.0] * 40


def readings(kind: str, trace: MakeTrace, **channel: Any) -> Trace:
    powers = [*IDLE, *LOAD, *IDLE]
    if kind == "counter":
        return trace(range(len(powers) + 1), np.cumsum([0.0, *powers]).tolist(), kind, **channel)
    return trace(range(1, len(powers) + 1), powers, kind, **channel)


@pytest.fixture
def scored(entry_of: Callable[..., Entry]) -> Callable[[Trace, Window], Result]:
    """Score one run."""

    def result(trace: Trace, window: Window) -> Result:
        run = Run(id="run_1", window=window, traces=(trace,), success=True)
        return score(entry_of(run), draws=5_000)

    return result


def test_nothing_stated_converts_nothing(trace: MakeTrace, window: MakeWindow) -> None:
    assert conversion(readings("mean", trace), window(10, 50)) == NO_CONVERSION


@pytest.mark.parametrize("kind", ["mean", "counter"])
def test_a_curve_is_read_at_the_load_of_each_cell(
    kind: str, trace: MakeTrace, window: MakeWindow
) -> None:
    """1 kW at the wall: output of 940 W at half of the rated output, by the grade."""
    supply = Supply(1880.0, "platinum")
    found = conversion(readings(kind, trace, supply=supply), window(10, 50))
    assert found.factor == pytest.approx(0.94, rel=1e-3)
    assert found.below == 0.0


def test_light_and_full_load_are_converted_apart(trace: MakeTrace, window: MakeWindow) -> None:
    """The efficiency of the mean power would be another one."""
    supply = Supply(1000.0, "certificate", ((0.2, 0.8), (1.0, 0.9)))
    found = conversion(readings("mean", trace, supply=supply), window(0, 50))
    watts = np.array([200.0] * 10 + [1000.0] * 40)
    output_j = supply.curve.output_w(watts, 1000.0).sum()
    assert found.factor == pytest.approx(output_j / watts.sum())


def test_one_stated_efficiency_reaches_down_to_part_load(
    trace: MakeTrace, window: MakeWindow
) -> None:
    """At 1 kW, the largest reading, supplies of the grade run at 25 to 100 % of their output."""
    found = conversion(readings("mean", trace, conversion_efficiency=0.94), window(10, 50))
    assert found.factor == 0.94
    assert 0.94 * (1 - found.below) == pytest.approx(grades()["platinum"].lowest(0.25, 1.0))


@pytest.mark.parametrize("stated", [1.0, 1.2, -0.5])
def test_what_no_supply_does_is_left_to_the_audit(
    stated: float, trace: MakeTrace, window: MakeWindow
) -> None:
    found = conversion(readings("mean", trace, conversion_efficiency=stated), window(10, 50))
    assert (found.factor, found.below) == (stated, 0.0)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.8, 1.0])
def test_the_interval_of_a_stated_peak_holds_the_energy_at_any_load(
    share: float, scored: Scored, trace: MakeTrace, window: MakeWindow
) -> None:
    """The first method took the peak as a constant, and held none of these."""
    truth_j = 40_000 * float(grades()["platinum"].efficiency(share))
    found = readings("mean", trace, conversion_efficiency=0.94, clock_error_s=0.0)
    energy = scored(found, window(10, 50)).energy
    assert energy.low is not None
    assert energy.high is not None
    assert energy.low <= truth_j <= energy.high


def test_the_budget_and_the_notes_name_the_supplies(
    scored: Scored, trace: MakeTrace, window: MakeWindow
) -> None:
    stated = scored(readings("mean", trace, conversion_efficiency=0.94), window(10, 50))
    assert "supplies at part load" in {row.term for row in stated.rows}
    assert any("a peak at most" in note for note in stated.notes)
    supply = Supply(1880.0, "platinum")
    by_curve = scored(readings("mean", trace, supply=supply), window(10, 50))
    assert "supplies at part load" not in {row.term for row in by_curve.rows}
    assert any("supplies at their load, 0.94" in note for note in by_curve.notes)


def test_a_supply_survives_in_the_header_of_a_channel(trace: MakeTrace) -> None:
    channel = replace(trace([1], [1.0]).channel, supply=Supply(900.0, "gold"))
    assert type(channel).from_header(channel.header()).supply == channel.supply
