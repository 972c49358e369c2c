"""Courses of many traces are compared as those of few: the tree finds the same pairs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.auditing import scaled_courses as courses
from harness.traces.trace import Trace


@pytest.mark.parametrize("readings", [30, 60, 150])
def test_the_tree_finds_what_comparing_all_finds(
    readings: int, trace: Callable[..., Trace], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(readings)
    traces: list[Trace] = []
    for number in range(300):
        value = np.round(300 + 40 * rng.standard_normal(readings), 2)
        if number % 10 == 9:  # a copy, scaled and rounded: some are above the limit, some below
            value = np.round(traces[-3].value * rng.uniform(0.8, 1.2), int(rng.integers(0, 3)))
        traces.append(trace(np.arange(readings) + 1000 * number, value))
    traces.append(trace(np.arange(readings) + 10**6, np.full(readings, 7.0)))
    expected = courses.scaled_courses(traces)
    assert 10 < len(expected) <= 60
    monkeypatch.setattr(courses, "MAX_COMPARED_DIRECTLY", 10)
    found = courses.scaled_courses(traces)
    assert found == expected
    assert list(found) == list(expected)
