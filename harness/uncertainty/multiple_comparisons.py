"""All pairs of a table at once: which entries differ, with one error rate for the whole table.

The step-down max-|T| procedure (Westfall and Young 1993; Romano and Wolf 2005) judges the largest
difference against the largest that chance gives over all pairs, then the remaining pairs against
the remaining ones. Joint draws carry what entries share: a common meter does not blur an order, and
a table of ties does not invent one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
CHUNK_PAIRS = 64
"""Pairs of one entry that are judged at once."""


def significant_differences(
    values: Floats, errors: Floats, standard_errors: Floats, level: float
) -> Booleans:
    """Return which pairs of entries differ beyond chance.

    Args:
        values: Estimates on an additive (logarithmic) scale, shape (k,).
        errors: Joint draws of their errors, shape (k, draws), centred on 0.
        standard_errors: Standard error of each difference, shape (k, k), symmetric.
        level: Share of tables that hold no false order, 0 to 1.

    Returns:
        A symmetric matrix, shape (k, k): True where the difference is beyond chance.
    """
    k = len(values)
    different = np.zeros((k, k), bool)
    if k < 2:
        return different
    distance = np.abs(values[:, None] - values[None, :])
    # 1. Without any error, unequal values differ.
    different |= (standard_errors <= 0) & (distance > 0)
    with np.errstate(divide="ignore"):
        weights = np.where(standard_errors > 0, 1 / standard_errors, 0.0)
    statistics = distance * weights
    undecided = np.triu(~different, 1)
    single_errors = errors.astype(np.float32)
    # 2. Step down: the largest statistics that chance gives over the undecided pairs decide.
    while undecided.any():
        largest = _largest_statistics(single_errors, weights, undecided)
        limit = float(np.quantile(largest, level, method="higher"))
        beyond = undecided & (statistics > limit)
        if not beyond.any():
            break
        different |= beyond | beyond.T
        undecided &= ~beyond
    return different


def _largest_statistics(
    errors: NDArray[np.float32], weights: Floats, undecided: Booleans
) -> NDArray[np.float32]:
    """Return the largest |T| over the undecided pairs in each draw, shape (draws,)."""
    largest = np.zeros(errors.shape[1], np.float32)
    for i in range(len(errors)):
        rivals = np.flatnonzero(undecided[i])
        for start in range(0, len(rivals), CHUNK_PAIRS):
            chunk = rivals[start : start + CHUNK_PAIRS]
            statistics = errors[chunk] - errors[i]
            np.abs(statistics, out=statistics)
            statistics *= weights[i, chunk, None].astype(np.float32)
            np.maximum(largest, statistics.max(axis=0), out=largest)
    return largest


def rank_sets(values: Floats, different: Booleans) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the best and the worst rank of each entry, lower values first.

    The set is [1 + number of entries that are better, k - number that are worse].

    Args:
        values: Estimates, shape (k,).
        different: Matrix from `significant_differences`.
    """
    below = values[None, :] < values[:, None]
    above = values[None, :] > values[:, None]
    better = (different & below).sum(axis=1)
    worse = (different & above).sum(axis=1)
    return 1 + better, len(values) - worse
