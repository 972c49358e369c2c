"""The uncertainty budget: named terms, and their closed form (JCGM 100).

Terms that share a key share their draws, in one budget and between budgets, so that they cancel in comparisons.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

Base = Literal["normal", "uniform"]

_ABS_MEAN = {"normal": math.sqrt(2 / math.pi), "uniform": 0.5}
_MEAN_SQUARE = {"normal": 1.0, "uniform": 1 / 3}


@dataclass(frozen=True, slots=True)
class UncertaintyComponent:
    """One additive source of error: up * max(X, 0) + down * max(-X, 0).

    X is standard normal or uniform on (-1, 1). A symmetric term has down = -up; a folded one (a clock error always
    swaps load for idle) has down = up.
    up, down: slopes [J]; key: terms with one key share X; None is a draw of its own
    dof: degrees of freedom of a normal term whose scale was itself estimated; X then is Student's t. None is infinite
    """

    name: str
    up: float
    down: float
    base: Base = "normal"
    key: str | None = None
    source: str = ""
    dof: float | None = None

    @staticmethod
    def symmetric(
        name: str, scale: float, base: Base = "normal", key: str | None = None, source: str = ""
    ) -> UncertaintyComponent:
        """A term without bias; scale is the standard deviation, or the half-width of a uniform one."""
        return UncertaintyComponent(name, scale, -scale, base, key, source)

    @property
    def mean(self) -> float:
        """Expected contribution [J]."""
        return (self.up + self.down) / 2 * _ABS_MEAN[self.base]

    @property
    def variance(self) -> float:
        """Variance of the contribution [J^2]."""
        return max(0.0, (self.up**2 + self.down**2) / 2 * _MEAN_SQUARE[self.base] - self.mean**2)

    def scaled(self, factor: float) -> UncertaintyComponent:
        """The term in another unit."""
        up, down = self.up * factor, self.down * factor
        return UncertaintyComponent(
            self.name, up, down, self.base, self.key, self.source, self.dof
        )  # replace() takes four times as long


@dataclass(frozen=True, slots=True)
class MeteredEnergy:
    """Energy that one calibration measured: E_true = (E - o) / (1 + g), g and o uniform (method, section 3).

    energy: what was measured [J]; gain_limit: limit of g; offset_limit: limit of o over the window [J]
    efficiency_limit: relative limit of a conversion efficiency that was applied, or 0
    """

    key: str
    energy: float
    gain_mpe: float
    offset_mpe_j: float = 0.0
    efficiency_limit: float = 0.0
    source: str = ""

    def scaled(self, factor: float) -> MeteredEnergy:
        """The part in another unit."""
        energy, offset = self.energy * factor, self.offset_mpe_j * factor
        return MeteredEnergy(
            self.key, energy, self.gain_mpe, offset, self.efficiency_limit, self.source
        )

    def terms(self) -> Iterable[UncertaintyComponent]:
        """Its linear terms for the closed form, in the order gain, offset, efficiency."""
        for name, scale in (
            ("meter gain", self.energy * self.gain_mpe),
            ("meter offset", self.offset_mpe_j),
            ("conversion efficiency", self.energy * self.efficiency_limit),
        ):
            if scale:
                yield UncertaintyComponent.symmetric(
                    name, scale, "uniform", f"{name}|{self.key}", self.source
                )


@dataclass(frozen=True, slots=True)
class BetweenRunScatter:
    """Scatter between runs: scale * t(dof), added, or as a factor exp(scale * t(dof)) where log is True.

    n: runs of the mean it belongs to; 0 where that is dof + 1
    """

    scale: float
    dof: float
    log: bool = False
    n: int = 0


@dataclass(frozen=True, slots=True)
class MultiplicativeComponent:
    """A factor exp(scale * X) on the whole, X standard normal: PUE and grid intensity (method, section 5).

    scale: standard deviation of its logarithm; key: factors with one key share X; None is a draw of its own
    """

    name: str
    scale: float
    key: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """All that is known of one estimate.

    id: whose it is; draws without a shared key are its own
    """

    id: str
    parts: tuple[MeteredEnergy, ...]
    terms: tuple[UncertaintyComponent, ...] = ()
    run: BetweenRunScatter | None = None
    logs: tuple[MultiplicativeComponent, ...] = ()

    @property
    def borrows(self) -> bool:
        """Whether its scatter between runs is that of other results."""
        return self.run is not None and self.run.n > 0 and self.run.dof != self.run.n - 1

    @property
    def measured(self) -> float:
        """The plain sum of what was measured [J]."""
        return sum(part.energy for part in self.parts)

    @property
    def value(self) -> float:
        """Best estimate [J]: what was measured, less the expected errors of the terms that have a side.

        A one-sided uniform term bounds a declared part; the declared value stays.
        """
        return self.measured + sum(term.mean for term in self.terms if term.base == "normal")

    def logarithmic(self) -> Budget:
        """The same, of a value above 0, with its scatter between runs as a factor: no tail of t is then below zero."""
        if self.run is None or self.run.log:
            return self
        return replace(self, run=replace(self.run, scale=self.run.scale / self.value, log=True))

    def alone(self) -> Budget:
        """The same where nothing is compared: sources are named by their size, so all budgets need the same draws."""
        sizes = [(sum(abs(term.up) for term in p.terms()), "part", p.key) for p in self.parts]
        sizes += [(abs(t.up) + abs(t.down), t.base, t.key) for t in self.terms if t.key is not None]
        sizes += [(g.scale, "log", g.key) for g in self.logs if g.key is not None]
        names: dict[tuple[str, str | None], str] = {}
        numbers: dict[str, Iterator[int]] = defaultdict(itertools.count)
        for _, kind, key in sorted(sizes, key=lambda item: -item[0]):
            if (kind, key) not in names:
                names[kind, key] = f"{kind} {next(numbers[kind])}"
        return Budget(
            "",
            tuple(
                MeteredEnergy(
                    names["part", p.key], p.energy, p.gain_mpe, p.offset_mpe_j, p.efficiency_limit
                )
                for p in self.parts
            ),
            tuple(
                UncertaintyComponent(
                    t.name, t.up, t.down, t.base, names.get((t.base, t.key)), "", t.dof
                )
                for t in self.terms
            ),
            self.run,
            tuple(
                MultiplicativeComponent(g.name, g.scale, names.get(("log", g.key)))
                for g in self.logs
            ),
        )

    def scaled(self, factor: float, run: BetweenRunScatter | None = None) -> Budget:
        """The budget in another unit, with another run term."""
        return Budget(
            self.id,
            tuple(p.scaled(factor) for p in self.parts),
            tuple(t.scaled(factor) for t in self.terms),
            run,
            self.logs,
        )


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One line of the budget table. u: standard uncertainty; share: of the variance; dof: None is infinite."""

    term: str
    u: float
    share: float
    dof: float | None
    key: str | None
    source: str


