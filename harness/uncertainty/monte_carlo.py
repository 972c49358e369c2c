"""Draws of a budget: the Monte Carlo of JCGM 101, seeded, keyed, and in blocks that stay in the cache.

The same budget and seed give the same draws; a key gives the same draws wherever it stands. What is drawn is the
deviation from what was measured: in single precision its step, 6e-8 of it, is far below what draws can show.
"""

from __future__ import annotations

import functools
import hashlib
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.uncertainty.budget import (
    Base,
    BetweenRunScatter,
    Budget,
    MeteredEnergy,
    UncertaintyComponent,
)

Floats = NDArray[np.float64]
Draws = NDArray[np.float32]
Block = tuple[Draws, Draws, Draws]
"""Deviations without the run term; Student draws of it, empty where it has none; logarithms of the factors on the
whole, empty where there are none."""

DRAWS = 200_000
"""Draws of a Monte Carlo (JCGM 101, 7.2.1 asks for at least 10^4 times 1/(1-p))."""
BLOCK = 10_000
"""Draws of one block in the tolerance check (JCGM 101, 7.9)."""
_NONE: Draws = np.empty(0, np.float32)
ROWS = 8
"""Arrays of draws that are asked for at once: 6.4 MB, so the system may give huge pages (from 4 MiB in numpy)."""
LEAST_EXP = 1e-3
"""Largest of a block of draws from which on `exp(x) - 1` is precise enough: most draws are a tenth of it or more."""
SEED = 20210410
"""Default seed; any seed gives the same interval within the stated tolerance."""


def draw(budget: Budget, *, seed: int = SEED, draws: int = DRAWS) -> Floats:
    """Values that could be true [J], shape (draws,): the Monte Carlo of JCGM 101, section 7."""
    values = np.empty(draws)
    unit, small = normalised(budget)
    run, rest = small.run, values
    with np.errstate(
        over="ignore"
    ):  # two runs: the tails of t with one degree of freedom have no end
        for deviation, student, logs in blocks(
            small, run.dof if run and run.scale else 0.0, seed, draws
        ):
            out, rest = rest[: len(deviation)], rest[len(deviation) :]
            np.add(deviation, small.measured, out=out, dtype=np.float64)
            if run and run.scale:
                scatter = np.multiply(student, run.scale, dtype=np.float64)
                out[:] = out * np.exp(scatter) if run.log else out + scatter
            if len(logs):
                out *= np.exp(logs.astype(np.float64))
        values *= unit
    return values


def normalised(budget: Budget) -> tuple[float, Budget]:
    """A unit in which no draw of a budget is too large for single precision, and the budget in it."""
    run, measured = budget.run, abs(budget.measured)
    terms = [*budget.terms, *(term for part in budget.parts for term in part.terms())]
    spread = math.fsum(abs(term.up) + abs(term.down) for term in terms)
    spread += (run.scale * measured if run.log else run.scale) if run else 0.0
    unit = max(spread, measured * 1e-30) or 1.0
    return unit, budget.scaled(1 / unit, in_unit(run, unit))


def in_unit(run: BetweenRunScatter | None, unit: float) -> BetweenRunScatter | None:
    """A run term in another unit; as an exponent it has none."""
    return run if run is None or run.log else replace(run, scale=run.scale / unit)


def with_run(block: Block, run: BetweenRunScatter | None, measured: float, out: Draws) -> Draws:
    """Deviations with the scatter between runs, then with the factors on the whole, in `out`."""
    deviation, student, logs = block
    if run is None or not run.scale:
        out[:] = deviation
    else:
        np.multiply(student, run.scale, out=out)
        if run.log:
            _apply(out, deviation, measured, out)
        else:
            out += deviation
    if len(logs):
        _apply(logs, out, measured, out)
    return out


def _apply(log: Draws, deviation: Draws, measured: float, out: Draws) -> None:
    """(measured + deviation) exp(log) - measured, in a form that loses no digits of a small deviation."""
    with np.errstate(over="ignore"):
        factor = _expm1(log, np.empty_like(log))
        factor *= deviation + measured
        np.add(deviation, factor, out=out)


