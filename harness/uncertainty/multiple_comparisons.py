"""All pairs at once: which entries of a table differ, with one error rate for the whole table.

Step-down max-|T| (Westfall and Young 1993; Romano and Wolf 2005): the largest difference is judged against the largest
that chance gives over all pairs, then the rest against the rest. Joint draws carry what entries share, so that a
common meter does not blur an order, and a table of ties does not invent one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]


def differ(value: Floats, error: Floats, scale: Floats, level: float) -> Booleans:
    """Pairs of entries that differ.

    value: estimates on an additive (logarithmic) scale, shape (k,)
    error: joint draws of their errors, shape (k, draws), centred on 0
    scale: standard error of each difference, shape (k, k), symmetric
    level: share of tables without any false order, 0..1

    Returns a symmetric matrix, shape (k, k): True where the difference is beyond chance.
    """
    k = len(value)
    found = np.zeros((k, k), bool)
    if k < 2:
        return found
    with np.errstate(divide="ignore"):
        weight = np.where(scale > 0, 1 / scale, 0.0)
    apart = np.abs(value[:, None] - value[None, :])
    found |= (scale <= 0) & (apart > 0)
    observed = apart * weight
    active = np.triu(~found, 1)
    small = error.astype(np.float32)
    while active.any():
        largest = _largest(small, weight, active)
        limit = float(np.quantile(largest, level, method="higher"))
        newly = active & (observed > limit)
        if not newly.any():
            break
        found |= newly | newly.T
        active &= ~newly
    return found


def _largest(error: NDArray[np.float32], weight: Floats, active: Booleans) -> NDArray[np.float32]:
    """Largest |T| over the active pairs in each draw, shape (draws,); one entry against the others at a time."""
    largest = np.zeros(error.shape[1], np.float32)
    for i in range(len(error)):
        others = np.flatnonzero(active[i])
        for first in range(0, len(others), 64):
            block = others[first : first + 64]
            apart = error[block] - error[i]
            np.abs(apart, out=apart)
            apart *= weight[i, block, None].astype(np.float32)
            np.maximum(largest, apart.max(axis=0), out=largest)
    return largest


def rank_sets(value: Floats, different: Booleans) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Best and worst rank of each entry, lower values first: [1 + number better, k - number worse].

    value: estimates, shape (k,); different: as from `differ`
    """
    below = value[None, :] < value[:, None]
    better = (different & below).sum(axis=1)
    worse = (different & ~below & (value[None, :] > value[:, None])).sum(axis=1)
    return 1 + better, len(value) - worse
