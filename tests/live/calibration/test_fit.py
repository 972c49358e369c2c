"""The fit against simulated meters: what it finds, how often its intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.laboratory.calibration import (
    FAULTS,
    LOW,
    MAX_FALSE_ALARMS,
    MAX_GAIN_ERROR,
    MAX_LAG_ERROR,
    METERS,
    fits,
    fitted,
    middle_lag_s,
)
from benchmarks.laboratory.pulsed import REFERENCE, Errors, Load, read
from harness.live.calibration.faults import name_faults
from harness.live.calibration.fit import fit


@pytest.mark.parametrize("name", METERS)
def test_gain_and_lag_are_found(name: str) -> None:
    errors = METERS[name]
    for seed in (1, 2):
        meter, result = fitted(errors, seed)
        assert result.gain.value == pytest.approx(errors.gain, rel=0.008)
        assert abs(result.lag_s.value - middle_lag_s(errors)) < 0.2 * errors.interval_s
        assert result.gain.low <= errors.gain <= result.gain.high
        assert not list(name_faults(meter, result))


@pytest.mark.long
@pytest.mark.parametrize("name", METERS)
def test_a_meter_meets_the_bars(name: str) -> None:
    """As `python -m benchmarks.laboratory.calibration` prints them."""
    if name == "counter":
        pytest.xfail(
            "the interval of a counter's gain holds it in 88 %; docs/explanation/coverage.md"
        )
    outcome = fits(name, 200)
    error = np.sqrt(0.05 * 0.95 / 200)
    assert min(outcome.gain_coverage, outcome.lag_coverage) >= LOW - error
    assert outcome.gain_error < MAX_GAIN_ERROR
    assert outcome.lag_error < MAX_LAG_ERROR
    assert outcome.false_alarms <= MAX_FALSE_ALARMS


@pytest.mark.parametrize("code", FAULTS)
def test_faults_are_named(code: str) -> None:
    for seed in (1, 2):
        meter, result = fitted(FAULTS[code], seed, 240.0 if code == "one-minute-means" else 140.0)
        assert code in {fault.code for fault in name_faults(meter, result)}


@pytest.mark.parametrize(
    ("gain", "word"), [(0.001, "kilowatts"), (0.1, "tenths"), (1000.0, "milliwatts")]
)
def test_the_unit_is_named(gain: float, word: str) -> None:
    meter, result = fitted(Errors(gain=gain, noise_w=0.5 * gain, quantum=0.0), 1)
    (fault,) = name_faults(meter, result)
    assert fault.code == "unit"
    assert word in fault.message


def test_too_few_readings_are_not_fitted() -> None:
    random = np.random.default_rng(1)
    load = Load.draw(random, 120.0)
    reference, meter = read(random, load, REFERENCE), read(random, load, Errors(interval_s=20.0))
    result = fit(meter, reference)
    assert result is None
    assert [fault.code for fault in name_faults(meter, result)] == ["too-few-readings"]
