"""CO2e of a result: its energy, run by run, on the hours of a grid.

The uncertainty of the grid and of the building is part of the budget.

CO2e = sum over steps of energy x PUE(t) x intensity(t) (docs/explanation/methodology.md, CO2e).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from harness.carbon.co2e import Basis, Co2e, Inputs, about, is_marginal
from harness.carbon.factor import Factor
from harness.carbon.series import Series
from harness.carbon.time_weighting import J_PER_KWH
from harness.core.errors import UsageError
from harness.emissions.emission_budget import emission_budget, per_unit_budget
from harness.emissions.run_emissions import RunOnGrid, place_on_grid
from harness.scoring.repeated_runs import valid_runs
from harness.scoring.result import Result
from harness.uncertainty.closed_form import budget_rows
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.estimate import Estimate, estimate
from harness.uncertainty.monte_carlo import DRAWS, SEED

NO_PUE = "no PUE was given: emissions end at the meter, the building's overhead is not in them"
ZERO_INTENSITY = (
    "the intensity is stated as 0 g/kWh throughout, as in hours of curtailment; its limit of error "
    "is a share of the value, so there is no interval"
)


def with_co2e(
    result: Result, inputs: Inputs, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> Result:
    """Return the result with its emissions.

    Args:
        result: A scored result.
        inputs: Intensities and PUE.
        level: Coverage probability of the intervals.
        seed: Seed of the Monte Carlo.
        draws: Draws of the Monte Carlo.

    Raises:
        UsageError: A series does not cover a run.
    """
    if result.budget is None:
        none = Co2e(location_based=None, market_based=None, inputs=inputs, notes=("no energy",))
        return replace(result, co2e=none)
    options = {"level": level, "seed": seed, "draws": draws}
    grid = _basis(result, inputs.location, inputs, options)
    marginal = is_marginal(inputs.location)
    co2e = Co2e(
        location_based=None if marginal else grid,
        marginal=grid if marginal else None,
        market_based=_basis(result, inputs.market, inputs, options),
        inputs=inputs,
        notes=tuple(_notes(inputs)),
    )
    return replace(result, co2e=co2e)


def _notes(inputs: Inputs) -> list[str]:
    """Return what a reader must know of the factors."""
    notes = [NO_PUE] if inputs.pue is None else []
    for item in (inputs.location, inputs.market, inputs.pue):
        if isinstance(item, Series):
            notes += [f"series of {item.about.zone}: {note}" for note in item.notes]
    return notes


def _basis(
    result: Result, intensity: Factor | Series | None, inputs: Inputs, options: dict[str, Any]
) -> Basis | None:
    """Return the emissions on one basis; None where its intensity is not given."""
    if intensity is None or result.budget is None:
        return None
    # 1. Each valid run on the grid.
    runs = [
        place_on_grid(run, intensity, inputs.pue, fallback=inputs.fallback)
        for run in valid_runs(result.runs)
        if run.energy_j is not None and run.run.window is not None
    ]
    # 2. The budgets, of the whole and per unit of work.
    budget = emission_budget(result.budget, runs, intensity, inputs)
    unit_budget = unit_estimate = None
    if result.per_unit_budget is not None and result.energy_per_unit.value:
        unit = result.energy_per_unit.unit.removeprefix("J/")
        unit_budget = per_unit_budget(result.per_unit_budget, budget, result.budget)
        unit_estimate = _with_zero(estimate(unit_budget, f"g/{unit}", **options))
    # 3. The means, weighted by energy.
    mean_g_per_kwh = _energy_weighted(runs, "g_per_kwh")
    mean_pue = None
    if inputs.pue is not None and mean_g_per_kwh:
        mean_pue = budget.value / result.budget.value * J_PER_KWH / mean_g_per_kwh
    factors = [about(item) for item in (intensity, inputs.pue) if item is not None]
    return Basis(
        total=_with_zero(_with_notes(estimate(budget, "g", **options), runs)),
        per_unit=unit_estimate,
        budget=budget,
        per_unit_budget=unit_budget,
        mean_g_per_kwh=mean_g_per_kwh,
        mean_pue=mean_pue,
        missing_share=_energy_weighted(runs, "missing_share"),
        rows=tuple(budget_rows(budget)),
        factors=tuple(factors),
    )


def _energy_weighted(runs: Sequence[RunOnGrid], attribute: str) -> float:
    """Return the mean of an attribute over runs, weighted by their energy."""
    total = math.fsum(getattr(run, attribute) * run.energy_j for run in runs)
    return total / math.fsum(run.energy_j for run in runs)


def _with_notes(total: Estimate, runs: Sequence[RunOnGrid]) -> Estimate:
    """Say where a run lies outside the series, and where hours have no value."""
    notes = []
    outside_count = sum(run.outside_series for run in runs)
    if outside_count:
        notes.append(
            f"{outside_count} of {len(runs)} runs lie outside the series: its mean is taken"
        )
    missing_share = max(run.missing_share for run in runs)
    if missing_share:
        notes.append(f"{missing_share:.1%} of the energy falls on hours without a value")
    return replace(total, note="; ".join(notes))


def _with_zero(emissions: Estimate) -> Estimate:
    """Return an estimate of 0 without its interval, whose width would be 0 too, and say why."""
    if emissions.value != 0:
        return emissions
    note = "; ".join(filter(None, (emissions.note, ZERO_INTENSITY)))
    return replace(emissions, low=None, high=None, note=note)


def common_reference(results: Sequence[Result]) -> None:
    """Check that all results stand on one reference intensity and PUE, as a ranking by CO2e needs.

    Raises:
        UsageError: A result has none, or they have different ones.
    """
    for result in results:
        co2e = result.co2e
        if co2e is None or co2e.location_based is None or co2e.inputs.role != "reference":
            raise UsageError(
                "CO2e ranks on a common reference intensity only",
                where=result.entry.id,
                got="no CO2e" if co2e is None else co2e.reference,
                expected="one annual or declared intensity for all",
                fix="Give --zone or --intensity-g-per-kwh; "
                "by the hour, place and time would rank, not systems.",
            )
    references = {(r.co2e.inputs.location, r.co2e.inputs.pue) for r in results if r.co2e}
    if len(references) > 1:
        raise UsageError(
            "CO2e ranks on one intensity only", got=f"{len(references)} intensities", expected="1"
        )


def as_reference(inputs: Inputs) -> Inputs:
    """Return the inputs of a table.

    An annual or declared intensity is the reference of all, a series stays as run.
    """
    by_time = any(isinstance(item, Series) for item in (inputs.location, inputs.pue, inputs.market))
    return inputs if by_time or inputs.location is None else replace(inputs, role="reference")
