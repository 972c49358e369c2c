"""Draws of a budget: the Monte Carlo of JCGM 101, seeded, keyed, and in blocks that stay in the cache.

The same budget and seed give the same draws; a key gives the same draws wherever it stands.
"""

from __future__ import annotations

import functools
import hashlib
import math
import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from harness.budget import Base, Budget, Part, RunTerm, Term

Floats = NDArray[np.float64]

DRAWS = 200_000
"""Draws of a Monte Carlo (JCGM 101, 7.2.1 asks for at least 10^4 times 1/(1-p))."""
BLOCK = 10_000
"""Draws of one block in the tolerance check (JCGM 101, 7.9)."""
_NONE: Floats = np.empty(0)
ROWS = 4
"""Arrays of draws that are asked for at once: 6.4 MB, so the system may give huge pages (from 4 MiB in numpy)."""
SEED = 20210410
"""Default seed; any seed gives the same interval within the stated tolerance."""


def draw(budget: Budget, *, seed: int = SEED, draws: int = DRAWS) -> Floats:
    """Values that could be true [J], shape (draws,): the Monte Carlo of JCGM 101, section 7."""
    values = np.empty(draws)
    rest = values
    for systematic, student, logs in blocks(
        budget, budget.run.dof if budget.run and budget.run.scale else 0.0, seed, draws
    ):
        with_run(systematic, student, logs, budget.run, rest[: len(systematic)])
        rest = rest[len(systematic) :]
    return values


def with_run(systematic: Floats, student: Floats, logs: Floats, run: RunTerm | None, out: Floats) -> Floats:
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


def blocks(budget: Budget, dof: float, seed: int, draws: int) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Draws without run and log terms, Student draws, and factors on the whole (empty where there are none).

    In blocks that stay in the cache; each is overwritten by the next. Student draws are empty where dof is 0.
    """
    own = math.sqrt(sum(t.up**2 for t in budget.terms if _own(t)))  # independent normal terms add as one
    normal = _own_normal(seed, budget.id, draws) if own else _NONE
    student = _own_student(seed, budget.id, dof, draws) if dof else _NONE
    shared = [(term, _term_draws(term, budget.id, seed, draws)) for term in budget.terms if not _own(term)]
    buffers = np.zeros((2, BLOCK))
    for first in range(0, draws, BLOCK):
        span = slice(first, min(first + BLOCK, draws))
        total, work = buffers[:, : span.stop - first]
        if own:
            np.multiply(normal[span], own, out=total)
        else:
            total.fill(0)
        for part in budget.parts:
            total += _part_draws(part, seed, draws, span, work)
        for term, x in shared:
            _add_term(total, term, x[span], work)
        yield total, student[span], _log_draws(budget, seed, draws, span)


def _log_draws(budget: Budget, seed: int, draws: int, span: slice) -> Floats:
    logs = [
        log.scale * _standard(seed, log.key or f"{log.name}|{budget.id}", "normal", draws)[span]
        for log in budget.logs
        if log.scale
    ]
    return np.exp(sum(logs[1:], logs[0])) if logs else _NONE


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


class _Spare(threading.local):
    """Rows that nobody has drawn into."""

    def __init__(self) -> None:
        self.rows: list[Floats] = []


_spare = _Spare()


def _row(draws: int) -> Floats:
    """An array to draw into, a row of a larger one: fresh pages of a small one cost twice what the draws do."""
    if not _spare.rows or len(_spare.rows[-1]) != draws:
        _spare.rows = list(np.empty((ROWS, draws)))
    return _spare.rows.pop()


@functools.lru_cache(maxsize=32)
def _standard(seed: int, key: str, base: Base, draws: int) -> Floats:
    generator, x = _generator(seed, f"{base}|{key}"), _row(draws)
    if base == "normal":
        generator.standard_normal(out=x)
    else:
        generator.random(out=x)
        x *= 2
        x -= 1
    x.setflags(write=False)
    return x


@functools.lru_cache(maxsize=2)
def _own_normal(seed: int, budget_id: str, draws: int) -> Floats:
    """Draws of the sum of a budget's own normal terms, in units of its standard deviation."""
    return _generator(seed, f"normal|own|{budget_id}").standard_normal(out=_row(draws))


@functools.lru_cache(maxsize=4)
def _own_student(seed: int, budget_id: str, dof: float, draws: int) -> Floats:
    """Draws of a budget's scatter between runs, in blocks that stay in the cache."""
    generator, found = _generator(seed, f"t|runs|{budget_id}"), _row(draws)
    for first in range(0, draws, BLOCK):
        _student(generator, dof, found[first : first + BLOCK])
    return found


def forget() -> None:
    """Drop the draws that are kept: frees memory, and a benchmark then pays for them. They come out the same again."""
    for kept in (_standard, _own_normal, _own_student):
        kept.cache_clear()
    _spare.rows.clear()


def _student(generator: np.random.Generator, dof: float, out: Floats) -> None:
    """Student draws as sqrt(dof (u^(-2/dof) - 1)) cos(2 pi v), which is exact for uniform u and v (Bailey 1994).

    In single precision: its step, 6e-8, is far below what any number of draws can show.
    """
    radius, angle = generator.random(len(out), np.float32), generator.random(len(out), np.float32)
    np.subtract(1, radius, out=radius)  # (0, 1]
    np.log(radius, out=radius)
    radius *= -2 / dof
    np.expm1(radius, out=radius)
    radius *= dof
    np.sqrt(radius, out=radius)
    angle *= 2 * math.pi
    np.multiply(radius, np.cos(angle, out=angle), out=out)


def student(key: str, dof: float, seed: int, draws: int) -> Floats:
    """Draws of an entry's own error: Student's t with any dof, normal where it is infinite."""
    stream = _generator(seed, f"rank|{key}")
    return stream.standard_normal(draws) if math.isinf(dof) else stream.standard_t(dof, draws)
