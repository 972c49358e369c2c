"""The fit against simulated meters: what it finds, how often its intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.laboratory.calibration import (
    FAULTS,
    METERS,
    fits,
    fitted,
    middle_lag_s,
)
from benchmarks.laboratory.pulsed import REFERENCE, Errors, Load, read
from harness.live.calibration.faults import name_faults
from harness.live.calibration.fit import fit
from harness.traces.trace import Trace


@pytest.mark.parametrize("name", METERS)
def test_gain_and_lag_are_found(name: str) -> None:
    errors = METERS[name]
    for seed in (1, 2):
        meter, result = fitted(errors, seed)
        assert result.gain.value == pytest.approx(errors.gain, rel=0.01)
        assert abs(result.lag_s.value - middle_lag_s(errors)) < 0.2 * errors.interval_s
        half_width = (result.gain.high - result.gain.low) / 2
        assert abs(result.gain.value - errors.gain) < 1.5 * half_width
        assert half_width < 0.01
        assert not list(name_faults(meter, result))


@pytest.mark.long
@pytest.mark.parametrize("name", METERS)
def test_a_meter_meets_the_bars(name: str) -> None:
    """As `python -m benchmarks.laboratory.calibration` prints them."""
    outcome = fits(name, 200)
    assert outcome.is_met(float(np.sqrt(0.05 * 0.95 / 200))), outcome


def test_the_mean_gain_of_counters_is_not_off() -> None:
    """A reference that is drawn straight between its stamps swings too little: 0.03 % here."""
    errors = METERS["counter"]
    gains = [fitted(errors, seed)[1].gain.value for seed in range(20)]
    assert np.mean(gains) == pytest.approx(errors.gain, abs=1.5e-4)


@pytest.mark.parametrize(("wander_w", "factor"), [(0.0, 0.5), (8.0, 0.01)])
def test_a_steady_load_is_rounded_alike_in_all_readings(wander_w: float, factor: float) -> None:
    """What all readings share is in the interval of the offset; a load that wanders averages it."""
    random = np.random.default_rng(3)
    t_s = np.arange(0.0, 120.0, 0.1)
    true_w = np.where(t_s // 6 % 2 == 1, 261.3, 101.3) + wander_w * random.standard_normal(len(t_s))
    stamps = (1_700_000_000 * 10**9 + t_s * 1e9).astype(np.int64)
    channel = fitted(REFERENCE, 1)[0].channel
    reference = Trace(channel, stamps, true_w)
    meter = Trace(channel, stamps, np.round(true_w / 10) * 10)
    result = fit(meter, reference, 10.0)
    assert result is not None
    half_width = (result.offset_w.high - result.offset_w.low) / 2
    assert half_width > factor * 10 / np.sqrt(12)
    assert result.offset_w.low <= 0 <= result.offset_w.high
    without = fit(meter, reference)
    assert without is not None
    is_wider = half_width > 1.5 * (without.offset_w.high - without.offset_w.low) / 2
    assert is_wider == (wander_w == 0.0)


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
