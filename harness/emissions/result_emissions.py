"""CO2e of a result: its energy, run by run, on the hours of a grid, with the grid's and the building's uncertainty.

CO2e = sum over steps of energy x PUE(t) x intensity(t) (method, section 5). ln PUE and ln intensity are normal; one
draw for each zone and version of a data set, so that it cancels between results that share it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from harness.carbon.assumed import WITHIN_YEAR_U_LN
from harness.carbon.co2e import Basis, Co2e, Inputs, about
from harness.carbon.factor import Factor
from harness.carbon.series import Floats, Ints, Series
from harness.carbon.time_weighting import J_PER_KWH, common_cuts, profile, weigh
from harness.core.errors import UsageError
from harness.energy.run import RunEnergy
from harness.scoring.repeated_runs import counted
from harness.scoring.score import Result
from harness.traces.trace import Window
from harness.uncertainty.budget import (
    Budget,
    MultiplicativeComponent,
    UncertaintyComponent,
    rows_of,
)
from harness.uncertainty.estimate import LEVEL, Estimate, estimate
from harness.uncertainty.monte_carlo import DRAWS, SEED

NO_PUE = "no PUE was given: emissions end at the meter, the building's overhead is not in them"


@dataclass(frozen=True, slots=True)
class Run:
    """One run on the grid: its energy [J], mean intensity [g/kWh], mean PUE, and what is not known of them.

    u_missing: standard uncertainty of mean intensity times PUE from steps without a value
    fallen: whether the run lies outside the series and takes its mean
    """

    energy_j: float
    g_per_kwh: float
    pue: float
    u_missing: float
    missing_share: float
    fallen: bool


def with_co2e(
    result: Result, inputs: Inputs, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> Result:
    """The result with its emissions. Raises UsageError where a series does not cover a run."""
    options = {"level": level, "seed": seed, "draws": draws}
    if result.budget is None:
        return replace(
            result,
            co2e=Co2e(location_based=None, market_based=None, inputs=inputs, notes=("no energy",)),
        )
    location, market = (
        None if given is None else _basis(result, given, inputs, options)
        for given in (inputs.location, inputs.market)
    )
    notes = [NO_PUE] if inputs.pue is None else []
    return replace(
        result,
        co2e=Co2e(location_based=location, market_based=market, inputs=inputs, notes=tuple(notes)),
    )


def _basis(
    result: Result, given: Factor | Series, inputs: Inputs, options: dict[str, Any]
) -> Basis:
    runs = [
        on_grid(run, given, inputs.pue, fallback=inputs.fallback)
        for run in counted(result.runs)
        if run.energy_j is not None and run.run.window is not None
    ]
    assert result.budget is not None
    budget = emitted(result.budget, runs, given, inputs)
    unit = result.energy_per_unit.unit.removeprefix("J/")
    per_unit_budget = per_unit = None
    if result.per_unit_budget is not None and result.energy_per_unit.value:
        per_unit_budget = _per_unit(result.per_unit_budget, budget, result.budget)
        per_unit = estimate(per_unit_budget, f"g/{unit}", **options)
    energy = math.fsum(run.energy_j for run in runs)
    mean = _mean(runs, "g_per_kwh", energy)
    product = budget.value / result.budget.value * J_PER_KWH  # of intensity and PUE
    used = [about(item) for item in (given, inputs.pue) if item is not None]
    return Basis(
        total=_noted(estimate(budget, "g", **options), runs),
        per_unit=per_unit,
        budget=budget,
        per_unit_budget=per_unit_budget,
        mean_g_per_kwh=mean,
        mean_pue=None if inputs.pue is None or not mean else product / mean,
        missing_share=_mean(runs, "missing_share", energy),
        rows=tuple(rows_of(budget)),
        factors=tuple(used),
    )


def _mean(runs: Sequence[Run], name: str, energy: float) -> float:
    return math.fsum(getattr(run, name) * run.energy_j for run in runs) / energy


def _noted(found: Estimate, runs: Sequence[Run]) -> Estimate:
    notes = []
    if any(run.fallen for run in runs):
        notes.append(
            f"{sum(run.fallen for run in runs)} of {len(runs)} runs lie outside the series: its mean is taken"
        )
    missing = max(run.missing_share for run in runs)
    if missing:
        notes.append(f"{missing:.1%} of the energy falls on hours without a value")
    return replace(found, note="; ".join(notes))


# One run


def on_grid(
    run: RunEnergy, given: Factor | Series, pue: Factor | Series | None, *, fallback: bool = False
) -> Run:
    """A run's energy on the steps of a grid and of PUE. Raises UsageError where they do not cover it."""
    window, energy_j = run.run.window, run.energy_j
    assert window is not None
    assert energy_j is not None
    covering = [
        item
        for item in (given, pue)
        if isinstance(item, Series) and _covers(item, window, fallback)
    ]
    grid = given if any(item is given for item in covering) else None
    building = pue if any(item is pue for item in covering) else None
    constant = 1.0 if grid is not None else about(given).value
    overhead = 1.0 if building is not None or pue is None else about(pue).value
    fallen = any(isinstance(one, Series) and one not in covering for one in (given, pue))
    if not covering:
        return Run(energy_j, constant, overhead, 0.0, 0.0, fallen)
    cuts = common_cuts(window, covering)
    power = energy_by_step(run, cuts)
    alone = weigh(power, cuts, grid).mean if isinstance(grid, Series) else constant
    both = weigh(power, cuts, *covering)
    product = both.mean * (constant if grid is None else 1.0) * overhead
    u = both.u_missing * (constant if grid is None else 1.0) * overhead
    return Run(
        energy_j, alone, product / alone if alone else overhead, u, both.missing_share, fallen
    )


