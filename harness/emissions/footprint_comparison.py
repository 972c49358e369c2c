"""Two declared footprints against each other: their ratios, and the factors of both bases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from harness.carbon.footprint.document import INTENSITIES, Footprint
from harness.carbon.footprint.intervals import joint_draws
from harness.carbon.footprint.totals import Numbers, emissions_kg, facility_kwh, values
from harness.core.errors import UsageError
from harness.emissions.decomposition import Decomposition, of_footprint, split
from harness.uncertainty.estimate import LEVEL, Estimate, interval
from harness.uncertainty.monte_carlo import SEED


def contrast(
    a: Footprint, b: Footprint, *, level: float = LEVEL, seed: int = SEED
) -> tuple[dict[str, Decomposition | None], dict[str, Estimate]]:
    """Factors of gross and net, and ratios of processor-hours, energy, gross and net. Raises UsageError."""
    splits: dict[str, Decomposition | None] = {}
    for name, basis in zip(("gross", "net"), INTENSITIES, strict=True):
        has = all(
            item.inputs.get(basis) is not None and item.inputs[basis].value > 0 for item in (a, b)
        )
        chains = [of_footprint(item, basis, seed=seed) for item in (a, b)] if has else []
        splits[name] = split(*chains, level=level) if chains else None
    if not any(splits.values()):
        raise UsageError(
            "share no basis: neither both gross nor both net are known",
            where=f"{a.id} and {b.id}",
            fix="Give --zone or --intensity-g-per-kwh with its source: a common reference intensity for both.",
        )
    formulas: dict[str, Callable[[Footprint], Callable[[Numbers], Any]]] = {
        "processor-hours": lambda _: _processor_hours,
        "energy": lambda item: lambda x: facility_kwh(x, item.without_pue),
        "gross": lambda item: lambda x: emissions_kg(x, "location_intensity", item.without_pue),
        "net": lambda item: lambda x: emissions_kg(x, "market_intensity", item.without_pue),
    }
    found = {name: _ratio(a, b, formula, level, seed) for name, formula in formulas.items()}
    return splits, {name: estimate for name, estimate in found.items() if estimate is not None}


def _processor_hours(x: Numbers) -> Any:
    if "processor_hours" in x:
        return x["processor_hours"]
    return x["hours"] * x["processors"] if {"hours", "processors"} <= x.keys() else None


def _ratio(a: Footprint, b: Footprint, formula: Any, level: float, seed: int) -> Estimate | None:
    plain = [formula(item)(values(item.inputs)) for item in (a, b)]
    if plain[0] is None or not plain[1]:
        return None
    drawn = [
        formula(item)({**values(item.inputs), **joint_draws(item.inputs, seed)}) for item in (a, b)
    ]
    value = float(plain[0] / plain[1])
    low, high = interval(np.asarray(drawn[0] / drawn[1]), level)
    return Estimate(value, min(low, value), max(high, value), "ratio", level)
