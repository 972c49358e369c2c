"""Uncertainty: a budget of named terms, combined by Monte Carlo (JCGM 101) with the closed form beside it (JCGM 100).

Terms that share a key share their draws, in one budget and between budgets, so that they cancel in comparisons.
Pure: the same budget and seed give the same numbers.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
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
    """Scatter between runs: scale * t(dof), added, or as a factor exp(scale * t(dof)) where log is True.

    n: runs of the mean it belongs to; 0 where that is dof + 1
    """

    scale: float
    dof: float
    log: bool = False
    n: int = 0


@dataclass(frozen=True, slots=True)
class LogTerm:
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
    parts: tuple[Part, ...]
    terms: tuple[Term, ...] = ()
    run: RunTerm | None = None
    logs: tuple[LogTerm, ...] = ()

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

    def scaled(self, factor: float, run: RunTerm | None = None) -> Budget:
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


@dataclass(frozen=True, slots=True)
class View:
    """A budget in another unit: all of it times factor, with a run term in that unit in place of its own."""

    unit: str
    factor: float = 1.0
    run: RunTerm | None = None


def draw(budget: Budget, *, seed: int = SEED, draws: int = DRAWS) -> Floats:
    """Values that could be true [J], shape (draws,): the Monte Carlo of JCGM 101, section 7."""
    values = np.empty(draws)
    rest = values
    for systematic, student, logs in _blocks(budget, _dof([budget.run]), seed, draws):
        _with_run(systematic, student, logs, budget.run, rest[: len(systematic)])
        rest = rest[len(systematic) :]
    return values


def interval(values: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Probabilistically symmetric coverage interval of drawn values: the mean over blocks of their percentiles."""
    ends = _Ends(level)
    for first in range(0, len(values), BLOCK):
        ends.take(values[first : first + BLOCK])
    low, high = ends.mean()
    return low, high


def estimate(
    budget: Budget, unit: str, *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS, note: str = ""
) -> Estimate:
    """The estimate of a budget: value, percentile interval and closed form."""
    view = View(unit, run=budget.run)
    return replace(estimates(budget, [view], level=level, seed=seed, draws=draws)[0], note=note)


def estimates(
    budget: Budget, views: Sequence[View], *, level: float = LEVEL, seed: int = SEED, draws: int = DRAWS
) -> list[Estimate]:
    """Estimates of one budget in several units, from one set of draws: the views differ in their run term only."""
    wanted = [None if v.run is None else replace(v.run, scale=_in_unit_of(v)) for v in views]
    ends = {run: _Ends(level) for run in wanted}
    values = np.empty(BLOCK)
    for systematic, student, logs in _blocks(budget, _dof(wanted), seed, draws):
        for run, end in ends.items():
            end.take(_with_run(systematic, student, logs, run, values[: len(systematic)]))
    return [_estimate(budget, view, ends[run]) for view, run in zip(views, wanted, strict=True)]


def _in_unit_of(view: View) -> float:
    """Scale of the view's run term in the budget's own unit; as an exponent it has none."""
    return 0.0 if view.run is None else view.run.scale if view.run.log else view.run.scale / view.factor


def _estimate(budget: Budget, view: View, ends: _Ends) -> Estimate:
    seen = budget.scaled(view.factor, view.run)
    low, high = (view.factor * end for end in ends.mean())
    u_c, nu_eff = combine(seen)
    tolerance = numerical_tolerance(u_c)
    return Estimate(
        value=seen.value,
        low=min(low, seen.value),
        high=max(high, seen.value),
        unit=view.unit,
        level=ends.level,
        u_c=u_c,
        nu_eff=nu_eff if math.isfinite(nu_eff) else None,
        k=coverage_factor(ends.level, nu_eff),
        tolerance=tolerance,
        tolerance_met=2 * view.factor * ends.spread() <= tolerance,
    )