def _covers(series: Series, window: Window, fallback: bool) -> bool:
    if not fallback:
        series.demand(window)
    return series.covers(window)


def energy_by_step(run: RunEnergy, cuts: Ints) -> Floats:
    """Energy of a run between cuts [J], shape (len(cuts) - 1,): its channels and rated parts.

    Nodes that nobody measured follow the others, so the shares are right and the sum is what the run says.
    """
    total = np.zeros(len(cuts) - 1)
    for reading in run.readings:
        total += profile(reading.trace, cuts) * reading.factor
    total += math.fsum(part.power_w for part in run.run.rated) * np.diff(cuts) / 1e9
    return total * ((run.energy_j or 0.0) / total.sum()) if total.sum() > 0 else total


# The budget


def emitted(energy: Budget, runs: Sequence[Run], given: Factor | Series, inputs: Inputs) -> Budget:
    """The budget of emissions [g] from the budget of energy [J] and what each run says of the grid."""
    emissions = np.array([run.energy_j * run.g_per_kwh * run.pue / J_PER_KWH for run in runs])
    joules = math.fsum(run.energy_j for run in runs)
    factor = float(emissions.sum()) / joules
    run_term = energy.run
    if run_term is not None:  # scatter of emissions, which includes when each run ran
        scatter = (
            float(emissions.std(ddof=1)) / math.sqrt(len(runs))
            if len(runs) > 1
            else run_term.scale * factor
        )
        same = len({(run.g_per_kwh, run.pue) for run in runs}) == 1
        run_term = replace(run_term, scale=run_term.scale * factor if same else scatter)
    budget = energy.scaled(factor, run_term)
    missing = math.fsum(run.energy_j * run.u_missing for run in runs) / J_PER_KWH / len(runs)
    terms = budget.terms
    if missing:
        key = f"missing|{about(given).key}"
        terms = (
            *terms,
            UncertaintyComponent.symmetric(
                "hours without a value", missing, key=key, source="spread within a day"
            ),
        )
    return replace(budget, terms=terms, logs=(*budget.logs, *logs(given, inputs, runs)))


def logs(
    given: Factor | Series, inputs: Inputs, runs: Sequence[Run] = ()
) -> list[MultiplicativeComponent]:
    """Factors on the whole: level of the grid and of PUE, shared by keys; the hour of an annual mean is its own."""
    grid = about(given)
    found = [MultiplicativeComponent("grid intensity", grid.u_ln or 0.0, grid.key, grid.source)]
    if inputs.pue is not None:
        building = about(inputs.pue)
        found.append(
            MultiplicativeComponent("PUE", building.u_ln or 0.0, building.key, building.source)
        )
    fallen = (
        math.fsum(run.energy_j for run in runs if run.fallen)
        / math.fsum(run.energy_j for run in runs)
        if runs
        else 0
    )
    annual = (
        1.0 if isinstance(given, Factor) and inputs.role == "as run" and given.annual else fallen
    )
    if annual:
        found.append(
            MultiplicativeComponent(
                "hour of an annual mean",
                WITHIN_YEAR_U_LN * annual,
                None,
                "docs/explanation/carbon.md, assumed",
            )
        )
    return found


def _per_unit(energy_unit: Budget, emissions: Budget, energy: Budget) -> Budget:
    """The budget of emissions per unit of work: the energy's per unit, times grams per joule."""
    factor = emissions.value / energy.value
    run = energy_unit.run
    if run is not None and not run.log:
        run = replace(run, scale=run.scale * factor)
    scale = energy_unit.value / energy.value
    missing = tuple(
        term.scaled(scale) for term in emissions.terms if term.name == "hours without a value"
    )
    budget = energy_unit.scaled(factor, run)
    return replace(budget, terms=(*budget.terms, *missing), logs=emissions.logs)


def common_reference(results: Sequence[Result]) -> None:
    """The rule of ranking by CO2e: one reference intensity and PUE for all, so that they cancel. Raises UsageError."""
    for result in results:
        found = result.co2e
        if found is None or found.location_based is None or found.inputs.role != "reference":
            raise UsageError(
                "CO2e ranks on a common reference intensity only",
                where=result.entry.id,
                got="no CO2e" if found is None else found.reference,
                expected="one annual or declared intensity for all",
                fix="Give --zone or --intensity-g-per-kwh; by the hour, place and time would rank, not systems.",
            )
    references = {(r.co2e.inputs.location, r.co2e.inputs.pue) for r in results if r.co2e}
    if len(references) > 1:
        raise UsageError(
            "CO2e ranks on one intensity only", got=f"{len(references)} intensities", expected="1"
        )


def as_reference(inputs: Inputs) -> Inputs:
    """Inputs of a table: an annual or declared intensity becomes the reference of all; a series stays as run."""
    by_time = any(isinstance(item, Series) for item in (inputs.location, inputs.pue, inputs.market))
    return inputs if by_time or inputs.location is None else replace(inputs, role="reference")
