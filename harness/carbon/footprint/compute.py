"""Compute a declared footprint in full: energy, both bases, and the lines beside them.

What stands beside emissions, like carbon removed, never lowers them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from harness.carbon import formulas
from harness.carbon.co2e import Inputs
from harness.carbon.factor import Factor
from harness.carbon.footprint.document import INTENSITIES, Footprint
from harness.carbon.footprint.intervals import Formula, budget_rows, estimate
from harness.carbon.footprint.totals import Numbers, emissions_kg, facility_kwh, it_kwh
from harness.carbon.series import Series
from harness.core.errors import UsageError
from harness.uncertainty.closed_form import BudgetRow
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import SEED


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account of a footprint; a value is None where a factor is absent.

    Attributes:
        item: The footprint.
        it_energy: Energy at the IT boundary [kWh].
        energy: Energy at the meter of the facility [kWh].
        gross: Location-based emissions [kg CO2e].
        net: Market-based emissions [kg CO2e].
        embodied: Embodied emissions that the run carries [kg CO2e].
        sci: Software carbon intensity [g CO2e per unit].
        idle_share: Share of the energy that keeps hardware ready without work.
        energy_reuse_factor: Energy given away to be used, over all energy.
        removed: Carbon removed [kg CO2e].
        rows: Budget of the gross emissions, or of the energy.
        notes: What a reader must know.
    """

    item: Footprint
    it_energy: Estimate
    energy: Estimate
    gross: Estimate
    net: Estimate
    embodied: Estimate
    sci: Estimate
    idle_share: Estimate
    energy_reuse_factor: Estimate
    removed: Estimate
    rows: tuple[BudgetRow, ...]
    notes: tuple[str, ...]


def account(item: Footprint, *, level: float = LEVEL, seed: int = SEED) -> Account:
    """Compute the account of one footprint.

    Raises:
        UsageError: It holds no energy.
    """
    without = item.without_pue
    embodied_kg, embodied_note = None, "not given"
    if item.embodied:
        embodied_kg = sum(part.share_kg for part in item.embodied)
        embodied_note = "uncertainty not known"

    def evaluate(formula: Formula, unit: str) -> Estimate:
        return estimate(item.inputs, formula, unit, level=level, seed=seed)

    energy = evaluate(lambda x: facility_kwh(x, without), "kWh")
    if energy.value is None and evaluate(it_kwh, "kWh").value is None:
        raise UsageError(
            "holds no energy",
            where=item.id,
            got=", ".join(item.inputs) or "no input",
            expected="hours, processors and power; processor_hours and power; it_energy or "
            "facility_energy",
        )
    gross, net = (evaluate(_emissions(basis, without), "kg") for basis in INTENSITIES)
    rows = budget_rows(item.inputs, _emissions(INTENSITIES[0], without))
    if not rows:
        rows = budget_rows(item.inputs, lambda x: facility_kwh(x, without))
    return Account(
        item=item,
        it_energy=evaluate(it_kwh, "kWh"),
        energy=energy,
        gross=gross,
        net=net,
        embodied=Estimate(embodied_kg, None, None, "kg", level, embodied_note),
        sci=evaluate(lambda x: _sci(x, without, embodied_kg or 0.0), "g/unit"),
        idle_share=evaluate(lambda x: _idle(x, without), "1"),
        energy_reuse_factor=evaluate(lambda x: _reuse(x, without), "1"),
        removed=evaluate(lambda x: x.get("carbon_removed"), "kg"),
        rows=tuple(rows),
        notes=tuple(_notes(item)),
    )


def _emissions(basis: str, without: bool) -> Formula:
    return lambda x: emissions_kg(x, basis, without)


def _sci(x: Numbers, without: bool, embodied_kg: float) -> Any:
    energy = facility_kwh(x, without)
    if energy is None or "location_intensity" not in x or "functional_units" not in x:
        return None
    return formulas.sci_g(
        energy, x["location_intensity"], embodied_kg * 1000, x["functional_units"]
    )


def _idle(x: Numbers, without: bool) -> Any:
    energy = facility_kwh(x, without)
    if energy is None or "idle_energy" not in x:
        return None
    return formulas.idle_share(x["idle_energy"], energy + x["idle_energy"])


def _reuse(x: Numbers, without: bool) -> Any:
    energy = facility_kwh(x, without)
    if energy is None or "heat_reused" not in x:
        return None
    return formulas.energy_reuse_factor(x["heat_reused"], energy)


def _notes(item: Footprint) -> list[str]:
    notes = ["declared, not measured"]
    if item.without_pue:
        notes.append("stated without PUE: the building's overhead is not in it")
    if "heat_reused" in item.inputs or "carbon_removed" in item.inputs:
        notes.append(
            "heat given away and carbon removed stand beside emissions and never lower them"
        )
    return notes


def with_grid(item: Footprint, carbon: Inputs | None) -> Footprint:
    """Return the footprint on another grid or in another building.

    Raises:
        UsageError: The grid or PUE is a series, but a declared footprint has no hours.
    """
    if carbon is None:
        return item
    replacements: Mapping[str, Factor | Series | None] = {
        "location_intensity": carbon.location,
        "market_intensity": carbon.market,
        "pue": carbon.pue,
    }
    for name, factor in replacements.items():
        if isinstance(factor, Series):
            raise UsageError(
                f"a declared footprint has no trace to join with hours ({name})",
                where=item.id,
                fix="Give --zone.",
            )
    replaced = {name: factor for name, factor in replacements.items() if isinstance(factor, Factor)}
    kept = {
        name: f
        for name, f in item.inputs.items()
        if name not in INTENSITIES or carbon.location is None
    }
    convention = dict(item.convention) | ({"pue": "stated"} if "pue" in replaced else {})
    return replace(item, inputs={**kept, **replaced}, convention=convention)
