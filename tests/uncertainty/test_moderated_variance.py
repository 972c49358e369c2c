"""Moderated variances of tables in which some entries do not scatter at all."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import digamma, polygamma

from harness.uncertainty.moderated_variance import (
    Prior,
    fit_prior,
    moderate,
    moderated_variances,
)


def test_where_most_do_not_scatter_each_keeps_its_own_variance() -> None:
    """The median is 0, so nothing is known of the others' scatter."""
    variances, dofs = [0.0, 0.0, 0.0, 0.0, 1e-4, 4e-4], [4, 4, 4, 4, 2, 4]
    found = moderated_variances(variances, dofs)
    assert [variance for variance, _ in found] == pytest.approx(variances)
    assert [dof for _, dof in found] == dofs


def test_fewer_than_five_keep_their_own() -> None:
    assert moderated_variances([1e-4, 9e-4], [2, 4]) == [(1e-4, 2.0), (9e-4, 4.0)]


def test_a_moderated_variance_is_the_mean_weighted_by_degrees_of_freedom() -> None:
    """(3 x 2 + 2 x 7) / 5 = 4, with 5 degrees of freedom (by hand)."""
    assert moderate(7.0, 2, Prior(2.0, 3.0)) == (pytest.approx(4.0), 5.0)
    assert moderate(0.0, 0, Prior(2.0, 3.0)) == (pytest.approx(2.0), 3.0)
    assert moderate(7.0, 2, Prior(2.0, math.inf, 20.0)) == (2.0, 20.0)
    assert moderate(7.0, 0, Prior(0.0, 0.0, 0.0)) == (0.0, math.inf)


def test_no_variance_knows_more_than_all_together() -> None:
    assert moderate(7.0, 2, Prior(2.0, 30.0, 8.0))[1] == 8.0
    assert moderate(7.0, 12, Prior(2.0, 30.0, 8.0))[1] == 12


@pytest.mark.parametrize("spread", [2.0, 3.0, 30.0])
def test_the_prior_has_both_moments_of_the_logarithms_of_the_variances(spread: float) -> None:
    """Smyth 2004, 6.2: mean ln s0^2 - psi(d0/2) + ln(d0/2), variance psi'(d0/2) + psi'(d/2)."""
    variances, dofs = [1e-4 * spread**k for k in (-2, -1, 0, 0, 1, 2)], [4, 6, 4, 8, 4, 6]
    prior = fit_prior(variances, dofs)
    half = np.array(dofs) / 2
    logs = np.log(variances) - digamma(half) + np.log(half)
    assert math.isfinite(prior.dof)
    assert polygamma(1, prior.dof / 2) + polygamma(1, half).mean() == pytest.approx(
        logs.var(ddof=1), rel=1e-9
    )
    mean = math.log(prior.variance) - digamma(prior.dof / 2) + math.log(prior.dof / 2)
    assert mean == pytest.approx(logs.mean(), rel=1e-9)


@pytest.mark.parametrize(("size", "is_left_out"), [(40, True), (41, False)])
def test_up_to_forty_entries_have_a_prior_without_themselves(size: int, is_left_out: bool) -> None:
    """The others speak for a quiet entry, with three degrees of freedom at most."""
    variances, dofs = [1e-4 * 1.2**k for k in range(size)], [4] * size
    others = slice(1, None) if is_left_out else slice(None)
    prior = fit_prior(variances[others], dofs[others])
    expected = moderate(variances[0], 4, replace(prior, dof=min(prior.dof, 3.0)))
    assert moderated_variances(variances, dofs)[0] == pytest.approx(expected, rel=1e-9)
