"""The closed form of an uncertainty budget (JCGM 100), beside its Monte Carlo.

It is the table of the budget, the combined standard uncertainty with its degrees of freedom, and
the coverage factor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.uncertainty.budget import Budget

SCATTER_TEXTS = {
    "own runs": "scatter of the runs, t distribution",
    "ranging pair": "ranging run beside the timed run, and published pairs of both",
    "borrowed": "scatter of other results of the table, t distribution",
}


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """A line of the budget table.

    Attributes:
        term: Name of the component.
        u: Standard uncertainty [J].
        share: Share of the variance, 0 to 1.
        dof: Degrees of freedom; ``None`` means infinite.
        key: Correlation key; ``None`` means independent.
        source: Where the size of the component comes from.
    """

    term: str
    u: float
    share: float
    dof: float | None
    key: str | None
    source: str


def combine(budget: Budget) -> tuple[float, float]:
    """Return the combined standard uncertainty [J] and its degrees of freedom.

    The degrees of freedom are those of Welch and Satterthwaite (JCGM 100, G.4.1).
    """
    rows = budget_rows(budget)
    u_c = math.sqrt(math.fsum(row.u**2 for row in rows))
    denominator = math.fsum(row.u**4 / row.dof for row in rows if row.dof is not None)
    return u_c, (u_c**4 / denominator if denominator else math.inf)


def budget_rows(budget: Budget) -> list[BudgetRow]:
    """Return the budget as a table, largest share first.

    Components of one name and key share a row. Those with a key add linearly, the others in
    squares.
    """
    table = _RowTable()
    for metered in budget.metered:
        for item in metered.linear_components():
            u = math.sqrt(item.variance)
            table.add(item.name, metered.correlation_key, None, u, metered.source)
    for item in budget.components:
        u = math.sqrt(item.variance)
        table.add(item.name, item.correlation_key, item.dof, u, item.source)
    for factor in budget.factors:  # to first order, as the closed form is
        u = abs(budget.value) * factor.relative_uncertainty
        table.add(factor.name, factor.correlation_key, None, u, factor.source)
    scatter = budget.run_scatter
    if scatter is not None and scatter.scale:
        u = scatter.standard_deviation * (budget.value if scatter.log else 1.0)
        dof = scatter.dof if math.isfinite(scatter.dof) else None
        table.add("run to run", None, dof, u, SCATTER_TEXTS[scatter.source])
    return table.rows()


class _RowTable:
    """Standard uncertainties by name, correlation key and degrees of freedom."""

    def __init__(self) -> None:
        self._u: dict[tuple[str, str | None, float | None], tuple[float, str]] = {}

    def add(self, name: str, key: str | None, dof: float | None, u: float, source: str) -> None:
        before, _ = self._u.get((name, key, dof), (0.0, ""))
        total = math.hypot(before, u) if key is None else before + u
        self._u[name, key, dof] = total, source

    def rows(self) -> list[BudgetRow]:
        # relative to the largest: the squares of the smallest floating-point numbers are 0
        largest = max((u for u, _ in self._u.values()), default=0.0) or 1.0
        total = math.fsum((u / largest) ** 2 for u, _ in self._u.values())
        rows = [
            BudgetRow(name, u, (u / largest) ** 2 / total, dof and float(dof), key, source)
            for (name, key, dof), (u, source) in self._u.items()
            if u > 0
        ]
        return sorted(rows, key=lambda row: (-row.share, row.term, row.key or ""))


def coverage_factor(level: float, nu: float) -> float:
    """Return the two-sided quantile of Student's t; of the normal for infinite `nu`."""
    tail = (1 + level) / 2
    if math.isinf(nu):
        from statistics import NormalDist

        return NormalDist().inv_cdf(tail)
    from scipy import special  # half a second: not where nothing scatters

    return float(special.stdtrit(nu, tail))


def numerical_tolerance(u: float) -> float:
    """Return half a unit in the second significant digit of `u` (JCGM 101, 7.9.2)."""
    return 0.5 * 10.0 ** (math.floor(math.log10(u)) - 1) if u > 0 else 0.0
