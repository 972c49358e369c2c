"""What `whatif` finds: a run at moments, in places."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.carbon.factor import Factor
from harness.carbon.series import Floats, Ints
from harness.uncertainty.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Moment:
    """One start in one place [ns UTC], and what the run emits from there [g CO2e]."""

    start_ns: int
    g: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One zone: what the run emits there by start.

    actual: at the run's own start, or the one that was asked for; None where the series does not hold it
    best, worst: of all starts that touch no missing or doubtful hour; mean_g over all starts [g]; None if annual
    by_hour_g: mean over starts of each hour of the day in UTC [g], shape (24,); by_month_g, shape (12,)
    starts_ns, each_g: every start and what it emits; gaps: starts that touch a missing or doubtful hour
    deferred: best start not later than the deadline allows
    """

    zone: str
    intensity: Factor
    actual: Moment | None
    best: Moment | None = None
    worst: Moment | None = None
    deferred: Moment | None = None
    mean_g: float | None = None
    by_hour_g: Floats | None = None
    by_month_g: Floats | None = None
    starts_ns: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    each_g: Floats = field(default_factory=lambda: np.zeros(0))
    gaps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """A run in all places; savings are shares of what it emits in the first place at its start.

    against: actual, or mean of all starts where the actual one is not in the series
    in_time: same place, best start; in_place: same start, best place; in_both: best start of the best place
    deferrable_s: how much later than its start the run may begin [s]
    """

    energy: Estimate
    seconds: float
    places: tuple[Place, ...]
    against: str
    in_time: Estimate | None
    in_place: Estimate | None
    in_both: Estimate | None
    deferred: Estimate | None
    deferrable_s: float | None
    notes: tuple[str, ...]
