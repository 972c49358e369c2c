"""The error of a clock: the energy of windows that are shifted against the readings.

Where a meter's clock is d late, the readings of the window [t0, t1] are those of [t0 + d, t1 + d]
by its stamps. The energy of that shifted window is read off the cumulative energy of the trace near
both ends, for every d that the clock may be off.

Load that begins and ends in the trace near both ends of the window shows where the window lies: a
benchmark stamps the window when it starts and ends its load. Then the energy has a maximum inside
the possible shifts, which is the energy of the load, whatever the clock. With probability
ALIGNED the load fills the window so; otherwise the shift is the clock's alone. Shifts alone would
put the energy of such a load at the end of its distribution, outside nearly every interval.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from harness.core.timestamps import NS
from harness.energy.cells import Cells
from harness.energy.cumulative import energy_between
from harness.energy.edges import Edge, Surroundings
from harness.traces.trace import Floats, Window
from harness.uncertainty.components import PROFILE_LIMIT

ALIGNED = 0.75
"""Probability that load which begins and ends near both ends of the window fills it."""
QUANTILES = 65
"""Equally likely shifts that describe the effect of a clock."""
SEARCH = {"normal": 4.0, "uniform": 1.5}
"""How far load is looked for, in standard deviations or bounds of the clock's error."""
SEARCH_POINTS = 49
MIN_REACH = 0.25
"""Intervals that a search must reach beyond an edge for its load to lie in another cell."""
MIN_EFFECT = 2e-5
"""Largest relative effect of a clock that is left out."""
MIN_DROP = 0.1
"""Share of the load's power by which the energy falls off on both sides of an aligned window."""

PLATEAU = 1e-9
"""Energies of shifts that differ by less are equal, relative to the energy of the window."""
MIN_REACH_S = 1.0
"""How far from an end of the window its step of load is looked for, at least [s]."""
REACH_CELLS = 2.0
"""The same in intervals between readings."""
MIN_CONTRAST = 0.2
"""Step of the load at an end, as a share of its power, by which its place can be told."""
MIN_DISPLACEMENT_S = 0.1
"""Smallest displacement of load that noise does not show [s]."""

ClockBase = Literal["normal", "uniform"]


@dataclass(frozen=True, slots=True)
class ClockError:
    """What is known of the clock of a trace.

    Attributes:
        scale_s: Standard deviation of a normal error, or bound of a uniform one [s].
        base: Distribution of the error.
        source: Where the size comes from.
    """

    scale_s: float
    base: ClockBase
    source: str


@cache
def _quantiles(base: ClockBase) -> Floats:
    """Return standard quantiles in the middle of QUANTILES equal parts."""
    probability = (np.arange(QUANTILES) + 0.5) / QUANTILES
    if base == "uniform":
        return 2 * probability - 1
    from statistics import NormalDist

    return np.array([NormalDist().inv_cdf(float(p)) for p in probability])


