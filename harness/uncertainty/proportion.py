"""Shares of right answers: a count of few questions, drawn so that intervals keep their coverage.

A share is drawn from the middle between the two exact distributions of Clopper and Pearson (the
mid-P convention): with s right answers of n, half of the draws are Beta(s, n - s + 1), half are
Beta(s + 1, n - s). Two systems that answered the same questions are drawn together: questions that
both know, that one of them knows, and that none knows, by Dirichlet with a quarter of a question
added where they agree, and a whole one to each kind of disagreement: with less, two equal systems
were told apart in up to 8 % of simulated pairs of nominal 5 %. Pure.

References: Lancaster 1961 (mid-P); Rubin 1981 (Bayesian bootstrap).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from harness.uncertainty.random_draws import Floats, seeded_generator

PRIOR = (0.25, 1.0, 1.0, 0.25)
"""Questions added: that both know, that the first or the second alone knows, that none knows."""


def share_draws(right: float, questions: float, *, seed: int, key: str, draws: int) -> Floats:
    """Return draws of a share of right answers.

    Args:
        right: Right answers; a mean over several askings need not be whole.
        questions: Different questions, above 0.
        seed: Seed of the draws.
        key: Name of the share; draws of other names are independent.
        draws: How many.
    """
    random = seeded_generator(seed, f"share|{key}")
    upper = random.random(draws) < 0.5
    wrong = questions - right
    above = random.beta(right + 1, wrong, draws) if wrong > 0 else np.ones(draws)
    below = random.beta(right, wrong + 1, draws) if right > 0 else np.zeros(draws)
    return np.where(upper, above, below)


def paired_share_draws(
    first: Sequence[float], second: Sequence[float], *, seed: int, key: str, draws: int
) -> tuple[Floats, Floats]:
    """Return draws of two shares of right answers to the same questions.

    Args:
        first: For each question the share of right answers of the first system, 0 to 1.
        second: The same of the second system, in the same order.
        seed: Seed of the draws.
        key: Name of the pair.
        draws: How many.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    both, only_first = float(a @ b), float(a @ (1 - b))
    only_second, neither = float((1 - a) @ b), float((1 - a) @ (1 - b))
    counts = np.array([both, only_first, only_second, neither]) + np.array(PRIOR)
    cells = seeded_generator(seed, f"pair|{key}").dirichlet(counts, draws)
    return cells[:, 0] + cells[:, 1], cells[:, 0] + cells[:, 2]
