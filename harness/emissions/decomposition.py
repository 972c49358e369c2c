"""Why two emissions differ: their log-ratio as model + machine + mechanization + map, exactly.

CO2e = work x energy per work x overheads x intensity (Patterson et al. 2022: the four M's), so the logarithm of a ratio
is a sum. All factors are drawn together: what both sides share cancels, and the factors of every draw sum to the whole.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from harness.carbon.co2e import Basis
from harness.carbon.factor import Factor, same_dataset
from harness.carbon.footprint.document import Footprint
from harness.carbon.footprint.intervals import joint_draws
from harness.carbon.footprint.totals import it_kwh, values
from harness.core.errors import UsageError
from harness.scoring.score import Result
from harness.uncertainty.budget import Budget, MeteredEnergy, MultiplicativeComponent
from harness.uncertainty.estimate import LEVEL, Estimate, interval
from harness.uncertainty.monte_carlo import DRAWS, SEED, Floats, draw

NAMES = ("model", "machine", "mechanization", "map")
HOURS = "hours without a value"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmissionFactors:
    """One emission as a product, each part with its draws, shape (draws,).

    work: what the model needed [work_unit]; None where it is not known, and model and machine stay one factor
    energy: at the IT boundary, of all work [J or kWh]; overhead: facility energy over it; grid: intensity [g/kWh]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """ln(A/B) of CO2e and the terms that sum to it; model and machine are None where work is not known.

    model: work needed; machine: energy per unit of work at the IT boundary; model_and_machine: their sum
    mechanization: PUE and overheads; map: intensity
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


def split(a: EmissionFactors, b: EmissionFactors, *, level: float = LEVEL) -> Decomposition:
    """The factors of two emissions. Raises UsageError where their intensities come from two data sets."""
    same_dataset([a.intensity, b.intensity])

    def term(one: float, other: float, ones: Floats, others: Floats) -> tuple[float, Floats]:
        return math.log(one) - math.log(other), np.log(ones) - np.log(others)

    both = term(a.energy, b.energy, a.drawn_energy, b.drawn_energy)
    overhead = term(a.overhead, b.overhead, a.drawn_overhead, b.drawn_overhead)
    grid = term(a.grid, b.grid, a.drawn_grid, b.drawn_grid)
    model = machine = None
    note = "the work of one side is not known: model and machine are one factor"
    if (
        a.work
        and b.work
        and a.drawn_work is not None
        and b.drawn_work is not None
        and a.work_unit == b.work_unit
    ):
        needed = term(a.work, b.work, a.drawn_work, b.drawn_work)
        model = _estimate(needed, level)
        machine = _estimate((both[0] - needed[0], both[1] - needed[1]), level)
        note = ""
    total = both[0] + overhead[0] + grid[0], both[1] + overhead[1] + grid[1]
    return Decomposition(
        a=a.name,
        b=b.name,
        total=_estimate(total, level),
        model=model,
        machine=machine,
        model_and_machine=_estimate(both, level),
        mechanization=_estimate(overhead, level),
        map=_estimate(grid, level),
        note=note,
    )


def _estimate(term: tuple[float, Floats], level: float) -> Estimate:
    value, drawn = term
    low, high = interval(drawn, level)
    return Estimate(value, min(low, value), max(high, value), "ln", level, u_c=float(drawn.std()))


def of_results(
    a: Result,
    b: Result,
    basis: str = "location_based",
    *,
    level: float = LEVEL,
    seed: int = SEED,
    draws: int = DRAWS,
) -> Decomposition | None:
    """The factors of two results per unit of work; None where one of them carries no CO2e on that basis."""
    chains = [of_result(result, basis, seed=seed, draws=draws) for result in (a, b)]
    one, other = chains
    return None if one is None or other is None else split(one, other, level=level)


def of_result(
    result: Result, basis: str, *, seed: int = SEED, draws: int = DRAWS
) -> EmissionFactors | None:
    """A result's emissions per unit of work. One unit of one benchmark is the same work on any machine."""
    found: Basis | None = getattr(result.co2e, basis) if result.co2e is not None else None
    energy = result.per_unit_budget
    if found is None or energy is None or energy.value <= 0 or not found.mean_g_per_kwh:
        return None
    name, logs = result.entry.id, found.budget.logs
    overhead, grid = found.mean_pue or 1.0, found.mean_g_per_kwh
    missing = tuple(
        t.scaled(grid / found.budget.value) for t in found.budget.terms if t.name == HOURS
    )
    building = _constant(f"{name}|pue", overhead, tuple(log for log in logs if log.name == "PUE"))
    place = _constant(f"{name}|grid", grid, tuple(log for log in logs if log.name != "PUE"))
    drawn = [
        draw(budget, seed=seed, draws=draws)
        for budget in (
            replace(energy.logarithmic(), logs=()),
            building,
            replace(place, terms=missing),
        )
    ]
    task = f"{result.entry.benchmark}|{result.entry.scenario}|{result.energy_per_unit.unit}"
    return EmissionFactors(
        name=name,
        work=1.0,
        work_unit=task,
        energy=energy.value,
        overhead=overhead,
        grid=grid,
        drawn_work=np.ones(draws),
        drawn_energy=drawn[0],
        drawn_overhead=drawn[1],
        drawn_grid=drawn[2],
        intensity=found.factors[0],
    )


def _constant(name: str, value: float, logs: tuple[MultiplicativeComponent, ...]) -> Budget:
    return Budget(name, (MeteredEnergy("", value, 0.0),), logs=logs)


def of_footprint(
    item: Footprint, basis: str = "location_intensity", *, seed: int = SEED, draws: int = DRAWS
) -> EmissionFactors:
    """A declared footprint on one basis; what is stated without PUE has no overhead. Raises UsageError."""
    factors = dict(item.inputs)
    x = values(factors)
    missing = [
        text
        for text, lacks in (
            ("hours or watts", it_kwh(x) is None),
            ("PUE", "pue" not in x and not item.without_pue),
            (basis.replace("_", " "), not x.get(basis)),
        )
        if lacks
    ]
    if missing:
        raise UsageError(f"cannot be compared: not known: {', '.join(missing)}", where=item.id)
    drawn = joint_draws(factors, seed, draws)
    none = np.ones(draws)
    return EmissionFactors(
        name=item.id,
        work=x.get("total_flops"),
        work_unit="FLOP",
        energy=it_kwh(x),
        overhead=x.get("pue", 1.0),
        grid=x[basis],
        drawn_work=drawn.get("total_flops"),
        drawn_energy=it_kwh({**x, **drawn}),
        drawn_overhead=drawn.get("pue", none),
        drawn_grid=drawn[basis],
        intensity=factors[basis],
    )
