"""Intervals of declared footprints: the formulas over draws of the factors (JCGM 101)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from harness.carbon.factor import Factor
from harness.carbon.footprint.document import INTENSITIES, Footprint
from harness.carbon.footprint.totals import KG_PER_T, Numbers, emissions_kg, facility_kwh, values
from harness.uncertainty.budget import Budget
from harness.uncertainty.closed_form import BudgetRow
from harness.uncertainty.components import MeteredEnergy, MultiplicativeComponent
from harness.uncertainty.coverage_interval import LEVEL, interval
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import SEED, draw
from harness.uncertainty.random_draws import Floats

DRAWS = 40_000
"""Draws of a declared footprint: its inputs have two digits of uncertainty at best."""

Formula = Callable[[Numbers], Any]


def draws_of(factor: Factor, seed: int = SEED, draws: int = DRAWS) -> Floats:
    """Draw values of a factor, shape (draws,); factors with one key share their draws."""
    log = MultiplicativeComponent(factor.name, factor.u_ln or 0.0, factor.key)
    return draw(
        Budget(factor.name, (MeteredEnergy("", factor.value, 0.0),), factors=(log,)),
        seed=seed,
        draws=draws,
    )


def joint_draws(
    factors: Mapping[str, Factor], seed: int = SEED, draws: int = DRAWS
) -> dict[str, Floats]:
    """Draw all factors of one footprint together."""
    return {name: draws_of(factor, seed, draws) for name, factor in factors.items()}


def estimate(
    factors: Mapping[str, Factor],
    formula: Formula,
    unit: str,
    *,
    level: float = LEVEL,
    seed: int = SEED,
) -> Estimate:
    """Evaluate a formula with its interval; without one where an uncertainty is not known."""
    value = formula(values(factors))
    if value is None:
        return Estimate(None, None, None, unit, level, "a factor it needs is not known")
    used = {name: factor for name, factor in factors.items() if _matters(factors, formula, name)}
    unknown = [name for name, factor in used.items() if factor.u_ln is None]
    if unknown:
        return Estimate(
            value, None, None, unit, level, f"uncertainty not known: {', '.join(unknown)}"
        )
    drawn = formula(values(factors) | joint_draws(used, seed))
    if np.ndim(drawn) == 0:
        return Estimate(value, value, value, unit, level, u_c=0.0)
    low, high = interval(drawn, level)
    return Estimate(value, min(low, value), max(high, value), unit, level, u_c=float(np.std(drawn)))


def _matters(factors: Mapping[str, Factor], formula: Formula, name: str) -> bool:
    x = values(factors)
    return bool(formula(x | {name: x[name] * 1.01 + 1e-12}) != formula(x))


def budget_rows(factors: Mapping[str, Factor], formula: Formula) -> list[BudgetRow]:
    """Return each factor's share of the variance, by the effect of one standard uncertainty.

    JCGM 100, 5.1.3.
    """
    x = values(factors)
    value = formula(x)
    if value is None:
        return []
    moved = {
        name: abs(formula(x | {name: x[name] * math.exp(f.u_ln)}) - value)
        for name, f in factors.items()
        if f.u_ln
    }
    total = math.hypot(*moved.values())
    rows = [
        BudgetRow(name, u, (u / total) ** 2, None, factors[name].key, factors[name].source)
        for name, u in moved.items()
        if u > 0
    ]
    return sorted(rows, key=lambda row: (-row.share, row.term))


def intervals(item: Footprint, *, level: float = LEVEL, seed: int = SEED) -> dict[str, Estimate]:
    """Return energy [MWh], gross and net [t] of a footprint by its own convention."""
    estimates = {"energy": estimate(item.inputs, _energy(item), "MWh", level=level, seed=seed)}
    for name, basis in zip(("gross", "net"), INTENSITIES, strict=True):
        estimates[name] = estimate(
            item.inputs, _emissions(item, basis), "t", level=level, seed=seed
        )
    return estimates


def _energy(item: Footprint) -> Formula:
    return lambda x: _scaled(facility_kwh(x, item.without_pue))


def _emissions(item: Footprint, basis: str) -> Formula:
    return lambda x: _scaled(emissions_kg(x, basis, item.without_pue))


def _scaled(value: Any) -> Any:
    return None if value is None else value / KG_PER_T
