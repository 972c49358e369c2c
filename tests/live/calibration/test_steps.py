"""The quantum and the refresh interval of a meter, from its readings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from benchmarks.laboratory.pulsed import T0_NS, Errors, Load, read
from harness.live.calibration.steps import quantum, refresh
from harness.traces.trace import Trace

ROUNDS = 60


def readings(seed: int, errors: Errors, seconds: float = 60.0) -> Trace:
    random = np.random.default_rng(seed)
    return read(random, Load.draw(random, seconds), errors)


@pytest.mark.parametrize("step", [0.1, 0.25, 1.0, 2.0, 10.0])
def test_the_interval_holds_the_quantum(step: float) -> None:
    held = 0
    for seed in range(ROUNDS):
        found = quantum(readings(seed, Errors(quantum=step, noise_w=1.0)))
        held += found is not None and found.low * 0.999 <= step <= found.high * 1.001
    assert held >= 0.95 * ROUNDS


def test_a_step_that_may_be_hidden_widens_the_interval() -> None:
    trace = readings(1, Errors())
    found = quantum(dataclasses.replace(trace, value=np.resize([100.0, 104.0, 112.0], len(trace))))
    assert found is not None
    assert found.value == found.high == pytest.approx(4.0)
    assert found.low == pytest.approx(1.0)


def test_readings_on_no_grid_have_no_quantum() -> None:
    assert quantum(readings(1, Errors(quantum=0.0))) is None
    trace = readings(1, Errors())
    assert quantum(dataclasses.replace(trace, value=np.full(len(trace), 100.0))) is None


def polled(seed: int, refresh_s: float, read_s: float) -> Trace:
    """A device that refreshes by itself, read at other times; each third value is no new one."""
    random = np.random.default_rng(seed)
    t_s = np.arange(random.uniform(0, read_s), 60.0, read_s) + random.normal(0, 0.002, 1)
    number = np.floor((t_s + random.uniform(0, refresh_s)) / refresh_s).astype(int)
    values = np.round(random.normal(200, 0.5, number.max() + 1))
    return Trace(
        readings(0, Errors(), 20.0).channel, (T0_NS + t_s * 1e9).astype(np.int64), values[number]
    )


@pytest.mark.parametrize(("refresh_s", "read_s"), [(1.0, 0.1), (0.7, 0.3), (2.0, 0.05)])
def test_the_interval_holds_the_refresh_interval(refresh_s: float, read_s: float) -> None:
    held, widths = 0, []
    for seed in range(ROUNDS):
        found = refresh(polled(seed, refresh_s, read_s))
        assert found is not None
        held += found.low <= refresh_s <= found.high
        widths.append((found.high - found.low) / refresh_s)
    assert held >= 0.93 * ROUNDS
    assert np.median(widths) < 0.1


def test_readings_that_hardly_change_show_no_refresh_interval() -> None:
    trace = readings(1, Errors())
    steady = np.full(len(trace), 100.0)
    steady[5] = 101.0
    assert refresh(dataclasses.replace(trace, value=steady)) is None
