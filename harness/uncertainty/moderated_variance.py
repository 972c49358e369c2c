"""Run variances of a table, moderated: each entry's own, drawn towards what all entries of the table show.

Smyth 2004 (Statistical Applications in Genetics and Molecular Biology 3, article 3): the variances of K entries are
taken as scaled inverse chi-square around s0^2 with d0 degrees of freedom, both estimated from the K variances by the
moments of their logarithms. With three runs an entry's own variance is nearly worthless; K of them together are not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FLOOR = 1e-5
"""A variance below this share of the median one is taken as that: a logarithm needs a positive number."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What the variances of a table have in common.

    variance: s0^2, of the logarithm of a run's energy; dof: d0; infinite where the variances agree, 0 where the table
    says nothing (fewer than two entries with two runs or more)
    pooled: sum of the degrees of freedom of all entries: no moderated variance knows more than all of them together
    """

    variance: float
    dof: float
    pooled: float = math.inf


def prior(variances: Sequence[float], dofs: Sequence[int]) -> Prior:
    """Moment estimate of s0^2 and d0 from variances with their degrees of freedom (Smyth 2004, section 6.2)."""
    known = [
        (v, d)
        for v, d in zip(variances, dofs, strict=True)
        if d > 0 and math.isfinite(v) and v >= 0
    ]
    if len(known) < 2:
        return Prior(known[0][0], 0.0, known[0][1]) if known else Prior(0.0, 0.0, 0.0)
    variance, dof = (np.array(column, float) for column in zip(*known, strict=True))
    pooled = float(dof.sum())
    median = float(np.median(variance))
    if median <= 0:
        return Prior(float(variance.mean()), 0.0, pooled)
    from scipy.special import digamma, polygamma

    half = dof / 2
    logs = np.log(np.maximum(variance, FLOOR * median)) - digamma(half) + np.log(half)
    spread = float(
        np.sum((logs - logs.mean()) ** 2) / (len(logs) - 1) - np.mean(polygamma(1, half))
    )
    if spread <= 0:
        return Prior(float(np.average(variance, weights=dof)), math.inf, pooled)
    d0 = 2 * _inverse_trigamma(spread)
    return Prior(float(np.exp(logs.mean() + digamma(d0 / 2) - math.log(d0 / 2))), d0, pooled)


def _inverse_trigamma(y: float) -> float:
    """x with trigamma(x) = y, by Newton's method on 1/trigamma (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    if y > 1e7:
        return 1 / math.sqrt(y)
    x = 0.5 + 1 / y
    for _ in range(50):
        value = float(polygamma(1, x))
        step = value * (1 - value / y) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x


def moderate(variance: float, dof: int, common: Prior) -> tuple[float, float]:
    """Moderated variance and its degrees of freedom: (d0 s0^2 + d s^2)/(d0 + d), d0 + d.

    dof 0 is an entry with one run: it has the variance of the others, or none where there is no other.
    """
    if math.isinf(common.dof):
        return common.variance, common.pooled
    total = common.dof + dof
    if total <= 0:
        return 0.0, math.inf
    own = dof * variance if dof else 0.0
    return (common.dof * common.variance + own) / total, min(total, max(common.pooled, dof))
