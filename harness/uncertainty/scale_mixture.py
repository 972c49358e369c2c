"""Scatter with heavy tails: a mixture of normal distributions with mean 0.

How far two runs of one workload differ is not normal: most pairs agree to half a percent, a few
miss by ten percent. A mixture of normals with several scales describes both. Its weights are fitted
by maximum likelihood, with the EM algorithm on a fixed grid of scales (Laird 1978). One observed
difference updates the weights by Bayes' theorem: a pair that agrees makes the large scales
improbable, a pair that does not makes them certain.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

EM_STEPS = 3_000
"""Steps of the EM algorithm: the weights then change by less than 1e-4."""
NEGLIGIBLE_WEIGHT = 1e-9
BISECTIONS = 60


@dataclass(frozen=True, slots=True)
class ScaleMixture:
    """A mixture of normal distributions with mean 0.

    Attributes:
        scales: Standard deviations, ascending.
        weights: Their probabilities, which add up to 1.
    """

    scales: tuple[float, ...]
    weights: tuple[float, ...]

    @property
    def variance(self) -> float:
        """Variance of the mixture."""
        terms = (weight * scale**2 for weight, scale in zip(self.weights, self.scales, strict=True))
        return math.fsum(terms)

    def scaled(self, factor: float) -> ScaleMixture:
        """Return the mixture of a multiple of the quantity."""
        return ScaleMixture(tuple(scale * factor for scale in self.scales), self.weights)

    def half_width(self, level: float) -> float:
        """Return the half-width of the interval around 0 that holds a share `level`."""
        return _half_width(self, level)

    def updated(self, difference: float) -> ScaleMixture:
        """Return the mixture of one run, given the observed difference of two runs of one scale.

        The difference of two runs with standard deviation s is normal with standard deviation
        s sqrt(2).
        """
        if not math.isfinite(difference):
            return self
        logs = []
        for scale, weight in zip(self.scales, self.weights, strict=True):
            z = difference / (math.sqrt(2) * scale)
            logs.append(math.log(weight) - math.log(scale) - z * z / 2 if weight > 0 else -math.inf)
        largest = max(logs)
        likelihoods = [math.exp(log - largest) for log in logs]
        total = math.fsum(likelihoods)
        kept = [
            (scale, likelihood / total)
            for scale, likelihood in zip(self.scales, likelihoods, strict=True)
            if likelihood > NEGLIGIBLE_WEIGHT * total
        ]
        scales, weights = zip(*kept, strict=True)
        return ScaleMixture(scales, weights)


@functools.lru_cache(maxsize=256)
def _half_width(mixture: ScaleMixture, level: float) -> float:
    normal = NormalDist()
    low, high = 0.0, 10 * max(mixture.scales)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        shares = (
            weight * (2 * normal.cdf(middle / scale) - 1)
            for weight, scale in zip(mixture.weights, mixture.scales, strict=True)
        )
        if math.fsum(shares) < level:
            low = middle
        else:
            high = middle
    return high


def fit_scale_mixture(differences: Sequence[float], scales: Sequence[float]) -> ScaleMixture:
    """Fit the weights of a mixture to differences between pairs of runs.

    Args:
        differences: ln(energy of the second run / energy of the first), one for each pair.
        scales: Grid of standard deviations of one run.
    """
    import numpy as np

    pair_scales = math.sqrt(2) * np.array(scales, float)
    z = np.array(differences, float)[:, None] / pair_scales
    likelihood = np.exp(-(z**2) / 2) / pair_scales
    weights = np.full(len(scales), 1 / len(scales))
    for _ in range(EM_STEPS):
        share = likelihood * weights
        share /= share.sum(axis=1, keepdims=True)
        weights = share.mean(axis=0)
    kept = [
        (float(scale), float(weight))
        for scale, weight in zip(scales, weights, strict=True)
        if weight > 1e-6
    ]
    total = math.fsum(weight for _, weight in kept)
    return ScaleMixture(
        tuple(scale for scale, _ in kept), tuple(weight / total for _, weight in kept)
    )
