"""Draws of shares of right answers: of nominal coverage, paired where questions are the same."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.uncertainty.proportion import paired_share_draws, share_draws

DRAWS = 40_000


def test_ends_of_the_draws_are_those_of_wilsons_interval() -> None:
    draws = share_draws(7, 20, seed=1, key="a", draws=DRAWS)
    wilson = stats.binomtest(7, 20).proportion_ci(0.95, "wilson")
    assert np.quantile(draws, [0.025, 0.975]) == pytest.approx(wilson, abs=0.004)


def test_all_or_none_right_reach_the_end_of_the_range() -> None:
    none = share_draws(0, 20, seed=1, key="a", draws=DRAWS)
    assert np.mean(none < 1e-9) == pytest.approx(0.5, abs=0.02)
    every = share_draws(20, 20, seed=1, key="a", draws=DRAWS)
    assert np.mean(every > 1 - 1e-9) == pytest.approx(0.5, abs=0.02)
    assert every.min() > 0.4
    assert every.max() <= 1


@pytest.mark.parametrize("accuracy", [0.05, 0.1, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("questions", [50, 100])
def test_intervals_cover_the_nominal_share_summed_over_all_counts(
    accuracy: float, questions: int
) -> None:
    counts = np.arange(1, questions + 1)  # no figure is printed without a right answer
    drawn = [share_draws(count, questions, seed=1, key="a", draws=4000) for count in counts]
    ends = np.quantile(drawn, [0.025, 0.975], axis=1)
    coverages = []
    for share in np.linspace(0.9, 1.1, 41) * min(accuracy, 1 - accuracy):
        true_share = share if accuracy < 0.5 else 1 - share
        inside = (ends[0] <= true_share) & (true_share <= ends[1])
        chances = stats.binom.pmf(counts, questions, true_share)
        coverages.append(chances[inside].sum() + stats.binom.pmf(0, questions, true_share))
    assert 0.94 <= np.mean(coverages) <= 0.97


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
    assert np.subtract(*shares).mean() == pytest.approx(19.5 / 202.5, abs=0.002)
    assert shares[0].mean() == pytest.approx(121 / 202.5, abs=0.002)
