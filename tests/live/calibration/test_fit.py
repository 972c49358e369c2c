"""The fit against simulated meters: what it finds, how often its intervals hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from harness.live.calibration.faults import name_faults
from harness.live.calibration.fit import Fit, fit
from harness.traces.trace import Trace

from .simulated import GRID_S, REFERENCE, Errors, Load, read

METERS = {
    "mean": Errors(lag_s=0.4, gain=0.97, offset_w=1.0),
    "instant": Errors(kind="instant", lag_s=0.3, gain=1.03, offset_w=2.0, noise_w=1.0),
    "filtered": Errors(kind="instant", lag_s=0.3, window_s=0.5, gain=1.03, noise_w=1.0),
    "counter": Errors(kind="counter", lag_s=0.2, gain=0.98, quantum=0.5),
    "quantised": Errors(lag_s=0.2, gain=1.01, quantum=1.0, noise_w=0.2),
}


def fitted(errors: Errors, seed: int, seconds: float = 120.0) -> tuple[Trace, Fit]:
    random = np.random.default_rng(seed)
    load = Load.draw(random, seconds)
    reference, meter = read(random, load, REFERENCE), read(random, load, errors)
    result = fit(meter, reference, errors.quantum if errors.kind != "counter" else 0.0)
    assert result is not None
    return meter, result


def middle_lag_s(errors: Errors) -> float:
    """The lag of the middle of a window against what the kind implies."""
    return errors.lag_s + (max(errors.window_s, GRID_S) / 2 if errors.kind == "instant" else 0)


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
def test_intervals_hold_the_truth(name: str) -> None:
    errors, rounds = METERS[name], 200
    held = {"gain": 0, "lag": 0}
    gains = []
    for seed in range(rounds):
        _, result = fitted(errors, seed)
        held["gain"] += result.gain.low <= errors.gain <= result.gain.high
        held["lag"] += result.lag_s.low <= middle_lag_s(errors) <= result.lag_s.high
        gains.append(abs(result.gain.value / errors.gain - 1))
    assert min(held.values()) / rounds >= 0.93, held
    assert np.quantile(gains, 0.95) < 0.005


FAULTS = {
    "one-minute-means": Errors(kind="instant", window_s=60.0, quantum=1.0),
    "stale-repeats": Errors(kind="instant", stated_interval_s=0.2, interval_s=2.0),
    "unit": Errors(gain=10.4),
    "double-counting": Errors(gain=2.01),
    "other-feed": Errors(sees=False),
    "long-average": Errors(kind="instant", interval_s=0.5, window_s=5.0),
}


@pytest.mark.parametrize("code", FAULTS)
def test_faults_are_named(code: str) -> None:
    for seed in (1, 2):
        meter, result = fitted(FAULTS[code], seed, 240.0 if code == "one-minute-means" else 120.0)
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
