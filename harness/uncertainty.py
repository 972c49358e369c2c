"""Uncertainty: a budget of named terms, combined by Monte Carlo (JCGM 101) with the closed form beside it (JCGM 100).

Terms that share a key share their draws, in one budget and between budgets, so that they cancel in comparisons.
Pure: the same budget and seed give the same numbers.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Base = Literal["normal", "uniform"]

DRAWS = 200_000
"""Draws of a Monte Carlo (JCGM 101, 7.2.1 asks for at least 10^4 times 1/(1-p))."""
BLOCK = 10_000
"""Draws of one block in the tolerance check (JCGM 101, 7.9)."""
LEVEL = 0.95
SEED = 20210410
"""Default seed; any seed gives the same interval within the stated tolerance."""

_ABS_MEAN = {"normal": math.sqrt(2 / math.pi), "uniform": 0.5}
_MEAN_SQUARE = {"normal": 1.0, "uniform": 1 / 3}


@dataclass(frozen=True, slots=True)
class Term:
    """One additive source of error: up * max(X, 0) + down * max(-X, 0).

    X is standard normal or uniform on (-1, 1). A symmetric term has down = -up; a folded one (a clock error always
    swaps load for idle) has down = up.
    up, down: slopes [J]; key: terms with one key share X; None is a draw of its own
    """

    name: str
    up: float
    down: float
    base: Base = "normal"
    key: str | None = None
    source: str = ""

    @staticmethod
    def symmetric(name: str, scale: float, base: Base = "normal", key: str | None = None, source: str = "") -> Term:
        """A term without bias; scale is the standard deviation, or the half-width of a uniform one."""
        return Term(name, scale, -scale, base, key, source)

    @property
    def mean(self) -> float:
        """Expected contribution [J]."""
        return (self.up + self.down) / 2 * _ABS_MEAN[self.base]

    @property
    def variance(self) -> float:
        """Variance of the contribution [J^2]."""
        return max(0.0, (self.up**2 + self.down**2) / 2 * _MEAN_SQUARE[self.base] - self.mean**2)

    def scaled(self, factor: float) -> Term:
        """The term in another unit."""
        return replace(self, up=self.up * factor, down=self.down * factor)


@dataclass(frozen=True, slots=True)
class Part:
    """Energy that one calibration measured: E_true = (E - o) / (1 + g), g and o uniform (method, section 3).

    energy: what was measured [J]; gain_limit: limit of g; offset_limit: limit of o over the window [J]
    efficiency_limit: relative limit of a conversion efficiency that was applied, or 0
    """

    key: str
    energy: float
    gain_limit: float
    offset_limit: float = 0.0
    efficiency_limit: float = 0.0
    source: str = ""

    def scaled(self, factor: float) -> Part:
        """The part in another unit."""
        return replace(self, energy=self.energy * factor, offset_limit=self.offset_limit * factor)

    def terms(self) -> Iterable[Term]:
        """Its linear terms for the closed form, in the order gain, offset, efficiency."""
        for name, scale in (
            ("meter gain", self.energy * self.gain_limit),
            ("meter offset", self.offset_limit),
            ("conversion efficiency", self.energy * self.efficiency_limit),
        ):
            if scale:
                yield Term.symmetric(name, scale, "uniform", f"{name}|{self.key}", self.source)


@dataclass(frozen=True, slots=True)
class RunTerm:
    """Scatter between runs: scale * t(dof), added, or as a factor exp(scale * t(dof)) where log is True."""

    scale: float
    dof: int
    log: bool = False


@dataclass(frozen=True, slots=True)
class Budget:
    """All that is known of one estimate.

    id: whose it is; draws without a shared key are its own
    """

    id: str
    parts: tuple[Part, ...]
    terms: tuple[Term, ...] = ()
    run: RunTerm | None = None

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

    def scaled(self, factor: float, run: RunTerm | None = None) -> Budget:
        """The budget in another unit, with another run term."""
        return Budget(
            self.id,
            tuple(p.scaled(factor) for p in self.parts),
            tuple(t.scaled(factor) for t in self.terms),
            run,
        )


@dataclass(frozen=True, slots=True)
class BudgetRow:
    """One line of the budget table. u: standard uncertainty; share: of the variance; dof: None is infinite."""

    term: str
    u: float
    share: float
    dof: int | None
    key: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval; low and high are None where no interval can be had, and note says why.

    u_c, nu_eff, k: combined standard uncertainty, its degrees of freedom (None: infinite) and coverage factor
    tolerance: numerical tolerance asked of the interval's ends (JCGM 101, 7.9); tolerance_met: whether it was met
    """

    value: float | None
    low: float | None
    high: float | None
    unit: str
    level: float = LEVEL
    note: str = ""
    u_c: float | None = None
    nu_eff: float | None = None
    k: float | None = None
    tolerance: float | None = None
    tolerance_met: bool | None = None


def draw(budget: Budget, *, seed: int = SEED, draws: int = DRAWS) -> Floats:
    """Values that could be true [J], shape (draws,): the Monte Carlo of JCGM 101, section 7."""
    total = np.zeros(draws)
    for part in budget.parts:
        total += _part_draws(part, seed, draws)
    own = math.sqrt(sum(t.up**2 for t in budget.terms if _own(t)))  # independent normal terms add as one
    if own:
        total += own * _standard(seed, f"own|{budget.id}", "normal", draws)
    for term in budget.terms:
        if not _own(term):
            x = _standard(seed, term.key or f"{term.name}|{budget.id}", term.base, draws)
            _add(total, (term.up - term.down) / 2, x)
            _add(total, (term.up + term.down) / 2, np.abs(x) if term.up != -term.down else x)
    if budget.run is not None and budget.run.scale:
        t = budget.run.scale * _student(seed, f"runs|{budget.id}", budget.run.dof, draws)
        if budget.run.log:
            total *= np.exp(t, out=t)
        else:
            total += t
    return total


