"""Ratios of pairs: geometric mean, Student's t, and no interval from a single pair."""

from __future__ import annotations

import math

import pytest

from harness.uncertainty.paired import TOO_FEW, geometric_mean, paired_ratio


def test_ratio_of_three_pairs_by_hand() -> None:
    """Logarithms to base 2: 1, 2, 3; standard error 1/sqrt(3); t of 2 degrees is 4.30265."""
    found = paired_ratio([2.0, 12.0, 40.0], [1.0, 3.0, 5.0])
    half = 4.302653 / math.sqrt(3)
    assert (found.value, found.unit) == (pytest.approx(4.0), "1")
    assert found.low == pytest.approx(2 ** (2 - half), rel=1e-6)
    assert found.high == pytest.approx(2 ** (2 + half), rel=1e-6)


def test_what_a_pair_shares_cancels() -> None:
    drifting = [1.0, 10.0, 100.0, 7.0]
    found = paired_ratio([3 * value for value in drifting], drifting)
    assert found.low == pytest.approx(3.0)
    assert found.high == pytest.approx(3.0)


def test_level_widens_the_interval() -> None:
    values = [1.0, 1.1, 1.3]
    wide, narrow = (geometric_mean(values, "s", level=level) for level in (0.99, 0.5))
    assert wide.low < narrow.low < wide.value < narrow.high < wide.high
    assert (wide.level, wide.unit) == (0.99, "s")


def test_a_single_pair_has_no_interval_and_none_no_value() -> None:
    single = paired_ratio([6.0], [2.0])
    assert (single.value, single.low, single.high) == (pytest.approx(3.0), None, None)
    assert single.note == TOO_FEW
    assert paired_ratio([], []).value is None


def test_pairs_must_be_pairs() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired_ratio([1.0, 2.0], [1.0])
