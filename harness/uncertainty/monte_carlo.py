"""Draws of a budget: the Monte Carlo of JCGM 101, seeded, block by block.

The same budget and seed give the same draws. What is drawn is the deviation from the metered
energy: in single precision its resolution, 6e-8 of it, is far below what draws can show.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from harness.uncertainty.budget import Budget
from harness.uncertainty.components import (
    PROFILE_LIMIT,
    BetweenRunScatter,
    MeteredEnergy,
    ScatterShape,
    UncertaintyComponent,
)
from harness.uncertainty.random_draws import (
    BLOCK,
    Draws,
    Floats,
    expm1,
    independent_normal,
    run_scatter_draws,
    standard_draws,
    student_t,
)

DRAWS = 200_000
"""Draws of a Monte Carlo (JCGM 101, 7.2.1 asks for at least 10^4 times 1/(1-p))."""
SEED = 20210410
"""Default seed; any seed gives the same interval within the stated tolerance."""
SMALL_LIMIT, MAX_LIMIT = 1e-3, 0.999
"""Limits of gain below which a series is exact, and above which none is believed."""
MAX_DEVIATION = np.float32(1e30)
"""Largest deviation in the normalised unit: tails of t with one degree of freedom have no end."""
_EMPTY: Draws = np.empty(0, np.float32)


class Block(NamedTuple):
    """Draws of one block; the arrays are overwritten by the next block.

    Attributes:
        deviation: Deviations from the metered energy, without scatter between runs, in the
            normalised unit.
        student: Standardised scatter between runs; empty where there is none.
        log_factor: Logarithm of the product of the factors; empty where there are none.
    """

    deviation: Draws
    student: Draws
    log_factor: Draws


def draw(budget: Budget, *, seed: int = SEED, draws: int = DRAWS) -> Floats:
    """Return values that could be true [J], shape (draws,) (JCGM 101, section 7)."""
    values = np.empty(draws)
    unit, normalised = normalise(budget)
    scatter = normalised.run_scatter
    scatters = scatter is not None and scatter.scale > 0
    shape = scatter.shape if scatter is not None and scatters else None
    start = 0
    with np.errstate(over="ignore"):  # the tails of t with one degree of freedom have no end
        for block in blocks(normalised, shape, seed, draws):
            out = values[start : start + len(block.deviation)]
            start += len(out)
            np.add(block.deviation, normalised.measured, out=out, dtype=np.float64)
            if scatter is not None and scatters:
                error = np.multiply(block.student, scatter.scale, dtype=np.float64)
                out[:] = out * np.exp(error) if scatter.log else out + error
            if len(block.log_factor):
                out *= np.exp(block.log_factor.astype(np.float64))
        values *= unit
    return values


def normalise(budget: Budget) -> tuple[float, Budget]:
    """Return a unit [J] in which no draw overflows single precision, and the budget in it."""
    scatter, measured = budget.run_scatter, abs(budget.measured)
    components = list(budget.components)
    for metered in budget.metered:
        components += metered.linear_components()
    total = math.fsum(item.magnitude for item in components)
    if scatter is not None:
        total += scatter.scale * measured if scatter.log else scatter.scale
    unit = max(total, measured * 1e-30) or 1.0
    return unit, budget.scaled(1 / unit, scatter_in_unit(scatter, unit))


def scatter_in_unit(scatter: BetweenRunScatter | None, unit: float) -> BetweenRunScatter | None:
    """Return a scatter between runs in another unit; the scale of a factor has none."""
    if scatter is None or scatter.log:
        return scatter
    return replace(scatter, scale=scatter.scale / unit)


def total_deviation(
    block: Block, scatter: BetweenRunScatter | None, measured: float, out: Draws
) -> Draws:
    """Write deviations with the scatter between runs, then with the factors on the whole, to `out`.

    Args:
        block: Draws of the other components.
        scatter: Scatter between runs, in the unit of the block.
        measured: Metered energy, in the same unit.
        out: Array to write to, as long as the block.
    """
    if scatter is None or not scatter.scale:
        out[:] = block.deviation
    else:
        np.multiply(block.student, scatter.scale, out=out)
        if scatter.log:
            _multiply_by_exp(out, block.deviation, measured, out)
        else:
            out += block.deviation
    if len(block.log_factor):
        # beyond any interval, and still finite once a factor is applied
        np.minimum(out, MAX_DEVIATION, out=out)
        _multiply_by_exp(block.log_factor, out, measured, out)
    return out


def _multiply_by_exp(log_factor: Draws, deviation: Draws, measured: float, out: Draws) -> None:
    """Write (measured + deviation) exp(log_factor) - measured without loss of digits."""
    with np.errstate(over="ignore"):
        growth = expm1(log_factor, np.empty_like(log_factor))
        growth *= deviation + measured
        np.add(deviation, growth, out=out)


def blocks(budget: Budget, shape: ScatterShape | None, seed: int, draws: int) -> Iterator[Block]:
    """Yield draws of a normalised budget, block by block.

    Args:
        budget: Budget from `normalise`.
        shape: Distribution of the scatter between runs; ``None`` where there is none.
        seed: Seed of all draws.
        draws: Number of draws in all blocks together.
    """
    sources = _Sources.build(budget, shape, seed, draws)
    buffers = np.zeros((2, BLOCK), np.float32)
    for start in range(0, draws, BLOCK):
        span = slice(start, min(start + BLOCK, draws))
        total, work = buffers[:, : span.stop - start]
        if sources.independent_scale:
            np.multiply(sources.independent[span], sources.independent_scale, out=total)
        else:
            total.fill(0)
        for metered in budget.metered:
            if metered.gain_mpe or metered.offset_mpe_j or metered.efficiency_limit:
                total += _metered_deviation(metered, seed, draws, span, work)
        for component, x in sources.components:
            _add_component(total, component, x[span], work)
        yield Block(total, sources.student[span], _log_factor(budget, seed, draws, span))


@dataclass(frozen=True, slots=True)
class _Sources:
    """Whole arrays of draws that the blocks of a budget are cut from.

    Attributes:
        independent_scale: Standard deviation of the sum of all independent normal components.
        independent: Standard normal draws of that sum.
        student: Draws of the scatter between runs.
        components: The other components, each with its draws.
    """

    independent_scale: float
    independent: Draws
    student: Draws
    components: list[tuple[UncertaintyComponent, Draws | Floats]]

    @staticmethod
    def build(budget: Budget, shape: ScatterShape | None, seed: int, draws: int) -> _Sources:
        independent = [item for item in budget.components if _is_independent_normal(item)]
        scale = math.sqrt(sum(item.up**2 for item in independent))
        components = [
            (item, _component_draws(item, budget.id, seed, draws))
            for item in budget.components
            if not _is_independent_normal(item)
        ]
        return _Sources(
            independent_scale=scale,
            independent=independent_normal(seed, budget.id, draws) if scale else _EMPTY,
            student=_EMPTY if shape is None else run_scatter_draws(seed, budget.id, shape, draws),
            components=components,
        )


def _is_independent_normal(component: UncertaintyComponent) -> bool:
    symmetric = component.up == -component.down
    plain = component.base == "normal" and component.dof is None
    return plain and symmetric and not component.profile and component.correlation_key is None


def _component_draws(
    component: UncertaintyComponent, budget_id: str, seed: int, draws: int
) -> Draws | Floats:
    key = component.correlation_key or f"{component.name}|{budget_id}"
    if component.dof is None:
        return standard_draws(seed, key, component.base, draws)
    return student_t(seed, key, component.dof, draws)


def _add_component(
    total: Draws, component: UncertaintyComponent, x: Draws | Floats, work: Draws
) -> None:
    """Add the profile at x, or ``up * max(x, 0) + down * max(-x, 0)`` as odd and even part."""
    if component.profile:
        total += _interpolate(component, x, work)
        return
    odd, even = (component.up - component.down) / 2, (component.up + component.down) / 2
    if odd:
        total += np.multiply(x, odd, out=work)
    if even:
        np.abs(x, out=work)
        work *= even
        total += work


def _interpolate(component: UncertaintyComponent, x: Draws | Floats, out: Draws) -> Draws:
    """Return the profile at x: its points are equally spaced, so no search is needed."""
    limit = PROFILE_LIMIT if component.base == "normal" else 1.0
    profile = np.array(component.profile, np.float32)
    rise = np.append(np.diff(profile), np.float32(0.0))
    np.clip(x, -limit, limit, out=out)
    out += np.float32(limit)
    out *= np.float32((len(profile) - 1) / (2 * limit))
    point = out.astype(np.int32)
    out -= point
    out *= rise[point]
    out += profile[point]
    return out


def _metered_deviation(
    metered: MeteredEnergy, seed: int, draws: int, span: slice, out: Draws
) -> Draws:
    """Write (E - o)(1 + e)/((1 + g) m) - E to `out`.

    g, o and e are the errors of gain, offset and efficiency; m is the mean of 1/(1 + g). The form
    (E (e + 1 - (1 + g) m) - o (1 + e))/((1 + g) m) loses no digits.
    """

    def error(name: str, limit: float) -> Draws | float:
        if not limit:
            return 0.0
        key = f"{name}|{metered.correlation_key}"
        return limit * standard_draws(seed, key, "uniform", draws)[span]

    gain = error("meter gain", metered.gain_mpe)
    efficiency = error("conversion efficiency", metered.efficiency_limit)
    # (1 + g) m - 1, from its small terms so that no digit is lost
    excess = _mean_inverse_excess(metered.gain_mpe)
    divisor_excess = gain + excess + gain * excess
    np.subtract(efficiency, divisor_excess, out=out)
    out *= metered.energy
    if metered.offset_mpe_j:
        out -= error("meter offset", metered.offset_mpe_j) * (efficiency + 1)
    if metered.gain_mpe:
        out /= divisor_excess + 1
    return out


def _mean_inverse_excess(limit: float) -> float:
    """Return E[1/(1 + g)] - 1 for g uniform within a limit: atanh(limit)/limit - 1."""
    if limit < SMALL_LIMIT:
        return limit**2 / 3
    return math.atanh(min(limit, MAX_LIMIT)) / limit - 1


def _log_factor(budget: Budget, seed: int, draws: int, span: slice) -> Draws:
    """Return the logarithm of the product of the factors; empty where there are none."""
    logs = []
    for factor in budget.factors:
        if factor.scale:
            key = factor.correlation_key or f"{factor.name}|{budget.id}"
            log = factor.scale * standard_draws(seed, key, "normal", draws)[span]
            if factor.floor:
                above = np.exp(log - factor.scale**2 / 2)  # of mean 1
                log = np.log(factor.floor + (1 - factor.floor) * above)
            logs.append(log)
    return functools.reduce(np.add, logs) if logs else _EMPTY