class _Ends:
    """The ends of the coverage interval of each block of draws (JCGM 101, 7.9).

    Past the first block only the draws beyond a fence well inside the ends are put in order, not all.
    """

    def __init__(self, level: float) -> None:
        self.level = level
        self.found: list[tuple[float, float]] = []
        self._fences = (math.inf, -math.inf)

    def take(self, values: Floats) -> None:
        """Take one block; a short one counts only where it is the only one."""
        if len(values) < BLOCK and self.found:
            return
        rank = int((1 - self.level) / 2 * len(values))
        below, above = values[values < self._fences[0]], values[values > self._fences[1]]
        if not self.found or min(len(below), len(above)) <= rank:
            below = above = values
            inner = min(rank + 6 * math.isqrt(rank) + 20, len(values) - 1)
            self._fences = tuple(np.partition(values, [inner, len(values) - 1 - inner])[[inner, -1 - inner]].tolist())
        top = len(above) - 1 - rank
        self.found.append((float(np.partition(below, rank)[rank]), float(np.partition(above, top)[top])))

    def mean(self) -> list[float]:
        """Low and high end."""
        return [float(end) for end in np.mean(self.found, axis=0)]

    def spread(self) -> float:
        """Standard deviation of the mean of the less certain end."""
        blocks = len(self.found)
        return float(np.std(self.found, axis=0, ddof=1).max()) / math.sqrt(blocks) if blocks > 1 else math.inf


def _with_run(systematic: Floats, student: Floats, logs: Floats, run: RunTerm | None, out: Floats) -> Floats:
    """Draws with the scatter between runs, then with the factors on the whole, in `out`."""
    if run is None or not run.scale:
        out[:] = systematic
    else:
        np.multiply(student, run.scale, out=out)
        if run.log:
            with np.errstate(over="ignore"):  # two runs: the tails of t with one degree of freedom have no end
                np.exp(out, out=out)
                out *= systematic
        else:
            out += systematic
    if len(logs):
        out *= logs
    return out


def _dof(runs: Sequence[RunTerm | None]) -> float:
    """Degrees of freedom that all run terms share; 0 where nothing scatters."""
    (dof,) = {run.dof for run in runs if run is not None and run.scale} or {0.0}
    return dof