def _expm1(x: Draws, out: Draws) -> Draws:
    """exp(x) - 1; by exp, up to seven times as fast, where that costs less than a thousandth of most draws."""
    if x.max(initial=0) < LEAST_EXP:
        return np.expm1(x, out=out)
    np.exp(x, out=out)
    out -= 1
    return out


def blocks(budget: Budget, dof: float, seed: int, draws: int) -> Iterator[Block]:
    """Draws of a normalised budget in blocks that stay in the cache; each is overwritten by the next.

    dof: of the run term; 0 where there is none
    """
    own = math.sqrt(
        sum(t.up**2 for t in budget.terms if _own(t))
    )  # independent normal terms add as one
    normal = _own_normal(seed, budget.id, draws) if own else _NONE
    student = _own_student(seed, budget.id, dof, draws) if dof else _NONE
    shared = [
        (term, _term_draws(term, budget.id, seed, draws)) for term in budget.terms if not _own(term)
    ]
    buffers = np.zeros((2, BLOCK), np.float32)
    for first in range(0, draws, BLOCK):
        span = slice(first, min(first + BLOCK, draws))
        total, work = buffers[:, : span.stop - first]
        if own:
            np.multiply(normal[span], own, out=total)
        else:
            total.fill(0)
        for part in budget.parts:
            if part.gain_mpe or part.offset_mpe_j or part.efficiency_limit:
                total += _part_draws(part, seed, draws, span, work)
        for term, x in shared:
            _add_term(total, term, x[span], work)
        yield total, student[span], _log_draws(budget, seed, draws, span)


def _log_draws(budget: Budget, seed: int, draws: int, span: slice) -> Draws:
    logs = [
        log.scale * _standard(seed, log.key or f"{log.name}|{budget.id}", "normal", draws)[span]
        for log in budget.logs
        if log.scale
    ]
    return functools.reduce(np.add, logs) if logs else _NONE


def _own(term: UncertaintyComponent) -> bool:
    return term.base == "normal" and term.key is None and term.up == -term.down and term.dof is None


def _term_draws(
    term: UncertaintyComponent, budget_id: str, seed: int, draws: int
) -> Draws | Floats:
    key = term.key or f"{term.name}|{budget_id}"
    return (
        _standard(seed, key, term.base, draws)
        if term.dof is None
        else student(key, term.dof, seed, draws)
    )


def _add_term(total: Draws, term: UncertaintyComponent, x: Draws | Floats, work: Draws) -> None:
    """Add up * max(x, 0) + down * max(-x, 0)."""
    if term.up != term.down:
        total += np.multiply(x, (term.up - term.down) / 2, out=work)
    if term.up != -term.down:
        np.abs(x, out=work)
        work *= (term.up + term.down) / 2
        total += work


def _part_draws(part: MeteredEnergy, seed: int, draws: int, span: slice, out: Draws) -> Draws:
    """(E - o) (1 + e) / (1 + g) - E as (E (e - g) - o (1 + e)) / (1 + g): errors of gain g, offset o, efficiency e."""

    def error(name: str, limit: float) -> Any:  # an array, or 0
        return (
            limit * _standard(seed, f"{name}|{part.key}", "uniform", draws)[span] if limit else 0.0
        )

    gain, efficiency = (
        error("meter gain", part.gain_mpe),
        error("conversion efficiency", part.efficiency_limit),
    )
    np.subtract(efficiency, gain, out=out)
    out *= part.energy
    if part.offset_mpe_j:
        out -= error("meter offset", part.offset_mpe_j) * (efficiency + 1)
    if part.gain_mpe:
        out /= gain + 1
    return out


def _generator(seed: int, key: str) -> np.random.Generator:
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return np.random.Generator(np.random.SFC64([seed, int.from_bytes(digest, "little")]))


class _Spare(threading.local):
    """Rows that nobody has drawn into."""

    def __init__(self) -> None:
        self.rows: list[Draws] = []


_spare = _Spare()


def _row(draws: int) -> Draws:
    """An array to draw into, a row of a larger one: fresh pages of a small one cost twice what the draws do."""
    if not _spare.rows or len(_spare.rows[-1]) != draws:
        _spare.rows = list(np.empty((ROWS, draws), np.float32))
    return _spare.rows.pop()


