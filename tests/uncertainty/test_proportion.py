"""Draws of shares of right answers: exact at the ends, paired where questions are the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.uncertainty.proportion import paired_share_draws, share_draws

DRAWS = 40_000


def test_a_share_lies_between_the_exact_distributions() -> None:
    draws = share_draws(7, 20, seed=1, key="a", draws=DRAWS)
    middle = np.mean([stats.beta(7, 14).mean(), stats.beta(8, 13).mean()])
    assert draws.mean() == pytest.approx(middle, abs=0.002)
    ends = np.quantile(draws, [0.025, 0.975])
    assert stats.beta(7, 14).ppf(0.025) < ends[0] < stats.beta(8, 13).ppf(0.025)
    assert stats.beta(7, 14).ppf(0.975) < ends[1] < stats.beta(8, 13).ppf(0.975)


def test_all_or_none_right_reach_the_end_of_the_range() -> None:
    none = share_draws(0, 20, seed=1, key="a", draws=DRAWS)
    assert np.mean(none == 0) == pytest.approx(0.5, abs=0.02)
    every = share_draws(20, 20, seed=1, key="a", draws=DRAWS)
    assert np.mean(every == 1) == pytest.approx(0.5, abs=0.02)
    assert every.min() > 0.5


def test_draws_depend_on_seed_and_key_alone() -> None:
    first = share_draws(7, 20, seed=1, key="a", draws=10)
    assert np.array_equal(first, share_draws(7, 20, seed=1, key="a", draws=10))
    assert not np.array_equal(first, share_draws(7, 20, seed=1, key="b", draws=10))
    assert not np.array_equal(first, share_draws(7, 20, seed=2, key="a", draws=10))


def test_the_same_answers_to_the_same_questions_differ_little() -> None:
    right = [1.0] * 50 + [0.0] * 50
    same = np.subtract(*paired_share_draws(right, right, seed=1, key="p", draws=DRAWS))
    opposite = np.subtract(*paired_share_draws(right, right[::-1], seed=1, key="p", draws=DRAWS))
    assert same.std() < 0.02
    assert opposite.std() == pytest.approx(0.1, rel=0.1)


def test_a_difference_is_centred_on_that_of_the_answers() -> None:
    first, second = [1.0] * 120 + [0.0] * 80, [1.0] * 100 + [0.0] * 100
    shares = paired_share_draws(first, second, seed=1, key="p", draws=DRAWS)
    assert np.subtract(*shares).mean() == pytest.approx(20 / 202.5, abs=0.002)
    assert shares[0].mean() == pytest.approx(121.25 / 202.5, abs=0.002)
