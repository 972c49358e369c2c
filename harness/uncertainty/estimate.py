"""Estimates with intervals: the Monte Carlo of a budget, and its closed form beside it.

Pure: the same budget and seed give the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from harness.uncertainty.budget import Budget
from harness.uncertainty.closed_form import combine, coverage_factor, numerical_tolerance
from harness.uncertainty.components import BetweenRunScatter, ScatterShape
from harness.uncertainty.coverage_interval import LEVEL, IntervalEnds
from harness.uncertainty.monte_carlo import (
    DRAWS,
    SEED,
    blocks,
    normalise,
    scatter_in_unit,
    total_deviation,
)
from harness.uncertainty.random_draws import BLOCK

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: Best estimate; ``None`` where there is none.
        low: Low end of the interval; ``None`` where no interval can be had, and `note` says why.
        high: High end of the interval, likewise.
        unit: Unit of value, low, high, u_c and tolerance.
        level: Coverage probability of the interval, 0 to 1.
        note: What a reader must know beside the number.
        u_c: Combined standard uncertainty of the closed form.
        nu_eff: Its effective degrees of freedom; ``None`` means infinite.
        k: Its coverage factor.
        tolerance: Numerical tolerance demanded of the interval's ends (JCGM 101, 7.9).
        tolerance_met: Whether the draws met it.
    """

    value: float | None
    low: float | None
    high: float | None
    unit: str
    level: float = LEVEL
    note: str = ""
    u_c: float | None = None
    nu_eff: float | None = None
    k: float | None = None
    tolerance: float | None = None
    tolerance_met: bool | None = None

    def __str__(self) -> str:
        """Write value and interval with four digits; without a value, why there is none."""
        if self.value is None:
            return f"no value ({self.note})" if self.note else "no value"
        text = f"{self.value:.4g} {self.unit}"
        if self.low is None or self.high is None:
            return f"{text} [no interval]"
        return f"{text} [{self.low:.4g}, {self.high:.4g}]"


@dataclass(frozen=True, slots=True)
class OutputQuantity:
    """A quantity derived from a budget: a multiple of it, with its own scatter between runs.

    Attributes:
        unit: Unit of the quantity.
        factor: Quantity per joule of the budget.
        run_scatter: Scatter between runs in that unit, in place of that of the budget.
    """

    unit: str
    factor: float = 1.0
    run_scatter: BetweenRunScatter | None = None


def estimate(
    budget: Budget,
    unit: str,
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
    note: str = "",
) -> Estimate:
    """Return the estimate of a budget: value, percentile interval and closed form."""
    output = OutputQuantity(unit, run_scatter=budget.run_scatter)
    estimates = estimate_all(budget, {unit: output}, level=level, seed=seed, draws=draws)
    return replace(estimates[unit], note=note)


def estimate_all(
    budget: Budget,
    outputs: Mapping[Name, OutputQuantity],
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
) -> dict[Name, Estimate]:
    """Return estimates of several quantities of one budget, all from one set of draws.

    The quantities differ in their unit and their scatter between runs only. Estimates do not depend
    on names: the draws are those of `Budget.standalone`.
    """
    scatters = {
        name: scatter_in_unit(output.run_scatter, output.factor) for name, output in outputs.items()
    }
    closed_forms = {
        scatter: combine(replace(budget, run_scatter=scatter)) for scatter in scatters.values()
    }
    widest = max(closed_forms, key=lambda scatter: closed_forms[scatter][0])
    unit, normalised = normalise(replace(budget.standalone(), run_scatter=widest))

    ends = {scatter: IntervalEnds(level) for scatter in closed_forms}
    deviation = np.empty(BLOCK, np.float32)
    for block in blocks(normalised, _common_shape(closed_forms), seed, draws):
        out = deviation[: len(block.deviation)]
        for scatter, scatter_ends in ends.items():
            total_deviation(block, scatter_in_unit(scatter, unit), normalised.measured, out)
            scatter_ends.add_block(out)

    return {
        name: _estimate(budget, output, ends[scatters[name]], unit, *closed_forms[scatters[name]])
        for name, output in outputs.items()
    }


def _estimate(
    budget: Budget,
    output: OutputQuantity,
    ends: IntervalEnds,
    unit: float,
    u: float,
    nu_eff: float,
) -> Estimate:
    """Return an estimate; `ends` are deviations from the metered energy, in `unit` joules."""
    value, u_c = budget.value * output.factor, u * output.factor
    low, high = (output.factor * (budget.measured + unit * end) for end in ends.mean())
    tolerance = numerical_tolerance(u_c)
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        unit=output.unit,
        level=ends.level,
        u_c=u_c,
        nu_eff=nu_eff if math.isfinite(nu_eff) else None,
        k=coverage_factor(ends.level, nu_eff),
        tolerance=tolerance,
        tolerance_met=2 * output.factor * unit * ends.standard_error() <= tolerance,
    )


def _common_shape(scatters: Mapping[BetweenRunScatter | None, object]) -> ScatterShape | None:
    """Return the distribution that all scatters share; ``None`` where nothing scatters."""
    shapes = {scatter.shape for scatter in scatters if scatter is not None and scatter.scale}
    if not shapes:
        return None
    (shape,) = shapes
    return shape
