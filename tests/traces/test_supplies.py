"""Efficiency of power supplies over their load."""

from __future__ import annotations

import numpy as np
import pytest

from harness.traces.supplies import Supply, SupplyCurve, grades, lowest_efficiency


@pytest.mark.parametrize(
    ("grade", "share", "efficiency"),
    [
        ("bronze", 0.5, 0.85),
        ("gold", 0.2, 0.88),
        ("platinum", 1.0, 0.91),
        ("titanium", 0.1, 0.9),
        ("titanium", 0.5, 0.96),
    ],
)
def test_curves_go_through_the_points_of_80_plus(
    grade: str, share: float, efficiency: float
) -> None:
    assert grades()[grade].efficiency(share) == pytest.approx(efficiency)


def test_losses_stay_below_the_lowest_point_so_that_efficiency_falls_to_zero() -> None:
    curve = SupplyCurve((0.2, 1.0), (0.9, 0.9))
    loss = 0.2 * (1 / 0.9 - 1)
    assert curve.efficiency(0.1) == pytest.approx(0.1 / (0.1 + loss))
    assert curve.efficiency(0.0) == 0.0


def test_output_is_found_from_the_input() -> None:
    curve = grades()["platinum"]
    shares = np.array([0.05, 0.2, 0.33, 0.5, 0.8, 1.0])
    inputs_w = 2000 * shares / curve.efficiency(shares)
    assert curve.output_w(inputs_w, 2000.0) == pytest.approx(2000 * shares, rel=2e-3)


def test_overloaded_supplies_keep_the_efficiency_of_full_load() -> None:
    curve = grades()["gold"]
    assert curve.output_w(np.array([4000.0]), 1000.0) == pytest.approx(4000 * 0.88, rel=1e-3)


def test_a_curve_can_be_scaled_to_a_peak() -> None:
    curve = grades()["platinum"].with_peak(0.93)
    assert curve.efficiency(0.5) == pytest.approx(0.93)
    assert curve.efficiency(0.2) < 0.93


@pytest.mark.parametrize(
    ("peak", "mean_w", "lowest"),
    [
        # at full load: between a quarter of the rated output and all of it
        pytest.param(0.94, 1000.0, 0.91, id="full load, platinum"),
        # at 40 % of the largest reading: down to a tenth
        pytest.param(0.96, 400.0, 0.9, id="light load, titanium"),
        # better than any grade: the best one, scaled
        pytest.param(0.98, 1000.0, grades()["titanium"].with_peak(0.98).lowest(0.25, 1), id="best"),
    ],
)
def test_a_stated_peak_leaves_all_loads_open_that_the_readings_allow(
    peak: float, mean_w: float, lowest: float
) -> None:
    assert lowest_efficiency(peak, mean_w, 1000.0) == pytest.approx(lowest)


def test_of_several_points_at_one_share_the_lowest_counts() -> None:
    supply = Supply.from_document(
        {
            "rated_w": 800,
            "grade": "certificate",
            "points": [[1, 0.9], [0.5, 0.94], [0.5, 0.92], [0.2, 0.9]],
        }
    )
    assert supply.points == ((0.2, 0.9), (0.5, 0.92), (1.0, 0.9))


@pytest.mark.parametrize(
    "document",
    [
        {"rated_w": 800.0, "grade": "gold"},
        {"rated_w": 800.0, "grade": "certificate", "points": [[0.2, 0.9], [1.0, 0.92]]},
    ],
)
def test_a_document_survives_reading_and_writing(document: dict[str, object]) -> None:
    assert Supply.from_document(document).document() == document
