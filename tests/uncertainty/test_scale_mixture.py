"""Mixtures of normal distributions: what a pair of runs shows about their scatter."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.uncertainty.budget import Budget
from harness.uncertainty.components import BetweenRunScatter, MeteredEnergy
from harness.uncertainty.estimate import estimate
from harness.uncertainty.scale_mixture import ScaleMixture, fit_scale_mixture

MIXTURE = ScaleMixture((0.002, 0.05), (0.9, 0.1))


def test_half_width_of_one_scale_is_that_of_the_normal_distribution() -> None:
    assert ScaleMixture((0.01,), (1.0,)).half_width(0.95) == pytest.approx(0.0196, rel=1e-3)


def test_a_pair_that_agrees_makes_large_scales_improbable() -> None:
    agreeing, differing = MIXTURE.updated(0.001), MIXTURE.updated(0.08)
    assert agreeing.half_width(0.95) < 0.005 < 0.09 < differing.half_width(0.95)
    assert sum(agreeing.weights) == pytest.approx(1.0)


@pytest.mark.parametrize("difference", [math.nan, math.inf])
def test_no_difference_leaves_the_prior(difference: float) -> None:
    assert MIXTURE.updated(difference) == MIXTURE


def test_a_fit_finds_the_scales_of_simulated_pairs() -> None:
    rng = np.random.default_rng(1)
    scales = np.where(rng.uniform(size=3000) < 0.9, 0.002, 0.05)
    differences = scales * math.sqrt(2) * rng.normal(size=3000)
    fitted = fit_scale_mixture(differences.tolist(), (0.0005, 0.002, 0.01, 0.05))
    weights = dict(zip(fitted.scales, fitted.weights, strict=True))
    assert weights[0.002] == pytest.approx(0.9, abs=0.03)
    assert weights[0.05] == pytest.approx(0.1, abs=0.03)


def test_draws_have_the_half_width_of_the_mixture() -> None:
    scatter = BetweenRunScatter(
        1.0, math.inf, log=True, n=1, source="ranging pair", mixture=MIXTURE
    )
    printed = estimate(Budget("b", (MeteredEnergy("m", 100.0, 0.0),), (), scatter), "J")
    half_width = MIXTURE.half_width(0.95)
    assert printed.high == pytest.approx(100 * math.exp(half_width), rel=2e-3)
    assert printed.low == pytest.approx(100 * math.exp(-half_width), rel=2e-3)
