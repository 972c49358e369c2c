"""Why two emissions differ: their log-ratio as model + machine + mechanization + map, exactly.

CO2e = work x energy per work x overheads x intensity (Patterson et al. 2022: the four M's), so the
logarithm of a ratio is a sum. All factors are drawn together: what both sides share cancels, and
the factors of every draw sum to the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.carbon.co2e import Basis
from harness.carbon.factor import Factor, same_dataset
from harness.carbon.footprint.document import Footprint
from harness.carbon.footprint.intervals import joint_draws
from harness.carbon.footprint.totals import it_kwh, values
from harness.core.errors import UsageError
from harness.emissions.emission_budget import components_of_hours
from harness.scoring.result import Result
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import MeteredEnergy, MultiplicativeComponent
from harness.uncertainty.coverage_interval import LEVEL, interval
from harness.uncertainty.estimate import Estimate
from harness.uncertainty.monte_carlo import DRAWS, SEED, draw
from harness.uncertainty.random_draws import Floats

NAMES = ("model", "machine", "mechanization", "map")
MAX_NOT_POSITIVE = 0.001
"""Share of draws that may be left out as a factor is not above 0 in them: few enough to move no
end of an interval."""
WORK_UNKNOWN = "the work of one side is not known: model and machine are one factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionFactors:
    """One emission as a product of factors, each with its draws of shape (draws,).

    Attributes:
        name: Whose emission it is.
        work: What the model needed [work_unit]; None where it is not known, and model and machine
            stay one factor.
        work_unit: Unit of the work.
        energy: Energy of all work at the IT boundary [J or kWh].
        overhead: Facility energy over IT energy.
        grid: Intensity of the grid [g/kWh or kg/kWh].
        drawn_work: Draws of the work; None where it is not known.
        drawn_energy: Draws of the energy.
        drawn_overhead: Draws of the overhead.
        drawn_grid: Draws of the intensity.
        intensity: Provenance of the intensity.
    """

    name: str
    work: float | None
    work_unit: str
    energy: float
    overhead: float
    grid: float
    drawn_work: Floats | None
    drawn_energy: Floats
    drawn_overhead: Floats
    drawn_grid: Floats
    intensity: Factor

    @property
    def emissions(self) -> float:
        """The product, up to a constant unit."""
        return self.energy * self.overhead * self.grid

    @property
    def is_positive(self) -> NDArray[np.bool_]:
        """Whether every factor is above 0, draw by draw."""
        return (self.drawn_energy > 0) & (self.drawn_overhead > 0) & (self.drawn_grid > 0)

    def at(self, chosen: NDArray[np.bool_]) -> EmissionFactors:
        """Return the factors with some of their draws."""
        return replace(
            self,
            drawn_work=None if self.drawn_work is None else self.drawn_work[chosen],
            drawn_energy=self.drawn_energy[chosen],
            drawn_overhead=self.drawn_overhead[chosen],
            drawn_grid=self.drawn_grid[chosen],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """ln(A/B) of CO2e, and the terms that sum to it.

    Attributes:
        a: Name of A.
        b: Name of B.
        total: The logarithm of the ratio.
        model: Work needed; None where it is not known.
        machine: Energy per unit of work at the IT boundary; None where the work is not known.
        model_and_machine: The sum of both.
        mechanization: PUE and overheads.
        map: Intensity of the grid.
        note: What a reader must know.
    """

    a: str
    b: str
    total: Estimate
    model: Estimate | None
    machine: Estimate | None
    model_and_machine: Estimate
    mechanization: Estimate
    map: Estimate
    note: str

    @property
    def factors(self) -> dict[str, Estimate | None]:
        """The four terms by name."""
        return {
            "model": self.model,
            "machine": self.machine,
            "mechanization": self.mechanization,
            "map": self.map,
        }


@dataclass(frozen=True, slots=True)
class _LogRatio:
    """The logarithm of a ratio with its draws."""

    value: float
    draws: Floats

    @staticmethod
    def between(a: float, b: float, a_draws: Floats, b_draws: Floats) -> _LogRatio:
        return _LogRatio(math.log(a) - math.log(b), np.log(a_draws) - np.log(b_draws))

    def __add__(self, other: _LogRatio) -> _LogRatio:
        return _LogRatio(self.value + other.value, self.draws + other.draws)

    def __sub__(self, other: _LogRatio) -> _LogRatio:
        return _LogRatio(self.value - other.value, self.draws - other.draws)

    def estimate(self, level: float) -> Estimate:
        low, high = interval(self.draws, level)
        u_c = float(self.draws.std())
        return Estimate(
            self.value, min(low, self.value), max(high, self.value), "ln", level, u_c=u_c
        )


def decompose(a: EmissionFactors, b: EmissionFactors, *, level: float = LEVEL) -> Decomposition:
    """Take the log-ratio of two emissions apart.

    Raises:
        UsageError: Their intensities come from two data sets.
    """
    same_dataset([a.intensity, b.intensity])
    energy = _LogRatio.between(a.energy, b.energy, a.drawn_energy, b.drawn_energy)
    overhead = _LogRatio.between(a.overhead, b.overhead, a.drawn_overhead, b.drawn_overhead)
    grid = _LogRatio.between(a.grid, b.grid, a.drawn_grid, b.drawn_grid)
    work = _work_ratio(a, b)
    return Decomposition(
        a=a.name,
        b=b.name,
        total=(energy + overhead + grid).estimate(level),
        model=None if work is None else work.estimate(level),
        machine=None if work is None else (energy - work).estimate(level),
        model_and_machine=energy.estimate(level),
        mechanization=overhead.estimate(level),
        map=grid.estimate(level),
        note=WORK_UNKNOWN if work is None else "",
    )


def _work_ratio(a: EmissionFactors, b: EmissionFactors) -> _LogRatio | None:
    """Return the ratio of the work; None where one side's is not known or has another unit."""
    if not a.work or not b.work or a.work_unit != b.work_unit:
        return None
    if a.drawn_work is None or b.drawn_work is None:
        return None
    return _LogRatio.between(a.work, b.work, a.drawn_work, b.drawn_work)