@functools.lru_cache(maxsize=32)
def _standard(seed: int, key: str, base: Base, draws: int) -> Draws:
    """Draws of a key: standard normal, or uniform on (-1, 1)."""
    generator = _generator(seed, f"{base}|{key}")
    x = (_normal if base == "normal" else _uniform)(generator, draws)
    x.setflags(write=False)
    return x


@functools.lru_cache(maxsize=2)
def _own_normal(seed: int, budget_id: str, draws: int) -> Draws:
    """Draws of the sum of a budget's own normal terms, in units of its standard deviation."""
    return _normal(_generator(seed, f"normal|own|{budget_id}"), draws)


@functools.lru_cache(maxsize=4)
def _own_student(seed: int, budget_id: str, dof: float, draws: int) -> Draws:
    """Draws of a scatter between runs: sqrt(dof (u^(-2/dof) - 1)) cos(2 pi v), which is exact (Bailey 1994)."""
    found = _row(draws)
    log, cosine = _polar(seed, budget_id, draws)
    for first in range(0, draws, BLOCK):
        out = found[first : first + BLOCK]
        np.multiply(log[first : first + BLOCK], -2 / dof, out=out)
        _expm1(out, out)
        out *= dof
        np.sqrt(out, out=out)
        out *= cosine[first : first + BLOCK]
    return found


@functools.lru_cache(maxsize=1)
def _polar(seed: int, budget_id: str, draws: int) -> tuple[Draws, Draws]:
    """ln u and cos(2 pi v) of those draws, the same for any degrees of freedom."""
    generator, log, cosine = _generator(seed, f"t|runs|{budget_id}"), _row(draws), _row(draws)
    for first in range(0, draws, BLOCK):
        out = log[first : first + BLOCK]
        bits = _bits(generator, 2 * len(out))
        _log_uniform(bits[: len(out)], out)
        np.cos(_angle(bits[len(out) :]), out=cosine[first : first + BLOCK])
    return log, cosine


def forget() -> None:
    """Drop the draws that are kept: frees memory, and a benchmark then pays for them. They come out the same again."""
    for kept in (_standard, _own_normal, _own_student, _polar):
        kept.cache_clear()
    _spare.rows.clear()


def _bits(generator: np.random.Generator, count: int) -> NDArray[np.uint32]:
    """Random numbers of 32 bits, shape (count,): twice as fast as numpy's draws of single precision."""
    return generator.bit_generator.random_raw((count + 1) // 2).view(np.uint32)[:count]


def _uniform(generator: np.random.Generator, draws: int) -> Draws:
    """Uniform draws on (-1, 1), shape (draws,)."""
    found = _row(draws)
    for first in range(0, draws, BLOCK):
        out = found[first : first + BLOCK]
        out[:] = _bits(generator, len(out)).view(np.int32)
        out *= 2.0**-31
    return found


def _normal(generator: np.random.Generator, draws: int) -> Draws:
    """Normal draws in pairs, sqrt(-2 ln u) times cosine and sine of 2 pi v, shape (draws,) (Box and Muller 1958)."""
    found = _row(draws)
    for first in range(0, draws, BLOCK):
        out = found[first : first + BLOCK]
        half = (len(out) + 1) // 2
        bits = _bits(generator, 2 * half)
        radius = _log_uniform(bits[:half], np.empty(half, np.float32))
        radius *= -2
        np.sqrt(radius, out=radius)
        angle = _angle(bits[half:])
        np.multiply(radius, np.cos(angle), out=out[:half])
        rest = len(out) - half
        np.multiply(radius[:rest], np.sin(angle[:rest]), out=out[half:])
    return found


def _log_uniform(bits: NDArray[np.uint32], out: Draws) -> Draws:
    """Logarithms of uniform draws on (0, 1]."""
    out[:] = bits >> np.uint32(8)
    out += 1
    out *= 2.0**-24
    return np.log(out, out=out)


def _angle(bits: NDArray[np.uint32]) -> Draws:
    """Uniform draws on (-pi, pi)."""
    angle = bits.view(np.int32).astype(np.float32)
    angle *= math.pi * 2.0**-31
    return angle


def student(key: str, dof: float, seed: int, draws: int) -> Floats:
    """Draws of an entry's own error: Student's t with any dof, normal where it is infinite."""
    stream = _generator(seed, f"rank|{key}")
    return stream.standard_normal(draws) if math.isinf(dof) else stream.standard_t(dof, draws)
