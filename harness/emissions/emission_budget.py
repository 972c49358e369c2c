"""The uncertainty budget of emissions.

That of the energy, times intensity and PUE with what they add.

ln PUE and ln intensity are normal (docs/explanation/methodology.md, CO2e). One draw serves each
zone and version of a data set, so that it cancels between results that share it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.carbon.assumed import WITHIN_YEAR_U_LN
from harness.carbon.co2e import Inputs, about
from harness.carbon.factor import Factor
from harness.carbon.series import Series
from harness.carbon.time_weighting import J_PER_KWH
from harness.emissions.run_emissions import RunOnGrid
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import (
    BetweenRunScatter,
    MultiplicativeComponent,
    UncertaintyComponent,
)

MISSING_HOURS = "hours without a value"
RUN_HOURS = "hours of the runs"
"""Names of what is not known of the hours; all other components come from the energy."""


def emission_budget(
    energy: Budget, runs: Sequence[RunOnGrid], intensity: Factor | Series, inputs: Inputs
) -> Budget:
    """Return the budget of emissions [g] of the mean of several runs.

    Args:
        energy: Budget of the mean energy of the runs [J].
        runs: The same runs on the grid.
        intensity: Intensity of the grid.
        inputs: PUE, and the role of the intensity.
    """
    energy_j = math.fsum(run.energy_j for run in runs)
    emissions_g = np.array([run.energy_j * run.g_per_kwh * run.pue / J_PER_KWH for run in runs])
    g_per_j = float(emissions_g.sum()) / energy_j
    budget = energy.scaled(g_per_j, _scatter_in_grams(energy.run_scatter, g_per_j))
    components = budget.components
    missing_g = math.fsum(run.energy_j * run.u_missing for run in runs) / J_PER_KWH / len(runs)
    if missing_g:
        missing_hours = UncertaintyComponent.symmetric(
            MISSING_HOURS,
            missing_g,
            correlation_key=f"missing|{about(intensity).key}",
            source="spread within a day",
        )
        components = (*components, missing_hours)
    hours = _hours_component(runs, energy_j / len(runs))
    if hours is not None:
        components = (*components, hours)
    factors = (*budget.factors, *multiplicative_components(intensity, inputs, runs))
    return replace(budget, components=components, factors=factors)


def _scatter_in_grams(
    energy_scatter: BetweenRunScatter | None, g_per_j: float
) -> BetweenRunScatter | None:
    """Return the scatter between runs of their energy, in grams at the mean intensity."""
    if energy_scatter is None or energy_scatter.log:
        return energy_scatter
    return replace(energy_scatter, scale=energy_scatter.scale * g_per_j)


def _hours_component(
    runs: Sequence[RunOnGrid], mean_energy_j: float
) -> UncertaintyComponent | None:
    """Return what the hours of the runs leave uncertain: their mean intensity scatters too.

    It is a term of its own: runs of the same energy at other hours emit differently, and runs that
    scatter in energy may all run at one intensity.
    """
    intensities = [run.g_per_kwh * run.pue / J_PER_KWH for run in runs]
    if len(runs) < 2 or len(set(intensities)) == 1:
        return None
    scale = mean_energy_j * float(np.std(intensities, ddof=1)) / math.sqrt(len(runs))
    return UncertaintyComponent(
        RUN_HOURS, scale, -scale, source="intensity of each run", dof=len(runs) - 1
    )


def multiplicative_components(
    intensity: Factor | Series, inputs: Inputs, runs: Sequence[RunOnGrid] = ()
) -> list[MultiplicativeComponent]:
    """Return the factors on the whole.

    The level of the grid and of PUE, and the hour of an annual mean.

    The levels are shared by their keys; how far an hour lies from its year is each result's own.
    """
    grid = about(intensity)
    components = [
        MultiplicativeComponent("grid intensity", grid.u_ln or 0.0, grid.key, grid.source)
    ]
    if inputs.pue is not None:
        building = about(inputs.pue)
        components.append(_pue_component(building))
    annual_share = 0.0
    if isinstance(intensity, Factor) and inputs.role == "as run" and intensity.annual:
        annual_share = 1.0
    elif runs:
        outside_j = math.fsum(run.energy_j for run in runs if run.outside_series)
        annual_share = outside_j / math.fsum(run.energy_j for run in runs)
    if annual_share:
        components.append(
            MultiplicativeComponent(
                "hour of an annual mean",
                WITHIN_YEAR_U_LN * annual_share,
                None,
                "docs/explanation/carbon.md, assumed",
            )
        )
    return components


def _pue_component(building: Factor) -> MultiplicativeComponent:
    """Return the uncertainty of a PUE: of its part above 1, which is never below 0."""
    above = building.value - 1
    if above <= 0 or not building.u_ln:
        return MultiplicativeComponent("PUE", 0.0, building.key, building.source)
    scale = math.sqrt(math.log1p((building.u_ln * building.value / above) ** 2))
    return MultiplicativeComponent(
        "PUE", scale, building.key, building.source, floor=1 / building.value
    )


def per_unit_budget(energy_per_unit: Budget, emissions: Budget, energy: Budget) -> Budget:
    """Return the budget of emissions per unit of work [g].

    The energy's per unit, times grams per joule.

    Args:
        energy_per_unit: Budget of energy per unit of work [J].
        emissions: Budget of emissions [g].
        energy: Budget of the energy of the same runs [J].
    """
    g_per_j = emissions.value / energy.value
    scatter = _scatter_in_grams(energy_per_unit.run_scatter, g_per_j)
    budget = energy_per_unit.scaled(g_per_j, scatter)
    hours = components_of_hours(emissions, energy_per_unit.value / energy.value)
    return replace(budget, components=(*budget.components, *hours), factors=emissions.factors)


def components_of_hours(emissions: Budget, factor: float) -> tuple[UncertaintyComponent, ...]:
    """Return what the hours leave uncertain of emissions, times a factor."""
    return tuple(
        component.scaled(factor)
        for component in emissions.components
        if component.name in (MISSING_HOURS, RUN_HOURS)
    )