def clock_effect(
    cells: Cells,
    window: Window,
    around: tuple[Surroundings, Surroundings],
    edges: tuple[Edge, Edge],
    energy_j: float,
    error: ClockError,
    filled_energy: Callable[[float], float],
) -> tuple[float, ...]:
    """Return the energy that an error of the clock adds or takes [J], as a profile.

    The profile is the quantile function at equally spaced normal X from -4 to 4, for
    `UncertaintyComponent.tabulated`. It is empty where the effect is negligible. Where nothing was
    recorded outside the window, the power there is unknown, and the effect is taken to be the full
    power inside.

    Args:
        cells: Cells of the trace.
        window: The window.
        around: Cells around both ends of the window.
        edges: How the energy at both ends was found.
        energy_j: Energy in the window by the clock as it is [J].
        error: What is known of the clock.
        filled_energy: Energy of the window at a shift, if load fills it [s -> J].
    """
    inside_w = max(around[0].inside[0], around[1].inside[0])
    if not error.scale_s or inside_w <= 0:
        return ()
    shifts_s = error.scale_s * _quantiles(error.base)
    if not around[0].outside or not around[1].outside:
        return _profile(inside_w * shifts_s)
    # 1. The cumulative energy at every shift of both ends; some lie beyond all likely ones.
    search_s = error.scale_s * SEARCH[error.base] * np.linspace(-1, 1, SEARCH_POINTS)
    all_s = np.concatenate([shifts_s, search_s, [0.0]])
    gained = _energy_to(cells, window.stop_ns, all_s, around[1], end=True)
    lost = _energy_to(cells, window.start_ns, all_s, around[0], end=False)
    change = gained - lost
    effect, search = change[:QUANTILES], change[QUANTILES:-1]
    if np.abs(effect).max() < MIN_EFFECT * inside_w * window.seconds:
        return ()
    # 2. Load that falls off on both sides of one shift is aligned with the window there.
    best = _nearest_largest(search_s, search, PLATEAU * inside_w * window.seconds)
    drop_j = MIN_DROP * inside_w * error.scale_s
    if min(search[best] - search[0], search[best] - search[-1]) > drop_j:
        # what an edge counts of load for a moment outside is not there if the load fills the window
        surplus_j = sum(max(0.0, edge.energy_j - edge.energy_if_filled_j) for edge in edges)
        aligned_j = float(search.max()) - surplus_j
        interval_s = cells.interval_ns / NS
        if search_s[-1] > MIN_REACH * interval_s:  # the load may lie in other cells
            shifted_j = filled_energy(float(search_s[best])) - energy_j
            conserved_j = _aligned_energy(cells, window, float(search_s[-1])) - energy_j
            conserved_j = min(conserved_j, shifted_j + inside_w * interval_s / 2)
            aligned_j = max(aligned_j, shifted_j, conserved_j)
        effect = _with_alignment(effect, aligned_j)
    return _profile(effect)


def displacement(cells: Cells, window: Window, reach_s: float = 0.0) -> float:
    """Return how much later than the window the load begins and ends in the readings [s].

    It is 0 where one of both ends lies at the window, or beyond it, or where the readings show no
    step of load. Load that rises and falls slowly, within and after the window, looks alike.

    Args:
        cells: Cells of the trace.
        window: The window.
        reach_s: How far from both ends to look at least [s].
    """
    reach_s = max(reach_s, MIN_REACH_S, REACH_CELLS * cells.interval_ns / NS)
    if window.seconds < 4 * reach_s:
        return 0.0
    begin_s = _step_place(cells, window.start_ns, reach_s, rises=True)
    end_s = _step_place(cells, window.stop_ns, reach_s, rises=False)
    if begin_s is None or end_s is None:
        return 0.0
    if begin_s * end_s <= 0 or min(abs(begin_s), abs(end_s)) < MIN_DISPLACEMENT_S:
        return 0.0
    return (begin_s + end_s) / 2


def _step_place(cells: Cells, end_ns: int, reach_s: float, *, rises: bool) -> float | None:
    """Return where near an end of the window the load steps, from that end on [s].

    The powers before and after are those beyond the reach, and the step lies where conservation of
    energy has it. None where nothing was recorded there, or where the power hardly steps.
    """
    reach_ns = round(reach_s * NS)
    cuts_ns = end_ns + reach_ns * np.array([-2, -1, 1, 2])
    if cuts_ns[0] < cells.start_ns or cuts_ns[-1] > cells.trace.t_ns[-1]:
        return None
    before_j, around_j, after_j = energy_between(cells.trace, cuts_ns).tolist()
    before_w, after_w = before_j / reach_s, after_j / reach_s
    step_w = after_w - before_w
    if (step_w > 0) is not rises or abs(step_w) < MIN_CONTRAST * max(before_w, after_w):
        return None
    place_s = (after_w * reach_s * 2 - around_j) / step_w - reach_s
    return place_s if abs(place_s) < reach_s else None


def _aligned_energy(cells: Cells, window: Window, reach_s: float) -> float:
    """Return the energy of load as long as the window, wherever it lies within reach of it [J].

    It is all energy from before the load to after it, less the power outside for the time that the
    load does not fill.
    """
    t_ns = cells.trace.t_ns
    reach_ns = round(reach_s * NS)
    first = max(int(t_ns.searchsorted(window.start_ns - reach_ns, "right")) - 1, cells.first)
    last = min(int(t_ns.searchsorted(window.stop_ns + reach_ns)), cells.stop - 1)
    span_ns = t_ns[[first, last]]
    all_j = float(energy_between(cells.trace, span_ns)[0])
    before_s = (window.start_ns - int(span_ns[0])) / NS
    after_s = (int(span_ns[1]) - window.stop_ns) / NS
    before_w = float(cells.power(max(first - 2, cells.first), first + 1).mean())
    after_w = float(cells.power(last, min(last + 3, cells.stop)).mean())
    return all_j - before_w * before_s - after_w * after_s


