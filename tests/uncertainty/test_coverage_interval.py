"""Ends of coverage intervals, whatever the blocks of draws look like."""

from __future__ import annotations

import numpy as np
import pytest

from harness.uncertainty.coverage_interval import IntervalEnds, interval
from harness.uncertainty.random_draws import BLOCK


def test_ends_are_order_statistics_of_each_block() -> None:
    """Of equally spaced values 2.5 % lie below the low end, and 2.5 % above the high end."""
    values = np.random.default_rng(1).permutation(np.arange(BLOCK, dtype=float))
    position = int(0.025 * BLOCK)
    low, high = interval(values)
    assert low == pytest.approx(position, abs=1)
    assert high == pytest.approx(BLOCK - 1 - position, abs=1)


def test_the_interval_is_the_mean_over_blocks_and_their_spread_the_error() -> None:
    ends = IntervalEnds(0.95)
    base = np.random.default_rng(1).permutation(np.arange(BLOCK, dtype=float))
    for shift in (0.0, 6.0, 12.0):
        ends.add_block(base + shift)
    one = IntervalEnds(0.95)
    one.add_block(base)
    assert ends.mean()[0] == pytest.approx(one.mean()[0] + 6.0)
    assert ends.mean()[1] == pytest.approx(one.mean()[1] + 6.0)
    assert ends.standard_error() == pytest.approx(6.0 / np.sqrt(3))
    assert one.standard_error() == np.inf
    one.add_block(base + 6.0)
    assert one.standard_error() == pytest.approx(3.0)


@pytest.mark.parametrize("second", [0.0, 1e9, -1e9])
def test_a_block_of_equal_draws_has_no_tails_and_its_value_as_ends(second: float) -> None:
    """The fences of the first block say nothing about it."""
    ends = IntervalEnds(0.95)
    ends.add_block(np.random.default_rng(1).normal(size=BLOCK))
    first = ends.mean()
    ends.add_block(np.full(BLOCK, second))
    low, high = ends.mean()
    assert low == pytest.approx((first[0] + second) / 2)
    assert high == pytest.approx((first[1] + second) / 2)


def test_a_short_block_counts_only_where_it_is_alone() -> None:
    ends = IntervalEnds(0.95)
    ends.add_block(np.arange(100.0))
    assert ends.mean() == (pytest.approx(2.0, abs=1), pytest.approx(97.0, abs=1))
    before = ends.mean()
    ends.add_block(np.full(10, 1e6))
    assert ends.mean() == before


def test_a_block_with_few_draws_beyond_the_fences_is_sorted_whole() -> None:
    """Five draws far out are fewer than the end needs: it lies among the others."""
    ends = IntervalEnds(0.95)
    ends.add_block(np.random.default_rng(1).normal(size=BLOCK))
    first = ends.mean()
    calm = np.linspace(-0.5, 0.5, BLOCK)
    calm[:5] = 100.0
    ends.add_block(calm)
    position = int(0.025 * BLOCK)
    ordered = np.sort(calm)
    assert ends.mean()[0] == pytest.approx((first[0] + ordered[position]) / 2)
    assert ends.mean()[1] == pytest.approx((first[1] + ordered[-1 - position]) / 2)