def _blocks(budget: Budget, dof: float, seed: int, draws: int) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Draws without run and log terms, Student draws, and factors on the whole (empty where there are none).

    In blocks that stay in the cache; each is overwritten by the next.
    """
    own = math.sqrt(sum(t.up**2 for t in budget.terms if _own(t)))  # independent normal terms add as one
    normal, student = (_generator(seed, f"{name}|{budget.id}") for name in ("normal|own", "t|runs"))
    shared = [(term, _term_draws(term, budget.id, seed, draws)) for term in budget.terms if not _own(term)]
    buffers = np.zeros((3, BLOCK))
    for first in range(0, draws, BLOCK):
        span = slice(first, min(first + BLOCK, draws))
        total, work, t = buffers[:, : span.stop - first]
        if own:
            normal.standard_normal(out=total)
            total *= own
        else:
            total.fill(0)
        for part in budget.parts:
            total += _part_draws(part, seed, draws, span, work)
        for term, x in shared:
            _add_term(total, term, x[span], work)
        if dof:
            _student(student, dof, t)
        yield total, t, _log_draws(budget, seed, draws, span)


def _log_draws(budget: Budget, seed: int, draws: int, span: slice) -> Floats:
    logs = [
        log.scale * _standard(seed, log.key or f"{log.name}|{budget.id}", "normal", draws)[span]
        for log in budget.logs
        if log.scale
    ]
    return np.exp(sum(logs[1:], logs[0])) if logs else np.empty(0)


def _own(term: Term) -> bool:
    return term.base == "normal" and term.key is None and term.up == -term.down and term.dof is None


def _term_draws(term: Term, budget_id: str, seed: int, draws: int) -> Floats:
    key = term.key or f"{term.name}|{budget_id}"
    return _standard(seed, key, term.base, draws) if term.dof is None else student(key, term.dof, seed, draws)


def _add_term(total: Floats, term: Term, x: Floats, work: Floats) -> None:
    """Add up * max(x, 0) + down * max(-x, 0)."""
    if term.up != term.down:
        total += np.multiply(x, (term.up - term.down) / 2, out=work)
    if term.up != -term.down:
        np.abs(x, out=work)
        work *= (term.up + term.down) / 2
        total += work


def _part_draws(part: Part, seed: int, draws: int, span: slice, value: Floats) -> Floats | float:
    if not (part.offset_limit or part.gain_limit or part.efficiency_limit):
        return part.energy
    if not (part.offset_limit or part.efficiency_limit):  # the usual part, without copies
        np.multiply(_standard(seed, f"meter gain|{part.key}", "uniform", draws)[span], part.gain_limit, out=value)
        value += 1
        return np.divide(part.energy, value, out=value)
    value.fill(part.energy)
    if part.offset_limit:
        value -= part.offset_limit * _standard(seed, f"meter offset|{part.key}", "uniform", draws)[span]
    for name, limit, apply in (
        ("meter gain", part.gain_limit, np.divide),
        ("conversion efficiency", part.efficiency_limit, np.multiply),
    ):
        if limit:
            factor = limit * _standard(seed, f"{name}|{part.key}", "uniform", draws)[span]
            factor += 1
            apply(value, factor, out=value)
    return value


def _generator(seed: int, key: str) -> np.random.Generator:
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.Generator(np.random.SFC64([seed, int.from_bytes(digest, "little")]))


@functools.lru_cache(maxsize=32)
def _standard(seed: int, key: str, base: Base, draws: int) -> Floats:
    generator = _generator(seed, f"{base}|{key}")
    if base == "normal":
        x = generator.standard_normal(draws)
    else:
        x = generator.random(draws)
        x *= 2
        x -= 1
    x.setflags(write=False)
    return x


def forget() -> None:
    """Drop the draws kept for keys: frees memory, and a benchmark then pays for them. They come out the same again."""
    _standard.cache_clear()


def _student(generator: np.random.Generator, dof: float, out: Floats) -> None:
    """Student draws as sqrt(dof (u^(-2/dof) - 1)) cos(2 pi v), which is exact for uniform u and v (Bailey 1994).

    The angle is in single precision: its step, 4e-7, is far below what any number of draws can show.
    """
    generator.random(out=out)
    np.subtract(1, out, out=out)  # (0, 1]
    np.log(out, out=out)
    out *= -2 / dof
    np.exp(out, out=out)
    out -= 1
    out *= dof
    np.sqrt(out, out=out)
    angle = generator.random(len(out), dtype=np.float32)
    angle *= 2 * math.pi
    out *= np.cos(angle, out=angle)


def scatter(budget: Budget) -> tuple[float, int]:
    """Variance of the logarithm of a run's energy, and the number of runs; (0, 1) for a single run."""
    run = budget.run
    if run is None:
        return 0.0, 1
    relative = run.scale if run.log else run.scale / budget.value
    n = run.n or round(run.dof) + 1
    return relative**2 * n, n


def student(key: str, dof: float, seed: int, draws: int) -> Floats:
    """Draws of an entry's own error: Student's t with any dof, normal where it is infinite."""
    stream = _generator(seed, f"rank|{key}")
    return stream.standard_normal(draws) if math.isinf(dof) else stream.standard_t(dof, draws)


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
    total = math.fsum(u**2 for u, _ in found.values())
    table = [
        BudgetRow(name, u, u**2 / total, dof, key, source) for (name, key, dof), (u, source) in found.items() if u > 0
    ]
    return sorted(table, key=lambda row: (-row.share, row.term, row.key or ""))


def coverage_factor(level: float, nu: float) -> float:
    """Two-sided quantile of Student's t, or of the normal distribution for infinite nu."""
    from scipy import special

    tail = (1 + level) / 2
    return float(special.ndtri(tail) if math.isinf(nu) else special.stdtrit(nu, tail))


def numerical_tolerance(u: float) -> float:
    """Half a unit in the second significant digit of u (JCGM 101, 7.9.2)."""
    return 0.5 * 10.0 ** (math.floor(math.log10(u)) - 1) if u > 0 else 0.0
