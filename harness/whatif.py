"""The same run elsewhere and at other hours: energy stays, only the map changes.

A run's energy, step by step from its start, is laid on every step of a series at once: emissions of a start are a
correlation of both. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.account import Result
from harness.carbon.co2e import Inputs, about
from harness.carbon.factor import Factor, same_dataset
from harness.carbon.join import J_PER_KWH
from harness.carbon.places import Moment, Place, WhatIf
from harness.carbon.series import HOUR_NS, Floats, Ints, Series
from harness.documents.errors import UsageError
from harness.emissions import emitted, energy_by_step, logs, on_grid
from harness.runs import RunEnergy
from harness.traces.trace import Window
from harness.uncertainty import DRAWS, LEVEL, SEED, Budget, Estimate, Part, draw, estimate, interval


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
    result: Result, places: Sequence[Factor | Series], pue: Factor | None = None, *, start_ns: int | None = None,
    deferrable_s: float | None = None, level: float = LEVEL, seed: int = SEED,
) -> WhatIf:  # fmt: skip
    """The result's first run in each place, the first place being its own. Raises UsageError."""
    same_dataset([about(place) for place in places])
    run = next((run for run in result.runs if run.energy_j is not None and run.run.window is not None), None)
    if run is None or result.budget is None or run.run.window is None:
        raise UsageError("has no energy in a window", where=result.entry.id)
    window = run.run.window
    start = window.start_ns if start_ns is None else start_ns
    asked = _Asked(result.budget, run, window, start, pue, deferrable_s, level, seed)
    found = tuple(_place(asked, place) for place in places)
    first = found[0]
    if first.actual is None and deferrable_s is not None:
        raise UsageError(
            "the deadline counts from a start that the series does not hold", where=first.zone,
            fix="Give --start at a time inside the series, like 2022-07-01T14:00:00Z.",
        )  # fmt: skip
    against = "actual" if first.actual is not None else "mean of all starts"
    base = first.actual.g.value if first.actual is not None else first.mean_g
    others = [p for p in found[1:] if _at_start(p, first.actual is not None) is not None]
    lowest = min(others, key=lambda p: _at_start(p, first.actual is not None) or math.inf, default=None)
    cleanest = min((p for p in found if p.best is not None), key=lambda p: p.best.g.value or math.inf, default=None)  # type: ignore[union-attr]
    in_place = _at_start(lowest, first.actual is not None) if lowest is not None else None
    return WhatIf(
        energy=result.energy,
        seconds=window.seconds,
        places=found,
        against=against,
        in_time=_saving(asked, first, base, first, first.best.g.value if first.best else None),
        in_place=_saving(asked, first, base, lowest, in_place),
        in_both=_saving(asked, first, base, cleanest, cleanest.best.g.value if cleanest and cleanest.best else None),
        deferred=_saving(asked, first, base, first, first.deferred.g.value if first.deferred else None),
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

    def emissions(self, g_per_kwh: float, given: Factor | Series) -> Estimate:
        """Emissions of the run's energy at a mean intensity [g/kWh], with their interval."""
        found = replace(on_grid(self.run, about(given), self.pue), g_per_kwh=g_per_kwh)
        inputs = Inputs(location=given, pue=self.pue, role="reference")
        return estimate(emitted(self.budget, [found], given, inputs), "g", level=self.level, seed=self.seed)


def _place(asked: _Asked, given: Factor | Series) -> Place:
    factor = about(given)
    zone = factor.zone or factor.source
    if not isinstance(given, Series):
        return Place(zone=zone, intensity=factor, actual=Moment(asked.start_ns, asked.emissions(given.value, given)))
    energy = steps(asked.run, given.step_ns)
    total = float(energy.sum())
    if len(energy) > len(given):
        raise UsageError("the run is longer than the series", where=zone, got=f"{asked.window.seconds / 3600:.0f} h")
    mean = sweep(energy, given.filled) / total  # [g/kWh]
    whole = sweep(np.ones(len(energy)), given.doubtful.astype(np.float64)) < 0.5
    starts = given.start_ns + np.arange(len(mean), dtype=np.int64) * given.step_ns
    good = np.flatnonzero(whole)
    if not len(good):
        raise UsageError("every start touches a missing or doubtful hour", where=zone)
    scale = _grams(asked, given)
    best, worst = (int(good[pick(mean[good])]) for pick in (np.argmin, np.argmax))
    return Place(
        zone=zone,
        intensity=factor,
        actual=_actual(asked, given, energy),
        best=Moment(int(starts[best]), asked.emissions(float(mean[best]), given)),
        worst=Moment(int(starts[worst]), asked.emissions(float(mean[worst]), given)),
        deferred=_deferred(asked, given, starts, mean, whole),
        mean_g=float(mean.mean()) * scale,
        by_hour_g=_grouped(starts // HOUR_NS % 24, mean, 24) * scale,
        by_month_g=_grouped(starts.astype("datetime64[ns]").astype("datetime64[M]").astype(int) % 12, mean, 12) * scale,
        starts_ns=starts,
        each_g=mean * scale,
        gaps=int((~whole).sum()),
    )


def _grams(asked: _Asked, given: Series) -> float:
    """Grams of the run for each g/kWh of mean intensity: its energy times PUE [kWh]."""
    found = on_grid(asked.run, about(given), asked.pue)
    return asked.budget.value / J_PER_KWH * found.pue


def _actual(asked: _Asked, given: Series, energy: Floats) -> Moment | None:
    """The run at its start, joined exactly; None where the series does not hold it."""
    start = asked.start_ns
    if not given.covers(Window(start, start + asked.window.stop_ns - asked.window.start_ns)):
        return None
    offset, inside = divmod(start - given.start_ns, given.step_ns)
    share = inside / given.step_ns  # of each step of the run that falls on the next step of the series
    value = np.append(given.filled, given.filled[-1])[offset : offset + len(energy) + 1]
    shifted = value[:-1] * (1 - share) + value[1:] * share
    if start == asked.window.start_ns:
        mean = on_grid(asked.run, given, None).g_per_kwh
    else:
        mean = float(energy @ shifted) / float(energy.sum())
    return Moment(start, asked.emissions(mean, given))


def _deferred(asked: _Asked, given: Series, starts: Ints, mean: Floats, whole: np.ndarray) -> Moment | None:
    """The best start from the asked one to the deadline; starting at once is one of them."""
    if asked.deferrable_s is None:
        return None
    latest = asked.start_ns + round(asked.deferrable_s * 1e9)
    allowed = np.flatnonzero((starts >= asked.start_ns) & (starts <= latest) & whole)
    now = _actual(asked, given, steps(asked.run, given.step_ns))
    if not len(allowed):
        return now
    best = int(allowed[np.argmin(mean[allowed])])
    later = Moment(int(starts[best]), asked.emissions(float(mean[best]), given))
    return now if now is not None and (now.g.value or 0.0) <= (later.g.value or math.inf) else later


def _grouped(group: Ints, value: Floats, n: int) -> Floats:
    """Mean of the values of each group; nan where a group has none."""
    count = np.bincount(group, minlength=n)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.bincount(group, value, minlength=n) / np.where(count, count, np.nan))


def _saving(asked: _Asked, home: Place, base: float | None, place: Place | None, g: float | None) -> Estimate | None:
    """1 - g/base; the level of one zone cancels, that of two zones does not."""
    if place is None or not base or g is None:
        return None
    value = 1 - g / base
    drawn = 1 - g / base * _level(place, asked) / _level(home, asked)
    low, high = interval(np.asarray(drawn), asked.level)
    return Estimate(value, min(low, value), max(high, value), "1", asked.level)


def _level(place: Place, asked: _Asked) -> Floats:
    term = tuple(logs(place.intensity, Inputs(role="reference")))
    return draw(Budget(place.zone, (Part("", 1.0, 0.0),), logs=term), seed=asked.seed, draws=DRAWS)


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
        notes.append(f"{gaps} starts touch an hour that is missing or far off its day: they are never best or worst")
    return notes
