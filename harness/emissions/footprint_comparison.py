"""Two declared footprints against each other: their ratios, and the factors of both bases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.carbon.footprint.document import INTENSITIES, Footprint
from harness.carbon.footprint.intervals import joint_draws
from harness.carbon.footprint.totals import Numbers, emissions_kg, facility_kwh, values
from harness.core.errors import UsageError
from harness.emissions.decomposition import Decomposition, decompose, factors_of_footprint
from harness.uncertainty.coverage_interval import LEVEL, interval
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import SEED

Formula = Callable[[Footprint, Numbers], Any]
"""A quantity of a footprint, from its numbers or from their draws; None where an input is
missing."""


@dataclass(frozen=True, slots=True)
class FootprintComparison:
    """Two footprints against each other.

    Attributes:
        decompositions: Factors of "gross" and "net"; None where one side's intensity is not known.
        ratios: A over B of processor-hours, energy, gross and net, where both sides know them.
    """

    decompositions: dict[str, Decomposition | None]
    ratios: dict[str, Estimate]


def compare_footprints(
    a: Footprint, b: Footprint, *, level: float = LEVEL, seed: int = SEED
) -> FootprintComparison:
    """Compare two declared footprints.

    Raises:
        UsageError: They share no basis: neither gross nor net is known of both.
    """
    decompositions: dict[str, Decomposition | None] = {}
    for name, basis in zip(("gross", "net"), INTENSITIES, strict=True):
        decompositions[name] = None
        if _states(a, basis) and _states(b, basis):
            a_factors = factors_of_footprint(a, basis, seed=seed)
            b_factors = factors_of_footprint(b, basis, seed=seed)
            decompositions[name] = decompose(a_factors, b_factors, level=level)
    if not any(decompositions.values()):
        raise UsageError(
            "share no basis: neither both gross nor both net are known",
            where=f"{a.id} and {b.id}",
            fix="Give --zone or --intensity-g-per-kwh with its source: "
            "a common reference intensity for both.",
        )
    ratios = {}
    for name, formula in FORMULAS.items():
        ratio = _ratio(a, b, formula, level, seed)
        if ratio is not None:
            ratios[name] = ratio
    return FootprintComparison(decompositions, ratios)


def _states(footprint: Footprint, basis: str) -> bool:
    factor = footprint.inputs.get(basis)
    return factor is not None and factor.value > 0


def _processor_hours(_: Footprint, numbers: Numbers) -> Any:
    if "processor_hours" in numbers:
        return numbers["processor_hours"]
    if {"hours", "processors"} <= numbers.keys():
        return numbers["hours"] * numbers["processors"]
    return None


def _energy(footprint: Footprint, numbers: Numbers) -> Any:
    return facility_kwh(numbers, footprint.without_pue)


def _gross(footprint: Footprint, numbers: Numbers) -> Any:
    return emissions_kg(numbers, "location_intensity", footprint.without_pue)


def _net(footprint: Footprint, numbers: Numbers) -> Any:
    return emissions_kg(numbers, "market_intensity", footprint.without_pue)


FORMULAS: dict[str, Formula] = {
    "processor-hours": _processor_hours,
    "energy": _energy,
    "gross": _gross,
    "net": _net,
}


def _ratio(
    a: Footprint, b: Footprint, formula: Formula, level: float, seed: int
) -> Estimate | None:
    """Return A over B of one quantity; None where one side does not know it."""
    a_value, b_value = formula(a, values(a.inputs)), formula(b, values(b.inputs))
    if a_value is None or not b_value:
        return None
    a_draws = formula(a, {**values(a.inputs), **joint_draws(a.inputs, seed)})
    b_draws = formula(b, {**values(b.inputs), **joint_draws(b.inputs, seed)})
    low, high = interval(np.asarray(a_draws / b_draws), level)
    value = float(a_value / b_value)
    return Estimate(value, min(low, value), max(high, value), "ratio", level)