def _profile(effect: Floats) -> tuple[float, ...]:
    """Return equally likely effects as a function of a standard normal X."""
    return tuple(np.interp(_grid(), _quantiles("normal"), np.sort(effect)).tolist())


@cache
def _grid() -> Floats:
    return np.linspace(-PROFILE_LIMIT, PROFILE_LIMIT, QUANTILES)


def _nearest_largest(shifts_s: Floats, energies_j: Floats, tolerance_j: float) -> int:
    """Return which shift has the largest energy; of equal ones, the one nearest to 0."""
    largest = np.flatnonzero(energies_j >= energies_j.max() - tolerance_j)
    return int(largest[np.abs(shifts_s[largest]).argmin()])


def _with_alignment(effect: Floats, aligned_j: float) -> Floats:
    """Mix the effects of shifts with that of load that fills the window, the largest of all."""
    shifted = round(QUANTILES * (1 - ALIGNED))
    probability = (np.arange(shifted) + 0.5) / shifted
    some = np.minimum(np.quantile(effect, probability), aligned_j)
    return np.concatenate([some, np.full(QUANTILES - shifted, aligned_j)])


def _energy_to(
    cells: Cells, end_ns: int, shifts_s: Floats, around: Surroundings, *, end: bool
) -> Floats:
    """Return the energy from one end of the window to each shift of it [J], negative before it.

    The last of the shifts is 0.
    """
    reach_ns = round(float(np.abs(shifts_s).max()) * NS)
    t_ns = cells.trace.t_ns
    first = max(cells.first, int(t_ns.searchsorted(end_ns - reach_ns)) - 1)
    stop = min(cells.stop, int(t_ns.searchsorted(end_ns + reach_ns, "right")) + 2)
    seconds = (cells.boundaries(first, stop) - end_ns) / NS
    power_w = cells.power(first, stop)
    if around.crossing_w is not None:
        seconds, power_w = _with_step(seconds, power_w, around, end=end)
    cumulative = np.zeros(len(seconds))
    np.cumsum(power_w * (seconds[1:] - seconds[:-1]), out=cumulative[1:])
    at = np.interp(shifts_s, seconds, cumulative) + _beyond(seconds, power_w, shifts_s)
    change: Floats = at - at[-1]
    return change


def _beyond(seconds: Floats, power_w: Floats, shifts_s: Floats) -> Floats:
    """Return the energy of the power that is held beyond the first and the last reading [J]."""
    before = np.minimum(shifts_s - seconds[0], 0.0) * power_w[0]
    after = np.maximum(shifts_s - seconds[-1], 0.0) * power_w[-1]
    return np.asarray(before + after)


def _with_step(
    seconds: Floats, power_w: Floats, around: Surroundings, *, end: bool
) -> tuple[Floats, Floats]:
    """Put the step of the load where conservation of energy has it within the crossing cell."""
    crossing = min(max(int(seconds.searchsorted(0.0)) - 1, 0), len(power_w) - 1)
    length_s = float(seconds[crossing + 1] - seconds[crossing])
    inside_w, outside_w = around.inside[0], around.outside[0]
    if inside_w == outside_w:
        return seconds, power_w
    share = (float(power_w[crossing]) - outside_w) / (inside_w - outside_w)
    share = min(max(share, 0.0), 1.0)
    if not 0 < share < 1:
        return seconds, power_w
    step_s = float(seconds[crossing]) + length_s * (share if end else 1 - share)
    pair = (inside_w, outside_w) if end else (outside_w, inside_w)
    return (
        np.concatenate([seconds[: crossing + 1], [step_s], seconds[crossing + 1 :]]),
        np.concatenate([power_w[:crossing], pair, power_w[crossing + 1 :]]),
    )
