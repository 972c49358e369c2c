"""The ranging run as a repeat of the timed run, and the prior of published pairs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from scipy import stats

from harness.formats.base import Entry, Work
from harness.scoring.repeat_prior import repeat_pairs, repeat_prior
from harness.scoring.run_scatter import (
    PooledScatter,
    ScatterEvidence,
    scatter_of_mean,
    summary,
)
from harness.scoring.score import score
from harness.uncertainty.components import BetweenRunScatter
from tests.scoring.test_score import entry, run


def paired(timed_w: float, ranging_w: float, **changes: Any) -> Entry:
    plain = entry("a", timed_w)
    return replace(plain, ranging=replace(run(ranging_w, 5), **changes))


def half_width(evidence: Entry) -> float:
    per_unit = score(evidence).energy_per_unit
    return math.log(per_unit.high / per_unit.low) / 2  # type: ignore[operator]


def test_a_pair_shows_the_scatter_of_one_timed_run() -> None:
    result = score(paired(100.0, 100.3))
    assert result.scatter is not None
    assert (result.scatter.source, result.scatter.n) == ("ranging pair", 2)
    assert result.scatter.cv == pytest.approx(0.004, abs=0.002)
    assert result.measurand == "realised", "one run was measured"


def test_the_further_a_pair_differs_the_wider_is_the_interval() -> None:
    widths = [half_width(paired(100.0, 100.0 * (1 + d))) for d in (0.001, 0.01, 0.05)]
    assert widths[0] < widths[1] < widths[2]
    assert widths[2] > 0.05


@pytest.mark.parametrize(
    "changes",
    [{"success": False}, {"window": None}, {"work": None}, {"traces": ()}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_ranging_run_that_is_no_repeat_shows_nothing(changes: dict[str, Any]) -> None:
    result = score(paired(100.0, 100.3, **changes))
    assert result.scatter is not None
    assert result.scatter.source == "unknown"


def test_a_copy_of_the_timed_run_is_no_repeat() -> None:
    plain = entry("a", 100.0)
    result = score(replace(plain, ranging=replace(plain.runs[0], id="ranging")))
    assert result.scatter is not None
    assert result.scatter.source == "unknown"


def test_the_prior_is_that_of_the_published_pairs() -> None:
    """Over 1,960 pairs, half agree to 0.46 % and 95 % to 4.2 %."""
    pair = repeat_prior().scaled(math.sqrt(2))
    assert repeat_pairs() == 1960
    assert sum(pair.weights) == pytest.approx(1.0, abs=1e-5)
    assert pair.half_width(0.5) == pytest.approx(0.0046, rel=0.1)
    assert pair.half_width(0.95) == pytest.approx(0.042, rel=0.1)


@pytest.mark.parametrize("dof", [3.0, 8.0, 30.0])
def test_two_runs_borrow_unless_chance_seldom_makes_them_scatter_so(dof: float) -> None:
    """Their variance over that of the lenders is t^2; its median is that of an F of 1 and dof."""
    lenders = PooledScatter(0.01**2, dof, 12)
    median = stats.f(1, dof).median()
    for factor, source in ((0.98, "borrowed"), (1.02, "own runs")):
        step = 0.01 * math.sqrt(2 * factor * median)  # of two runs: variance = step^2 / 2
        scatter = scatter_of_mean([0.0, step], ScatterEvidence(borrowed=lenders))
        assert scatter is not None
        assert scatter.source == source


def test_scatter_of_runs_in_joules_is_a_share_of_their_mean() -> None:
    """9, 10 and 11 kJ: a standard deviation of 1 kJ, 10 % of the mean (by hand)."""
    plain = entry("a", 90.0, 100.0, 110.0)
    runs = tuple(replace(item, work=Work(1, "run")) for item in plain.runs)
    result = score(replace(plain, runs=runs))
    assert result.energy_per_unit.unit == "J/run"
    assert result.scatter is not None
    assert (result.scatter.source, result.scatter.n) == ("own runs", 3)
    assert result.scatter.cv == pytest.approx(0.1)


def test_runs_without_energy_have_no_relative_scatter() -> None:
    found = summary(BetweenRunScatter(1.0, 2, n=3), 3, 0.0)
    assert found is not None
    assert found.cv is None
