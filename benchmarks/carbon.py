"""Time CO2e: a long trace joined with a year of hours, and a year of starts in fifty zones.

`python -m benchmarks.carbon` prints these rows alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np

from benchmarks.table import Row, clock, compare, show
from harness.carbon.factor import Factor
from harness.carbon.series import HOUR_NS, Series
from harness.carbon.time_weighting import step_cuts
from harness.emissions.run_emissions import trace_emissions_g
from harness.emissions.whatif import sweep
from harness.energy.cumulative import energy_between
from harness.energy.integrate import energy
from harness.traces.channel import Accuracy, Channel
from harness.traces.trace import Trace, Window

READINGS = 10**7
HOURS, ZONES = 8_760, 50
START_NS = 1_640_995_200_000_000_000
"""The first hour of 2022 [ns UTC]."""
GRID = Factor(
    name="location_intensity",
    value=400.0,
    unit="g/kWh",
    u_ln=0.1,
    source="benchmark",
    date="2022",
    licence="none",
    zone="Z",
    dataset="benchmark",
)


def rows(pairs: int) -> Iterator[Row]:
    """Joins at three rates of reading, then sweeps of three lengths of run."""
    for step_ns in (100_000_000, 1_000_000_000, 3_150_000_000):
        trace, window, series = long_trace(step_ns)
        yield compare(
            f"join of 1e7 readings, {step_ns / 1e9:g} s apart, with "
            f"{len(step_cuts(series, window)) - 1} hours",
            lambda trace=trace, window=window, series=series: trace_emissions_g(
                trace, window, series
            ),  # type: ignore[misc]
            "energy of the same trace",
            lambda trace=trace, window=window: energy(trace, window),  # type: ignore[misc]
            pairs=pairs,
            bar=3,
        )
    for hours in (2, 24, 720):
        took = [clock(lambda hours=hours: starts(hours)) for _ in range(pairs)]  # type: ignore[misc]
        middle = sorted(took)[len(took) // 2]
        ratios = tuple(t / 2 for t in took)
        yield Row(
            f"{HOURS} starts x {ZONES} zones, a run of {hours} h", middle, "limit", 2.0, ratios, 1
        )


def long_trace(step_ns: int) -> tuple[Trace, Window, Series]:
    """A trace of mean readings that lasts up to a year, its window, and a year of hours."""
    t_ns = START_NS + step_ns * np.arange(READINGS, dtype=np.int64)
    power_w = np.random.default_rng(1).normal(400.0, 10.0, READINGS)
    channel = Channel(
        id="total",
        kind="mean",
        boundary="wall",
        calibration_id="bench",
        nominal_interval_s=step_ns / 1e9,
        accuracy=Accuracy(reading_limit_pct=0.1, source="benchmark"),
    )
    trace = Trace(channel, t_ns, power_w)
    window = Window(int(t_ns[0]), int(t_ns[-1]))
    assert trace.interval_s  # found once, before both are timed
    return trace, window, year(0)


def year(zone: int) -> Series:
    """A year of hours in one zone."""
    value = np.random.default_rng(zone).uniform(50, 800, HOURS)
    return Series(START_NS, HOUR_NS, value, GRID)


def starts(hours: int) -> float:
    """Emissions of a run of `hours` at every start in every zone; the least of all."""
    run = np.full(hours, 1.0)
    return min(float(sweep(run, year(zone).filled).min()) for zone in range(ZONES))


def main() -> int:
    """Measure and print; 1 where a bar is not met."""
    trace, window, series = long_trace(1_000_000_000)
    both = energy_between(trace, step_cuts(series, window)).sum(), energy(trace, window)
    assert both[1] is not None
    assert abs(both[0] / both[1].energy_j - 1) < 1e-9
    table = list(rows(5))
    print(show(table))
    return int(any(row.met is False for row in table))


if __name__ == "__main__":
    sys.exit(main())
