"""The same run elsewhere and at other hours: energy stays, only the map changes.

A run's energy, step by step from its start, is laid on every step of a series at once: emissions of a start are a
correlation of both. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.carbon.co2e import Inputs, about
from harness.carbon.factor import Factor, same_dataset
from harness.carbon.series import HOUR_NS, Floats, Ints, Series
from harness.carbon.time_weighting import J_PER_KWH, edges, weigh
from harness.carbon.whatif_result import Moment, Place, WhatIf
from harness.core.errors import UsageError
from harness.emissions.result_emissions import Run, emitted, energy_by_step, logs
from harness.energy.run import RunEnergy
from harness.scoring.score import Result
from harness.traces.trace import Window
from harness.uncertainty.budget import Budget, MeteredEnergy
from harness.uncertainty.estimate import LEVEL, Estimate, estimate, interval
from harness.uncertainty.monte_carlo import DRAWS, SEED, draw


def sweep(energy_kwh: Floats, g_per_kwh: Floats) -> Floats:
    """Emissions of every start [g], shape (n - k + 1,): energy of k steps against n steps of intensity.

    energy_kwh: of each step from the start [kWh], shape (k,); g_per_kwh: shape (n,)
    """
    return np.asarray(np.convolve(g_per_kwh, energy_kwh[::-1], "valid"), np.float64)


def steps(run: RunEnergy, step_ns: int) -> Floats:
    """Energy of a run in steps from its start [kWh]; the last step may be a part of one."""
    window = run.run.window
    assert window is not None
    inner = np.arange(window.start_ns, window.stop_ns, step_ns, dtype=np.int64)
    return energy_by_step(run, np.append(inner, window.stop_ns)) / J_PER_KWH


def whatif(
    result: Result,
    places: Sequence[Factor | Series],
    pue: Factor | None = None,
    *,
    start_ns: int | None = None,
    deferrable_s: float | None = None,
    level: float = LEVEL,
    seed: int = SEED,
) -> WhatIf:
    """The result's first run in each place, the first place being its own. Raises UsageError."""
    same_dataset([about(place) for place in places])
    run = next(
        (run for run in result.runs if run.energy_j is not None and run.run.window is not None),
        None,
    )
    if run is None or result.budget is None or run.run.window is None:
        raise UsageError("has no energy in a window", where=result.entry.id)
    window = run.run.window
    start = window.start_ns if start_ns is None else start_ns
    asked = _Asked(result.budget, run, window, start, pue, deferrable_s, level, seed)
    found = tuple(_place(asked, place) for place in places)
    first = found[0]
    if first.actual is None and deferrable_s is not None:
        raise UsageError(
            "the deadline counts from a start that the series does not hold",
            where=first.zone,
            fix="Give --start at a time inside the series, like 2022-07-01T14:00:00Z.",
        )
    against = "actual" if first.actual is not None else "mean of all starts"
    base = first.actual.g.value if first.actual is not None else first.mean_g
    others = [p for p in found[1:] if _at_start(p, first.actual is not None) is not None]
    lowest = min(
        others, key=lambda p: _at_start(p, first.actual is not None) or math.inf, default=None
    )
    cleanest = min(
        (p for p in found if p.best is not None),
        key=lambda p: p.best.g.value or math.inf,  # type: ignore[union-attr]
        default=None,
    )
    in_place = _at_start(lowest, first.actual is not None) if lowest is not None else None
    return WhatIf(
        energy=result.energy,
        seconds=window.seconds,
        places=found,
        against=against,
        in_time=_saving(asked, first, base, first, first.best.g.value if first.best else None),
        in_place=_saving(asked, first, base, lowest, in_place),
        in_both=_saving(
            asked,
            first,
            base,
            cleanest,
            cleanest.best.g.value if cleanest and cleanest.best else None,
        ),
        deferred=_saving(
            asked, first, base, first, first.deferred.g.value if first.deferred else None
        ),
        deferrable_s=deferrable_s,
        notes=tuple(_notes(result, found, pue)),
    )


def _at_start(place: Place, actual: bool) -> float | None:
    """What stands against the base: emissions at the actual start, or the mean of all starts [g]."""
    if actual:
        return place.actual.g.value if place.actual is not None else None
    return place.mean_g


@dataclass(frozen=True, slots=True)
class _Asked:
    """What all places share."""

    budget: Budget
    run: RunEnergy
    window: Window
    start_ns: int
    pue: Factor | None
    deferrable_s: float | None
    level: float
    seed: int

    @property
    def overhead(self) -> float:
        """PUE, or 1 where emissions end at the meter."""
        return 1.0 if self.pue is None else self.pue.value

    def estimate(self, run: Run, given: Factor | Series) -> Estimate:
        """Emissions of the energy of the result on the grid that the run found [g]."""
        budget = emitted(
            self.budget, [run], given, Inputs(location=given, pue=self.pue, role="reference")
        )
        return estimate(budget, "g", level=self.level, seed=self.seed)


