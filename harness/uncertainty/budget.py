"""The uncertainty budget of one estimate.

A budget lists what was measured and every source of error that is known; their kinds are in
`harness.uncertainty.components`.

Components with the same correlation key share their draws, within a budget and between budgets. An
error that two results have in common therefore cancels when they are compared.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.uncertainty.components import (
    BetweenRunScatter,
    MeteredEnergy,
    MultiplicativeComponent,
    UncertaintyComponent,
)


@dataclass(frozen=True, slots=True)
class Budget:
    """All sources of error of one estimate.

    Attributes:
        id: Whose estimate it is. Draws without a correlation key belong to this id.
        metered: What was read, meter by meter.
        components: Additive errors.
        run_scatter: Error of the mean of several runs; ``None`` where there is none or it is
            unknown.
        factors: Factors on the whole.
    """

    id: str
    metered: tuple[MeteredEnergy, ...]
    components: tuple[UncertaintyComponent, ...] = ()
    run_scatter: BetweenRunScatter | None = None
    factors: tuple[MultiplicativeComponent, ...] = ()

    @property
    def measured(self) -> float:
        """Plain sum of the metered energies [J]."""
        return sum(metered.energy for metered in self.metered)

    @property
    def value(self) -> float:
        """Best estimate [J]: the expectation of the draws.

        It is the metered energy plus the expected contribution of each one-sided component.
        """
        return self.measured + sum(item.mean for item in self.components)

    @property
    def declared_value(self) -> float:
        """The same with parts that are declared at their upper limit counted at that limit [J].

        A one-sided uniform component bounds such a part.
        """
        normal = (item for item in self.components if item.base == "normal")
        return self.measured + sum(item.mean for item in normal)

    def logarithmic(self) -> Budget:
        """Return the budget with its scatter between runs as a factor, which is above zero."""
        scatter = self.run_scatter
        if scatter is None or scatter.log:
            return self
        return replace(
            self, run_scatter=replace(scatter, scale=scatter.scale / self.value, log=True)
        )

    def standalone(self) -> Budget:
        """Return the budget with keys that follow the sizes of its components.

        An estimate that is compared with nothing may take any draws. With such keys all budgets
        take the same ones, which are drawn once.
        """
        names = _keys_by_size(self)
        metered = tuple(
            MeteredEnergy(
                names["part", item.correlation_key],
                item.energy,
                item.gain_mpe,
                item.offset_mpe_j,
                item.efficiency_limit,
            )
            for item in self.metered
        )
        components = tuple(
            item.with_key(names.get((item.base, item.correlation_key)), source="")
            for item in self.components
        )
        factors = tuple(
            MultiplicativeComponent(
                item.name, item.scale, names.get(("log", item.correlation_key)), "", item.floor
            )
            for item in self.factors
        )
        return Budget("", metered, components, self.run_scatter, factors)

    def scaled(self, factor: float, run_scatter: BetweenRunScatter | None = None) -> Budget:
        """Return the budget in another unit, `run_scatter` in place of its own scatter."""
        return Budget(
            self.id,
            tuple(item.scaled(factor) for item in self.metered),
            tuple(item.scaled(factor) for item in self.components),
            run_scatter,
            self.factors,
        )


def _keys_by_size(budget: Budget) -> dict[tuple[str, str | None], str]:
    """Name each correlation key by its kind and its place in the order of sizes."""
    sizes: list[tuple[float, str, str | None]] = []
    for metered in budget.metered:
        limit = sum(abs(item.up) for item in metered.linear_components())
        sizes.append((limit, "part", metered.correlation_key))
    for item in budget.components:
        if item.correlation_key is not None:
            sizes.append((item.magnitude, item.base, item.correlation_key))
    for factor in budget.factors:
        if factor.correlation_key is not None:
            sizes.append((factor.scale, "log", factor.correlation_key))
    names: dict[tuple[str, str | None], str] = {}
    numbers: dict[str, Iterator[int]] = defaultdict(itertools.count)
    for _, kind, key in sorted(sizes, key=lambda size: -size[0]):
        if (kind, key) not in names:
            names[kind, key] = f"{kind} {next(numbers[kind])}"
    return names


def run_variance(budget: Budget) -> tuple[float, int]:
    """Return the variance of ln(energy of a run) and the number of runs; (0, 1) for one run."""
    scatter = budget.run_scatter
    if scatter is None:
        return 0.0, 1
    error = scatter.standard_deviation
    relative = error if scatter.log else error / budget.value
    n = scatter.n or round(scatter.dof) + 1
    return relative**2 * n, n
