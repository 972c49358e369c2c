"""A clock that is a time zone off is distinguished from one that is wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.core.timestamps import NS
from harness.traces.clean import build_trace
from harness.traces.time_zone import zone_shift_ns

HOUR = 3600


@pytest.mark.parametrize("hours", [-12, -5, -0.75, 0.25, 1, 5.5, 5.75, 14])
def test_a_zone_is_found(hours: float, trace: Callable, window: Callable) -> None:
    shift = hours * HOUR
    made = trace([t - shift for t in range(-20, 620)], [100.0] * 640)
    assert zone_shift_ns(made, window(0, 600)) == shift * NS


def test_clocks_that_agree_need_no_shift(trace: Callable, window: Callable) -> None:
    assert zone_shift_ns(trace(range(-20, 620), [100.0] * 640), window(0, 600)) == 0


def test_readings_that_overlap_at_all_are_in_the_same_zone(
    trace: Callable, window: Callable
) -> None:
    """Half a window is lost, and that must show as coverage."""
    assert zone_shift_ns(trace(range(300, 900), [100.0] * 600), window(0, 600)) == 0


@pytest.mark.parametrize("seconds", [3600 * 15, 3600 * 24 * 365, 450 + 3600])
def test_what_no_zone_explains_stays(seconds: float, trace: Callable, window: Callable) -> None:
    made = trace([t + seconds for t in range(600)], [100.0] * 600)
    assert zone_shift_ns(made, window(0, 600)) == 0


def test_a_trace_too_short_for_the_window_is_not_moved(trace: Callable, window: Callable) -> None:
    assert zone_shift_ns(trace([t + HOUR for t in range(100)], [100.0] * 100), window(0, 600)) == 0


def test_nothing_to_align(channel: Callable, window: Callable) -> None:
    empty = build_trace(channel(), np.zeros(0, np.int64), np.zeros(0))
    assert zone_shift_ns(empty, window(0, 600)) == 0
    assert zone_shift_ns(empty, window(600, 0)) == 0