def decompose_results(
    a: Result,
    b: Result,
    basis: str = "location_based",
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
) -> Decomposition | None:
    """Decompose two results per unit of work.

    None where one of them carries no CO2e on that basis, or where a factor is so uncertain that it
    may be nothing: its logarithm has no interval then.
    """
    a_factors = factors_of_result(a, basis, seed=seed, draws=draws)
    b_factors = factors_of_result(b, basis, seed=seed, draws=draws)
    if a_factors is None or b_factors is None:
        return None
    is_positive = a_factors.is_positive & b_factors.is_positive
    if is_positive.mean() < 1 - MAX_NOT_POSITIVE:
        return None
    return decompose(a_factors.at(is_positive), b_factors.at(is_positive), level=level)


def factors_of_result(
    result: Result, basis: str, *, seed: int = SEED, draws: int = DRAWS
) -> EmissionFactors | None:
    """Return a result's emissions per unit of work as factors; None where it carries none.

    One unit of one benchmark is the same work on any machine.
    """
    budgets = factor_budgets(result, basis)
    if budgets is None:
        return None
    energy, overhead, grid = budgets
    return EmissionFactors(
        name=result.entry.id,
        work=1.0,
        work_unit=f"{result.entry.benchmark}|{result.entry.scenario}|{result.energy_per_unit.unit}",
        energy=energy.value,
        overhead=overhead.value,
        grid=grid.value,
        drawn_work=np.ones(draws),
        drawn_energy=draw(energy, seed=seed, draws=draws),
        drawn_overhead=draw(overhead, seed=seed, draws=draws),
        drawn_grid=draw(grid, seed=seed, draws=draws),
        intensity=getattr(result.co2e, basis).factors[0],
    )


def factor_budgets(result: Result, basis: str) -> tuple[Budget, Budget, Budget] | None:
    """Return the budgets of energy per unit, of PUE and of the intensity of the grid.

    None where a result carries no CO2e on that basis.
    """
    emissions: Basis | None = getattr(result.co2e, basis) if result.co2e is not None else None
    energy = result.per_unit_budget
    if emissions is None or energy is None or energy.value <= 0 or not emissions.mean_g_per_kwh:
        return None
    overhead, grid = emissions.mean_pue or 1.0, emissions.mean_g_per_kwh
    factors = emissions.budget.factors
    pue = tuple(factor for factor in factors if factor.name == "PUE")
    level = tuple(factor for factor in factors if factor.name != "PUE")
    hours = components_of_hours(emissions.budget, grid / emissions.budget.value)
    return (
        replace(energy.logarithmic(), factors=()),
        _constant(f"{energy.id}|pue", overhead, pue),
        replace(_constant(f"{energy.id}|grid", grid, level), components=hours),
    )


def _constant(name: str, value: float, factors: tuple[MultiplicativeComponent, ...]) -> Budget:
    return Budget(name, (MeteredEnergy("", value, 0.0),), factors=factors)


def factors_of_footprint(
    footprint: Footprint, basis: str = "location_intensity", *, seed: int = SEED, draws: int = DRAWS
) -> EmissionFactors:
    """Return a declared footprint on one basis as factors.

    What is stated without PUE has no overhead.

    Raises:
        UsageError: Hours or watts, PUE or the intensity are not known.
    """
    factors = dict(footprint.inputs)
    numbers = values(factors)
    missing = []
    if it_kwh(numbers) is None:
        missing.append("hours or watts")
    if "pue" not in numbers and not footprint.without_pue:
        missing.append("PUE")
    if not numbers.get(basis):
        missing.append(basis.replace("_", " "))
    if missing:
        raise UsageError(f"cannot be compared: not known: {', '.join(missing)}", where=footprint.id)
    drawn = joint_draws(factors, seed, draws)
    return EmissionFactors(
        name=footprint.id,
        work=numbers.get("total_flops"),
        work_unit="FLOP",
        energy=it_kwh(numbers),
        overhead=numbers.get("pue", 1.0),
        grid=numbers[basis],
        drawn_work=drawn.get("total_flops"),
        drawn_energy=it_kwh({**numbers, **drawn}),
        drawn_overhead=drawn.get("pue", np.ones(draws)),
        drawn_grid=drawn[basis],
        intensity=factors[basis],
    )
