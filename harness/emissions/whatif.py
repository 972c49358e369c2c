"""The same run elsewhere and at other hours: its energy stays, only the map changes.

The energy of a run, step by step from its start, is laid on every step of a series at once: the
emissions of all starts are a correlation of the two. Pure.
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
from harness.carbon.time_weighting import J_PER_KWH, step_cuts, weigh
from harness.carbon.whatif_result import Start, WhatIf, Zone
from harness.core.errors import UsageError
from harness.core.timestamps import NS
from harness.emissions.emission_budget import emission_budget, multiplicative_components
from harness.emissions.run_emissions import RunOnGrid, energy_by_step
from harness.energy.run import RunEnergy
from harness.scoring.result import Result
from harness.traces.trace import Window
from harness.uncertainty.budget import Budget
from harness.uncertainty.components import MeteredEnergy
from harness.uncertainty.coverage_interval import LEVEL, interval
from harness.uncertainty.estimate import Estimate, estimate
from harness.uncertainty.monte_carlo import DRAWS, SEED, draw


def whatif(
    result: Result,
    intensities: Sequence[Factor | Series],
    pue: Factor | None = None,
    *,
    start_ns: int | None = None,
    deferrable_s: float | None = None,
    level: float = LEVEL,
    seed: int = SEED,
) -> WhatIf:
    """Move the first run of a result to other zones and other hours.

    Args:
        result: A scored result.
        intensities: Intensity of each zone; the first zone is the run's own.
        pue: Facility energy over IT energy, the same everywhere; None where emissions end at the
            meter.
        start_ns: Start to take for the run's own [ns UTC]; None for the real one.
        deferrable_s: How much later the run may start [s]; None where it may not.
        level: Coverage probability of the intervals.
        seed: Seed of the Monte Carlo.

    Raises:
        UsageError: The result has no energy, or the intensities cannot be compared.
    """
    same_dataset([about(intensity) for intensity in intensities])
    # 1. The run that is moved.
    run = _first_run(result)
    window = run.run.window
    if result.budget is None or window is None:
        raise UsageError("has no energy in a window", where=result.entry.id)
    start = window.start_ns if start_ns is None else start_ns
    moved = _MovedRun(result.budget, run, window, start, pue, deferrable_s, level, seed)
    # 2. What it emits in each zone.
    zones = tuple(_zone(moved, intensity) for intensity in intensities)
    home = zones[0]
    if home.actual is None and deferrable_s is not None:
        raise UsageError(
            "the deadline counts from a start that the series does not hold",
            where=home.zone,
            fix="Give --start at a time inside the series, like 2022-07-01T14:00:00Z.",
        )
    # 3. What could be saved, against the run where and when it was.
    at_start = home.actual is not None
    baseline = _Baseline(moved, home, _emissions_at_start(home, at_start))
    cleanest_at_start = _lowest(zones[1:], at_start)
    cleanest = _with_best_start(zones)
    return WhatIf(
        energy=result.energy,
        seconds=window.seconds,
        zones=zones,
        against="actual" if at_start else "mean of all starts",
        in_time=baseline.saving(home, _grams(home.best)),
        in_place=baseline.saving(
            cleanest_at_start, _emissions_at_start(cleanest_at_start, at_start)
        ),
        in_both=baseline.saving(cleanest, _grams(cleanest.best if cleanest else None)),
        deferred=baseline.saving(home, _grams(home.deferred)),
        deferrable_s=deferrable_s,
        notes=tuple(_notes(result, zones, pue)),
    )


def sweep(energy_kwh: Floats, g_per_kwh: Floats) -> Floats:
    """Return the emissions of every start.

    Args:
        energy_kwh: Energy of each step from the start [kWh], shape (k,).
        g_per_kwh: Intensity of each step [g/kWh], shape (n,).

    Returns:
        Emissions [g], shape (n - k + 1,).
    """
    return np.asarray(np.convolve(g_per_kwh, energy_kwh[::-1], "valid"), np.float64)


def energy_from_start(run: RunEnergy, step_ns: int) -> Floats:
    """Return the energy of a run in steps from its start [kWh]; the last step may be shorter."""
    window = run.run.window
    assert window is not None
    begins = np.arange(window.start_ns, window.stop_ns, step_ns, dtype=np.int64)
    return energy_by_step(run, np.append(begins, window.stop_ns)) / J_PER_KWH


@dataclass(frozen=True, slots=True)
class _MovedRun:
    """The run that is moved, and what all zones share."""

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

    def emissions(
        self,
        intensity: Factor | Series,
        g_per_kwh: float,
        u_missing: float = 0.0,
        missing_share: float = 0.0,
    ) -> Estimate:
        """Return the emissions of the result at a mean intensity [g]."""
        energy_j = self.run.energy_j or 0.0
        on_grid = RunOnGrid(energy_j, g_per_kwh, self.overhead, u_missing, missing_share)
        inputs = Inputs(location=intensity, pue=self.pue, role="reference")
        budget = emission_budget(self.budget, [on_grid], intensity, inputs)
        return estimate(budget, "g", level=self.level, seed=self.seed)


@dataclass(frozen=True, slots=True)
class _Baseline:
    """What savings are counted against: emissions of the home zone [g]."""

    moved: _MovedRun
    home: Zone
    baseline_g: float | None

    def saving(self, zone: Zone | None, emissions_g: float | None) -> Estimate | None:
        """Return the share that is saved.

        The level of one zone cancels, that of two zones does not.
        """
        if zone is None or not self.baseline_g or emissions_g is None:
            return None
        ratio = emissions_g / self.baseline_g
        levels = _level_draws(zone, self.moved.seed) / _level_draws(self.home, self.moved.seed)
        low, high = interval(np.asarray(1 - ratio * levels), self.moved.level)
        value = 1 - ratio
        return Estimate(value, min(low, value), max(high, value), "1", self.moved.level)


@dataclass(frozen=True, slots=True)
class _Starts:
    """Every start in one zone.

    Attributes:
        start_ns: The starts [ns UTC], shape (n,).
        g_per_kwh: Mean intensity over the run from each start [g/kWh], shape (n,).
        reliable: Whether the run then touches no missing or doubtful hour, shape (n,).
        unit: Emissions at 1 g/kWh [g].
    """

    start_ns: Ints
    g_per_kwh: Floats
    reliable: NDArray[np.bool_]
    unit: Estimate

    def at(self, index: int) -> Start:
        """Return one start with its emissions."""
        return Start(int(self.start_ns[index]), _times(self.unit, float(self.g_per_kwh[index])))

    def best(self, allowed: NDArray[np.bool_]) -> Start | None:
        """Return the start with the least emissions of those allowed."""
        candidates = np.flatnonzero(allowed)
        if not len(candidates):
            return None
        return self.at(int(candidates[np.argmin(self.g_per_kwh[candidates])]))

    def worst(self, allowed: NDArray[np.bool_]) -> Start:
        """Return the start with the most emissions of those allowed."""
        candidates = np.flatnonzero(allowed)
        return self.at(int(candidates[np.argmax(self.g_per_kwh[candidates])]))


def _first_run(result: Result) -> RunEnergy:
    for run in result.runs:
        if run.energy_j is not None and run.run.window is not None:
            return run
    raise UsageError("has no energy in a window", where=result.entry.id)


def _zone(moved: _MovedRun, intensity: Factor | Series) -> Zone:
    """Return what the run emits in one zone."""
    factor = about(intensity)
    name = factor.zone or factor.source
    unit = moved.emissions(intensity, 1.0)
    if not isinstance(intensity, Series):
        actual = Start(moved.start_ns, _times(unit, intensity.value))
        return Zone(zone=name, intensity=factor, actual=actual)
    starts = _every_start(moved, intensity, unit, name)
    scale = moved.budget.value / J_PER_KWH * moved.overhead
    months = starts.start_ns.astype("datetime64[ns]").astype("datetime64[M]").astype(int) % 12
    hours = starts.start_ns // HOUR_NS % 24
    actual_start = _actual(moved, intensity)
    return Zone(
        zone=name,
        intensity=factor,
        actual=actual_start,
        best=starts.best(starts.reliable),
        worst=starts.worst(starts.reliable),
        deferred=_deferred(moved, starts, actual_start),
        mean_g=float(starts.g_per_kwh.mean()) * scale,
        by_hour_g=_group_means(hours, starts.g_per_kwh, 24) * scale,
        by_month_g=_group_means(months, starts.g_per_kwh, 12) * scale,
        starts_ns=starts.start_ns,
        each_g=starts.g_per_kwh * scale,
        gaps=int((~starts.reliable).sum()),
    )


def _every_start(moved: _MovedRun, series: Series, unit: Estimate, name: str) -> _Starts:
    """Lay the run on every step of a series.

    Raises:
        UsageError: The run is longer than the series, or every start touches a doubtful hour.
    """
    energy_kwh = energy_from_start(moved.run, series.step_ns)
    if len(energy_kwh) > len(series):
        raise UsageError(
            "the run is longer than the series",
            where=name,
            got=f"{moved.window.seconds / 3600:.0f} h",
        )
    g_per_kwh = sweep(energy_kwh, series.filled) / float(energy_kwh.sum())
    doubtful_steps = sweep(np.ones(len(energy_kwh)), series.doubtful.astype(np.float64))
    reliable = doubtful_steps < 0.5
    if not reliable.any():
        raise UsageError("every start touches a missing or doubtful hour", where=name)
    start_ns = series.start_ns + np.arange(len(g_per_kwh), dtype=np.int64) * series.step_ns
    return _Starts(start_ns, g_per_kwh, reliable, unit)


def _actual(moved: _MovedRun, series: Series) -> Start | None:
    """Return the run at its own start, laid on its hours.

    None where the series does not hold it.
    """
    shift_ns = moved.start_ns - moved.window.start_ns
    window = Window(moved.start_ns, moved.window.stop_ns + shift_ns)
    if not series.covers(window):
        return None
    cuts_ns = step_cuts(series, window)
    weighted = weigh(energy_by_step(moved.run, cuts_ns - shift_ns), cuts_ns, series)
    u_missing = weighted.u_missing * moved.overhead
    emissions = moved.emissions(series, weighted.mean, u_missing, weighted.missing_share)
    return Start(moved.start_ns, emissions)


def _deferred(moved: _MovedRun, starts: _Starts, now: Start | None) -> Start | None:
    """Return the best start up to the deadline; starting at once is one of them."""
    if moved.deferrable_s is None:
        return None
    latest_ns = moved.start_ns + round(moved.deferrable_s * NS)
    in_time = (starts.start_ns >= moved.start_ns) & (starts.start_ns <= latest_ns)
    later = starts.best(in_time & starts.reliable)
    if later is None:
        return now
    later_g = later.g.value or math.inf
    if now is not None and (now.g.value or 0.0) <= later_g * (1 + 1e-9):
        return now
    return later


def _lowest(zones: Sequence[Zone], at_start: bool) -> Zone | None:
    """Return the zone with the least emissions at the actual start, or over all starts."""
    lowest, lowest_g = None, math.inf
    for zone in zones:
        emissions_g = _emissions_at_start(zone, at_start)
        if emissions_g is not None and (lowest is None or emissions_g < lowest_g):
            lowest, lowest_g = zone, emissions_g
    return lowest


def _with_best_start(zones: Sequence[Zone]) -> Zone | None:
    """Return the zone whose best start emits least; None where no zone has a series."""
    return min(
        (zone for zone in zones if zone.best is not None),
        key=lambda zone: _grams(zone.best) or math.inf,
        default=None,
    )


def _emissions_at_start(zone: Zone | None, at_start: bool) -> float | None:
    """Return the emissions of a zone at the actual start, or the mean of all starts [g]."""
    if zone is None:
        return None
    return _grams(zone.actual) if at_start else zone.mean_g


def _grams(start: Start | None) -> float | None:
    return None if start is None else start.g.value


def _times(unit: Estimate, factor: float) -> Estimate:
    """Return an estimate times a constant."""
    numbers = (unit.value, unit.low, unit.high, unit.u_c, unit.tolerance)
    scaled = [None if number is None else number * factor for number in numbers]
    value, low, high, u_c, tolerance = scaled
    return replace(unit, value=value, low=low, high=high, u_c=u_c, tolerance=tolerance)


def _group_means(group: Ints, value: Floats, count: int) -> Floats:
    """Return the mean of the values of each group, shape (count,); nan where a group has none."""
    members = np.bincount(group, minlength=count)
    sums = np.bincount(group, value, minlength=count)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / np.where(members, members, np.nan))


def _level_draws(zone: Zone, seed: int) -> Floats:
    """Draw the level of a zone's intensity, relative to the stated one."""
    level = tuple(multiplicative_components(zone.intensity, Inputs(role="reference")))
    budget = Budget(zone.zone, (MeteredEnergy("", 1.0, 0.0),), factors=level)
    return draw(budget, seed=seed, draws=DRAWS)


def _notes(result: Result, zones: Sequence[Zone], pue: Factor | None) -> list[str]:
    notes = ["energy stays, only the map changes; hours are UTC"]
    if len(result.runs) > 1:
        notes.append(f"the shape in time is that of the first of {len(result.runs)} runs")
    if pue is None:
        notes.append("no PUE was given: emissions end at the meter")
    if zones[0].actual is None:
        notes.append(
            "the series does not hold the run's own time: "
            "savings are against the mean of all starts (--start)"
        )
    gaps = sum(zone.gaps for zone in zones)
    if gaps:
        notes.append(
            f"{gaps} starts touch an hour that is missing or far off its day: "
            "they are never best or worst"
        )
    return notes