def scatter(budget: Budget) -> tuple[float, int]:
    """Variance of the logarithm of a run's energy, and the number of runs; (0, 1) for a single run."""
    run = budget.run
    if run is None:
        return 0.0, 1
    relative = run.scale if run.log else run.scale / budget.value
    n = run.n or round(run.dof) + 1
    return relative**2 * n, n


def combine(budget: Budget) -> tuple[float, float]:
    """Combined standard uncertainty [J] and Welch-Satterthwaite degrees of freedom (JCGM 100, G.4.1)."""
    rows = rows_of(budget)
    u_c = math.sqrt(math.fsum(row.u**2 for row in rows))
    spread = math.fsum(row.u**4 / row.dof for row in rows if row.dof is not None)
    return u_c, (u_c**4 / spread if spread else math.inf)


def rows_of(budget: Budget) -> list[BudgetRow]:
    """The budget as a table, largest share first; terms of one name and key are one row.

    What shares a key adds linearly, the rest in squares.
    """
    found: dict[tuple[str, str | None, float | None], tuple[float, str]] = {}

    def add(name: str, key: str | None, dof: float | None, u: float, source: str) -> None:
        before, _ = found.get((name, key, dof), (0.0, ""))
        found[(name, key, dof)] = (math.hypot(before, u) if key is None else before + u, source)

    for part in budget.parts:
        for term in part.terms():
            add(term.name, part.key, None, math.sqrt(term.variance), part.source)
    for term in budget.terms:
        add(term.name, term.key, term.dof, math.sqrt(term.variance), term.source)
    for log in budget.logs:  # to first order, as the closed form is
        add(log.name, log.key, None, abs(budget.value) * log.scale, log.source)
    if budget.run is not None and budget.run.scale:
        scale = budget.run.scale * (budget.value if budget.run.log else 1.0)
        add("run to run", None, budget.run.dof, scale, "scatter of the runs, t distribution")
    largest = (
        max((u for u, _ in found.values()), default=0.0) or 1.0
    )  # squares of the smallest numbers are 0
    total = math.fsum((u / largest) ** 2 for u, _ in found.values())
    table = [
        BudgetRow(name, u, (u / largest) ** 2 / total, dof, key, source)
        for (name, key, dof), (u, source) in found.items()
        if u > 0
    ]
    return sorted(table, key=lambda row: (-row.share, row.term, row.key or ""))


def coverage_factor(level: float, nu: float) -> float:
    """Two-sided quantile of Student's t, or of the normal distribution for infinite nu."""
    tail = (1 + level) / 2
    if math.isinf(nu):
        from statistics import NormalDist

        return NormalDist().inv_cdf(tail)
    from scipy import special  # half a second: not where nothing scatters

    return float(special.stdtrit(nu, tail))


def numerical_tolerance(u: float) -> float:
    """Half a unit in the second significant digit of u (JCGM 101, 7.9.2)."""
    return 0.5 * 10.0 ** (math.floor(math.log10(u)) - 1) if u > 0 else 0.0