def _place(asked: _Asked, given: Factor | Series) -> Place:
    factor = about(given)
    zone = factor.zone or factor.source
    unit = asked.estimate(
        Run(asked.run.energy_j or 0.0, 1.0, asked.overhead, 0.0, 0.0, False), given
    )  # at 1 g/kWh
    if not isinstance(given, Series):
        return Place(
            zone=zone, intensity=factor, actual=Moment(asked.start_ns, _times(unit, given.value))
        )
    energy = steps(asked.run, given.step_ns)
    if len(energy) > len(given):
        raise UsageError(
            "the run is longer than the series",
            where=zone,
            got=f"{asked.window.seconds / 3600:.0f} h",
        )
    mean = sweep(energy, given.filled) / float(energy.sum())  # [g/kWh]
    whole = sweep(np.ones(len(energy)), given.doubtful.astype(np.float64)) < 0.5
    starts = given.start_ns + np.arange(len(mean), dtype=np.int64) * given.step_ns
    good = np.flatnonzero(whole)
    if not len(good):
        raise UsageError("every start touches a missing or doubtful hour", where=zone)
    each = _Starts(starts, mean, whole, unit)
    scale = asked.budget.value / J_PER_KWH * asked.overhead
    months = starts.astype("datetime64[ns]").astype("datetime64[M]").astype(int) % 12
    actual = _actual(asked, given)
    return Place(
        zone=zone,
        intensity=factor,
        actual=actual,
        best=each.moment(int(good[np.argmin(mean[good])])),
        worst=each.moment(int(good[np.argmax(mean[good])])),
        deferred=_deferred(asked, each, actual),
        mean_g=float(mean.mean()) * scale,
        by_hour_g=_grouped(starts // HOUR_NS % 24, mean, 24) * scale,
        by_month_g=_grouped(months, mean, 12) * scale,
        starts_ns=starts,
        each_g=mean * scale,
        gaps=int((~whole).sum()),
    )


def _times(unit: Estimate, factor: float) -> Estimate:
    """An estimate times a constant."""
    value, low, high, u_c, tolerance = (
        None if number is None else number * factor
        for number in (unit.value, unit.low, unit.high, unit.u_c, unit.tolerance)
    )
    return replace(unit, value=value, low=low, high=high, u_c=u_c, tolerance=tolerance)


@dataclass(frozen=True, slots=True)
class _Starts:
    """Every start in one place: mean intensity from there [g/kWh], and whether no hour of it is doubtful."""

    start_ns: Ints
    mean: Floats
    whole: NDArray[np.bool_]
    unit: Estimate

    def moment(self, at: int) -> Moment:
        """One of them."""
        return Moment(int(self.start_ns[at]), _times(self.unit, float(self.mean[at])))


def _actual(asked: _Asked, given: Series) -> Moment | None:
    """The run at its start, joined with its hours; None where the series does not hold it."""
    shift = asked.start_ns - asked.window.start_ns
    moved = Window(asked.start_ns, asked.window.stop_ns + shift)
    if not given.covers(moved):
        return None
    cuts = edges(given, moved)
    found = weigh(energy_by_step(asked.run, cuts - shift), cuts, given)
    u = found.u_missing * asked.overhead
    run = Run(asked.run.energy_j or 0.0, found.mean, asked.overhead, u, found.missing_share, False)
    return Moment(asked.start_ns, asked.estimate(run, given))


def _deferred(asked: _Asked, each: _Starts, now: Moment | None) -> Moment | None:
    """The best start from the asked one to the deadline; starting at once is one of them."""
    if asked.deferrable_s is None:
        return None
    latest = asked.start_ns + round(asked.deferrable_s * 1e9)
    allowed = np.flatnonzero(
        (each.start_ns >= asked.start_ns) & (each.start_ns <= latest) & each.whole
    )
    if not len(allowed):
        return now
    later = each.moment(int(allowed[np.argmin(each.mean[allowed])]))
    return (
        now
        if now is not None and (now.g.value or 0.0) <= (later.g.value or math.inf) * (1 + 1e-9)
        else later
    )


def _grouped(group: Ints, value: Floats, n: int) -> Floats:
    """Mean of the values of each group; nan where a group has none."""
    count = np.bincount(group, minlength=n)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(group, value, minlength=n) / np.where(count, count, np.nan))


def _saving(
    asked: _Asked, home: Place, base: float | None, place: Place | None, g: float | None
) -> Estimate | None:
    """1 - g/base; the level of one zone cancels, that of two zones does not."""
    if place is None or not base or g is None:
        return None
    value = 1 - g / base
    drawn = 1 - g / base * _level(place, asked) / _level(home, asked)
    low, high = interval(np.asarray(drawn), asked.level)
    return Estimate(value, min(low, value), max(high, value), "1", asked.level)


def _level(place: Place, asked: _Asked) -> Floats:
    term = tuple(logs(place.intensity, Inputs(role="reference")))
    return draw(
        Budget(place.zone, (MeteredEnergy("", 1.0, 0.0),), logs=term), seed=asked.seed, draws=DRAWS
    )


def _notes(result: Result, places: Sequence[Place], pue: Factor | None) -> list[str]:
    notes = ["energy stays, only the map changes; hours are UTC"]
    if len(result.runs) > 1:
        notes.append(f"the shape in time is that of the first of {len(result.runs)} runs")
    if pue is None:
        notes.append("no PUE was given: emissions end at the meter")
    if places[0].actual is None:
        notes.append(
            "the series does not hold the run's own time: savings are against the mean of all starts (--start)"
        )
    gaps = sum(place.gaps for place in places)
    if gaps:
        notes.append(
            f"{gaps} starts touch an hour that is missing or far off its day: they are never best or worst"
        )
    return notes
