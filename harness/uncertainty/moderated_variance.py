"""Variances between runs, each shrunk towards what all entries of the table show.

Smyth 2004 (Statistical Applications in Genetics and Molecular Biology 3, article 3) takes the
variances of K entries as scaled inverse chi-square around s0^2 with d0 degrees of freedom; both are
estimated from the moments of the logarithms of the K variances. With three runs an entry's own
variance is nearly worthless; K of them together are not.

Phipson et al. 2016 (Annals of Applied Statistics 10, 946) make this robust: an entry whose variance
is improbable under the prior keeps its own. Tables of benchmarks are small, so each entry is judged
by the prior of the others, and the prior counts as few degrees of freedom: one noisy entry must not
pass for a quiet one because its few runs happen to agree.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Number = TypeVar("Number", int, float)
MIN_ENTRIES = 5
"""Entries of a table that are needed to moderate; in a smaller one each keeps its own variance."""
MAX_PRIOR_DOF = 3.0
"""Degrees of freedom that the prior counts at most: the bars of the laboratory for tables with one
noisy entry, or with unequal scatter, are met up to this."""
DOUBTFUL_PROBABILITY = 0.2
"""Below this probability of a variance as large under the prior of the others, the prior counts
less, in proportion."""
MAX_LEAVE_ONE_OUT = 40
"""Entries up to which each is judged by the others; beyond, one entry hardly moves the prior."""
MIN_SHARE_OF_MEDIAN = 1e-5
"""A smaller variance is raised to this share of the median: a logarithm needs a positive number."""


@dataclass(frozen=True, slots=True)
class Prior:
    """What the variances of a table have in common.

    Attributes:
        variance: s0^2, variance of the logarithm of a run's energy.
        dof: d0; infinite where the variances agree, 0 where the table has fewer than two entries
            with two runs.
        pooled_dof: Sum of the degrees of freedom of all entries: no moderated variance has more.
    """

    variance: float
    dof: float
    pooled_dof: float = math.inf


def fit_prior(variances: Sequence[float], dofs: Sequence[int]) -> Prior:
    """Estimate s0^2 and d0 from variances and their dof (Smyth 2004, section 6.2)."""
    usable = [
        (variance, dof)
        for variance, dof in zip(variances, dofs, strict=True)
        if dof > 0 and math.isfinite(variance) and variance >= 0
    ]
    if not usable:
        return Prior(0.0, 0.0, 0.0)
    if len(usable) == 1:
        variance, dof = usable[0]
        return Prior(variance, 0.0, dof)
    return _moment_estimate(*(np.array(column, float) for column in zip(*usable, strict=True)))


def _moment_estimate(variance: Floats, dof: Floats) -> Prior:
    from scipy.special import digamma, polygamma

    pooled_dof = float(dof.sum())
    median = float(np.median(variance))
    if median <= 0:
        return Prior(float(variance.mean()), 0.0, pooled_dof)
    # 1. e_k = ln s_k^2 - digamma(d_k/2) + ln(d_k/2): its mean is ln s0^2 - digamma(d0/2) + ln(d0/2)
    half = dof / 2
    floored = np.maximum(variance, MIN_SHARE_OF_MEDIAN * median)
    logs = np.log(floored) - digamma(half) + np.log(half)
    # 2. its variance is trigamma(d0/2) + trigamma(d_k/2)
    observed = np.sum((logs - logs.mean()) ** 2) / (len(logs) - 1)
    excess = float(observed - np.mean(polygamma(1, half)))
    if excess <= 0:
        return Prior(float(np.average(variance, weights=dof)), math.inf, pooled_dof)
    d0 = 2 * _inverse_trigamma(excess)
    log_variance = logs.mean() + digamma(d0 / 2) - math.log(d0 / 2)
    return Prior(float(np.exp(log_variance)), d0, pooled_dof)


def _inverse_trigamma(y: float) -> float:
    """Return x with trigamma(x) = y, by Newton's method on 1/trigamma (Smyth 2004, appendix)."""
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


def moderate(variance: float, dof: int, prior: Prior) -> tuple[float, float]:
    """Return the moderated variance (d0 s0^2 + d s^2)/(d0 + d) and its degrees of freedom d0 + d.

    Args:
        variance: Variance of the entry's own runs.
        dof: Its degrees of freedom; 0 for an entry with one run, which gets the variance of the
            others, or none.
        prior: What the variances of the table have in common.
    """
    if math.isinf(prior.dof):
        return prior.variance, prior.pooled_dof
    total = prior.dof + dof
    if total <= 0:
        return 0.0, math.inf
    weighted = dof * variance if dof else 0.0
    moderated = (prior.dof * prior.variance + weighted) / total
    return moderated, min(total, max(prior.pooled_dof, dof))


def moderated_variances(
    variances: Sequence[float], dofs: Sequence[int]
) -> list[tuple[float, float]]:
    """Return the moderated variance and its degrees of freedom of each entry, robust to noisy ones.

    Args:
        variances: Variance of the runs of each entry.
        dofs: Their degrees of freedom.
    """
    if len(variances) < MIN_ENTRIES:
        return [(variance, float(dof)) for variance, dof in zip(variances, dofs, strict=True)]
    common = fit_prior(variances, dofs)
    moderated = []
    for i, (variance, dof) in enumerate(zip(variances, dofs, strict=True)):
        prior = common
        if len(variances) <= MAX_LEAVE_ONE_OUT:
            prior = fit_prior(_without(variances, i), _without(dofs, i))
        prior_dof = _weight(variance, dof, prior) * min(prior.dof, MAX_PRIOR_DOF)
        moderated.append(moderate(variance, dof, replace(prior, dof=prior_dof)))
    return moderated


def _without(values: Sequence[Number], i: int) -> list[Number]:
    kept = list(values)
    del kept[i]
    return kept


def _weight(variance: float, dof: int, prior: Prior) -> float:
    """Return how far the prior speaks for an entry: 1, or less for one that is noisier."""
    if prior.dof <= 0 or prior.variance <= 0 or dof <= 0:
        return 0.0
    from scipy.special import fdtrc

    prior_dof = min(prior.dof, prior.pooled_dof)
    probability = float(fdtrc(dof, prior_dof, variance / prior.variance))
    return min(1.0, probability / DOUBTFUL_PROBABILITY)
