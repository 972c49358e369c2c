"""Calibrations of simulated meters: how near the estimates are, and how often intervals hold.

    python -m benchmarks.laboratory.calibration --rounds 200

A reference of ten readings a second and a meter of known errors see one load of irregular pulses
for two minutes and idle around them, or for nearly four for slow meters and means over a minute. A
coverage that misses its bar by less than the standard error of so many rounds counts as met.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.laboratory.pulsed import GRID_S, REFERENCE, Errors, Load, read
from harness.live.calibration.faults import name_faults
from harness.live.calibration.fit import Fit, fit
from harness.traces.trace import Trace

LOW, HIGH = 0.93, 0.97
"""Bar of the coverage of intervals of 95 %."""
MAX_GAIN_ERROR, MAX_LAG_ERROR = 0.005, 0.2
"""Bars of what 95 % of the estimates keep: of the gain, and of the lag in refresh intervals."""
MAX_FALSE_ALARMS = 0.05
FAULT_ROUNDS = 20
SECONDS, LONG_SECONDS = 140.0, 240.0
"""Length of a calibration [s]: two minutes of pulses and idle around them, or nearly four."""
FAST_S = 1.0
"""Meters that are read less often than once in so many seconds take the longer one."""

METERS = {
    "mean": Errors(lag_s=0.4, gain=0.97, offset_w=1.0),
    "instant": Errors(kind="instant", lag_s=0.3, gain=1.03, offset_w=2.0, noise_w=1.0),
    "filtered": Errors(kind="instant", lag_s=0.3, window_s=0.5, gain=1.03, noise_w=1.0),
    "counter": Errors(kind="counter", lag_s=0.2, gain=0.98, quantum=0.5),
    "quantised": Errors(lag_s=0.2, gain=1.01, quantum=1.0, noise_w=0.2),
    "fast": Errors(interval_s=0.25, lag_s=0.1, gain=1.02, noise_w=0.3),
    "slow": Errors(kind="instant", interval_s=5.0, lag_s=0.5, gain=0.98, quantum=1.0),
}
"""Meters without a fault: as an analyzer over PTDaemon, a BMC, an exporter with a filter, an energy
counter, a PDU in whole watts, an analyzer over SCPI, and what Prometheus scrapes each five
seconds."""

LIMITS = {
    "late stamps": Errors(kind="instant", late_s=0.5, gain=0.99, quantum=1.0, noise_w=0.5),
}
"""Meters that the fit does not know: stamps that are late by chance, by up to half a refresh."""

FAULTS = {
    "one-minute-means": Errors(kind="instant", window_s=60.0, quantum=1.0),
    "stale-repeats": Errors(kind="instant", stated_interval_s=0.2, interval_s=2.0),
    "unit": Errors(gain=10.4),
    "double-counting": Errors(gain=2.01),
    "other-feed": Errors(sees=False),
    "long-average": Errors(kind="instant", interval_s=0.5, window_s=5.0),
}
"""Meters with a fault, by its code."""


def fitted(errors: Errors, seed: int, seconds: float = SECONDS) -> tuple[Trace, Fit]:
    """Return the readings of a meter, and its fit to the reference."""
    random = np.random.default_rng(seed)
    load = Load.draw(random, seconds)
    reference, meter = read(random, load, REFERENCE), read(random, load, errors)
    result = fit(meter, reference, errors.quantum if errors.kind != "counter" else 0.0)
    assert result is not None
    return meter, result


def middle_lag_s(errors: Errors) -> float:
    """The lag of the middle of a window against what the kind implies."""
    half_window_s = max(errors.window_s, GRID_S) / 2 if errors.kind == "instant" else 0.0
    return errors.lag_s + errors.late_s / 2 + half_window_s


def fault_codes(code: str, seed: int) -> set[str]:
    """Return which faults are named of a meter that has one."""
    meter, result = fitted(
        FAULTS[code], seed, LONG_SECONDS if code == "one-minute-means" else SECONDS
    )
    return {fault.code for fault in name_faults(meter, result)}


@dataclass(frozen=True)
class Outcome:
    """What rounds showed of one meter.

    Attributes:
        gain_coverage: Share of the intervals of the gain that held it.
        lag_coverage: Share of the intervals of the lag that held it.
        gain_error: Relative error of the gain that 95 % of the estimates keep.
        lag_error: Error of the lag that 95 % keep, in refresh intervals.
        false_alarms: Share of the rounds in which a fault was named.
    """

    gain_coverage: float
    lag_coverage: float
    gain_error: float
    lag_error: float
    false_alarms: float

    def is_met(self, error: float) -> bool:
        """Return whether all bars are met, coverage within an error."""
        coverages = (self.gain_coverage, self.lag_coverage)
        return (
            min(coverages) >= LOW - error
            and max(coverages) <= HIGH + error
            and self.gain_error < MAX_GAIN_ERROR
            and self.lag_error < MAX_LAG_ERROR
            and self.false_alarms <= MAX_FALSE_ALARMS
        )


def fits(name: str, rounds: int) -> Outcome:
    """Fit a meter without a fault in many rounds."""
    errors = (METERS | LIMITS)[name]
    held, gain_errors, lag_errors, alarms = [], [], [], 0
    seconds = SECONDS if errors.interval_s <= FAST_S else LONG_SECONDS
    for seed in range(rounds):
        meter, result = fitted(errors, seed, seconds)
        lag_s = middle_lag_s(errors)
        held.append(
            (
                result.gain.low <= errors.gain <= result.gain.high,
                result.lag_s.low <= lag_s <= result.lag_s.high,
            )
        )
        gain_errors.append(abs(result.gain.value / errors.gain - 1))
        lag_errors.append(abs(result.lag_s.value - lag_s) / errors.interval_s)
        alarms += any(True for _ in name_faults(meter, result))
    gain_coverage, lag_coverage = np.mean(held, axis=0)
    return Outcome(
        gain_coverage=float(gain_coverage),
        lag_coverage=float(lag_coverage),
        gain_error=float(np.quantile(gain_errors, 0.95)),
        lag_error=float(np.quantile(lag_errors, 0.95)),
        false_alarms=alarms / rounds,
    )


def lines(rounds: int) -> Iterator[tuple[str, bool]]:
    """Yield the lines of the tables, and whether what each states is met."""
    error = float(np.sqrt(0.05 * 0.95 / rounds))
    yield "| meter | gain held | lag held | gain error | lag error | false alarms | bars |", True
    yield "|---|---|---|---|---|---|---|", True
    for name in (*METERS, *LIMITS):
        item = fits(name, rounds)
        is_met = item.is_met(error) or name in LIMITS
        word = "met" if is_met else "**missed**"
        yield (
            f"| {name} | {item.gain_coverage:.1%} | {item.lag_coverage:.1%} "
            f"| {item.gain_error:.2%} | {item.lag_error:.2f} | {item.false_alarms:.1%} "
            f"| {'limit' if name in LIMITS else word} |",
            is_met,
        )
    yield "", True
    yield "| fault | named |", True
    yield "|---|---|", True
    for code in FAULTS:
        named = sum(code in fault_codes(code, seed) for seed in range(FAULT_ROUNDS))
        is_met = named == FAULT_ROUNDS
        yield f"| {code} | {named} of {FAULT_ROUNDS} |", is_met


def main() -> int:
    """Print the tables. Return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description="Calibrations of simulated meters")
    parser.add_argument("--rounds", type=int, default=200)
    options = parser.parse_args()
    missed = 0
    for text, is_met in lines(options.rounds):
        print(text, flush=True)
        missed += not is_met
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