def _add(total: Floats, scale: float, x: Floats) -> None:
    if scale:
        total += scale * x


def _own(term: Term) -> bool:
    return term.base == "normal" and term.key is None and term.up == -term.down


def _part_draws(part: Part, seed: int, draws: int) -> Floats:
    value: Floats = np.full(draws, part.energy)
    if part.offset_limit:
        value -= part.offset_limit * _standard(seed, f"meter offset|{part.key}", "uniform", draws)
    for name, limit, divides in (
        ("meter gain", part.gain_limit, True),
        ("conversion efficiency", part.efficiency_limit, False),
    ):
        if limit:
            factor = limit * _standard(seed, f"{name}|{part.key}", "uniform", draws)
            factor += 1
            value = np.divide(value, factor, out=value) if divides else np.multiply(value, factor, out=value)
    return value


def _generator(seed: int, key: str) -> np.random.Generator:
    digest = hashlib.blake2b(key.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.SFC64([seed, int.from_bytes(digest, "little")]))


@functools.lru_cache(maxsize=32)
def _standard(seed: int, key: str, base: Base, draws: int) -> Floats:
    generator = _generator(seed, f"{base}|{key}")
    x = generator.standard_normal(draws) if base == "normal" else generator.uniform(-1, 1, draws)
    x.setflags(write=False)
    return x


def _student(seed: int, key: str, dof: int, draws: int) -> Floats:
    return _generator(seed, f"t|{key}").standard_t(dof, draws)


def estimate(
    budget: Budget, unit: str, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS, note: str = ""
) -> Estimate:
    """The estimate of a budget: value, percentile interval and closed form."""
    value = budget.value
    values = draw(budget, seed=seed, draws=draws)
    tail = (1 - level) / 2
    ranks = [int(tail * BLOCK), BLOCK - 1 - int(tail * BLOCK)]
    blocks = np.partition(values[: draws // BLOCK * BLOCK].reshape(-1, BLOCK), ranks, axis=1)[:, ranks]
    low, high = (float(end) for end in blocks.mean(axis=0))
    u_c, nu_eff = combine(budget)
    tolerance = numerical_tolerance(u_c)
    spread = blocks.std(axis=0, ddof=1) / math.sqrt(len(blocks)) if len(blocks) > 1 else np.array([math.inf])
    return Estimate(
        value=value,
        low=min(low, value),
        high=max(high, value),
        unit=unit,
        level=level,
        note=note,
        u_c=u_c,
        nu_eff=nu_eff if math.isfinite(nu_eff) else None,
        k=coverage_factor(level, nu_eff),
        tolerance=tolerance,
        tolerance_met=bool(2 * spread.max() <= tolerance),
    )


def combine(budget: Budget) -> tuple[float, float]:
    """Combined standard uncertainty [J] and Welch-Satterthwaite degrees of freedom (JCGM 100, G.4.1)."""
    rows = rows_of(budget)
    u_c = math.sqrt(math.fsum(row.u**2 for row in rows))
    spread = math.fsum(row.u**4 / row.dof for row in rows if row.dof is not None)
    return u_c, (u_c**4 / spread if spread else math.inf)


def rows_of(budget: Budget) -> list[BudgetRow]:
    """The budget as a table, largest share first; terms of one name and key are one row."""
    found: dict[tuple[str, str | None], tuple[float, str]] = {}
    for part in budget.parts:
        for term in part.terms():
            u, _ = found.get((term.name, part.key), (0.0, ""))
            found[(term.name, part.key)] = (
                u + math.sqrt(term.variance),
                part.source,
            )  # shared draw: adds linearly
    for term in budget.terms:
        u, _ = found.get((term.name, term.key), (0.0, ""))
        together = math.hypot(u, math.sqrt(term.variance)) if term.key is None else u + math.sqrt(term.variance)
        found[(term.name, term.key)] = (together, term.source)
    rows = [(name, u, None, key, source) for (name, key), (u, source) in found.items() if u > 0]
    if budget.run is not None and budget.run.scale:
        scale = budget.run.scale * (budget.value if budget.run.log else 1.0)
        rows.append(("run to run", scale, budget.run.dof, None, "scatter of the runs, t distribution"))  # type: ignore[arg-type]
    total = math.fsum(row[1] ** 2 for row in rows)
    table = [BudgetRow(name, u, u**2 / total, dof, key, source) for name, u, dof, key, source in rows]
    return sorted(table, key=lambda row: (-row.share, row.term, row.key or ""))


def coverage_factor(level: float, nu: float) -> float:
    """Two-sided quantile of Student's t, or of the normal distribution for infinite nu."""
    from scipy import special

    tail = (1 + level) / 2
    return float(special.ndtri(tail) if math.isinf(nu) else special.stdtrit(nu, tail))


def numerical_tolerance(u: float) -> float:
    """Half a unit in the second significant digit of u (JCGM 101, 7.9.2)."""
    return 0.5 * 10.0 ** (math.floor(math.log10(u)) - 1) if u > 0 else 0.0
