"""Courses of two traces that are one course at another scale."""

import numpy as np
import pytest

from harness.auditing.scaled_courses import normalised


def test_small_steps_have_mean_0_and_norm_1_too() -> None:
    """Steps of milliwatts correlate like steps of kilowatts; a flat trace stays flat."""
    steps = np.array([[0.003, 0.001], [5000.0, 3000.0], [7.0, 7.0]])
    half = 0.5**0.5
    expected = [[half, -half], [half, -half], [0.0, 0.0]]
    assert normalised(steps) == pytest.approx(np.array(expected))
