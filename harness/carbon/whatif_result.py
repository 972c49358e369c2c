"""Values of `joulemark whatif`: one run at many starts, in several zones.

Computed by `harness.emissions.whatif`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.carbon.factor import Factor
from harness.carbon.series import Floats, Ints
from harness.uncertainty.estimate import Estimate


@dataclass(frozen=True, slots=True)
class Start:
    """One start in one zone.

    Attributes:
        start_ns: When the run starts [ns UTC].
        g: What it then emits [g CO2e].
    """

    start_ns: int
    g: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """What the run emits in one zone, by its start.

    Attributes:
        zone: Name of the zone.
        intensity: Its intensity, with provenance.
        actual: At the run's own start, or the one asked for; None where the series does not hold
            it.
        best: Best of all starts that touch no missing or doubtful hour; None for an annual
            intensity.
        worst: Worst of these starts.
        deferred: Best start not later than the deadline.
        mean_g: Mean over all starts [g CO2e].
        by_hour_g: Mean over the starts of each hour of the day in UTC [g CO2e], shape (24,).
        by_month_g: Mean over the starts of each month [g CO2e], shape (12,).
        starts_ns: Every start [ns UTC], shape (n,).
        each_g: What each start emits [g CO2e], shape (n,).
        gaps: Starts that touch a missing or doubtful hour.
    """

    zone: str
    intensity: Factor
    actual: Start | None
    best: Start | None = None
    worst: Start | None = None
    deferred: Start | None = None
    mean_g: float | None = None
    by_hour_g: Floats | None = None
    by_month_g: Floats | None = None
    starts_ns: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    each_g: Floats = field(default_factory=lambda: np.zeros(0))
    gaps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """One run in all zones. Savings are shares of what it emits in the first zone at its own start.

    Attributes:
        energy: Energy of the result, which does not change [J].
        seconds: Length of the run [s].
        zones: The zones; the first is the run's own.
        against: What savings are counted against: "actual", or "mean of all starts" where the
            series does not hold the actual one.
        in_time: Saving in the same zone at its best start.
        in_place: Saving at the same start in the best zone.
        in_both: Saving at the best start of the best zone.
        deferred: Saving in the same zone at the best start up to the deadline.
        deferrable_s: How much later than its own start the run may start [s].
        notes: What a reader must know beside the numbers.
    """

    energy: Estimate
    seconds: float
    zones: tuple[Zone, ...]
    against: str
    in_time: Estimate | None
    in_place: Estimate | None
    in_both: Estimate | None
    deferred: Estimate | None
    deferrable_s: float | None
    notes: tuple[str, ...]
