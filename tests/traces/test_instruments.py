"""Limits of instruments: range, power factor, self-heating, temperature, age of the calibration."""

from __future__ import annotations

import pytest

from harness.traces.instruments import instrument


def test_self_heating_grows_with_the_squares_of_voltage_and_current() -> None:
    """WT310E: 1e-7 % per V^2 and 1.3e-4 % per A^2."""
    found = instrument("yokogawa-wt310e").accuracy(range_w=6000, volts=300, amps=20)
    assert found.reading_limit_pct == pytest.approx(0.1 + 1e-7 * 300**2 + 1.3e-4 * 20**2)
    assert found.range_limit_w == pytest.approx(0.0005 * 6000)


@pytest.mark.parametrize(
    ("model", "age_months", "limit_pct"),
    [
        ("yokogawa-wt500", 3, 0.1),
        ("yokogawa-wt500", 7, 0.15),
        ("yokogawa-wt500", None, 0.15),  # an unknown age is the longest that manuals speak of
        ("yokogawa-wt210", 2, 0.1),
        ("yokogawa-wt210", None, 0.15),
        ("yokogawa-wt310", None, 0.1),
        ("yokogawa-wt310", 30, 0.1),
    ],
)
def test_limits_follow_the_age_of_the_calibration(
    model: str, age_months: float | None, limit_pct: float
) -> None:
    found = instrument(model).accuracy(age_months=age_months)
    assert found.reading_limit_pct == pytest.approx(limit_pct)


@pytest.mark.parametrize(
    ("age_months", "statement"),
    [(None, "calibration date unknown"), (30.2, "calibrated 30 months before"), (5.0, "")],
)
def test_the_source_states_what_is_not_known_of_the_calibration(
    age_months: float | None, statement: str
) -> None:
    source = instrument("yokogawa-wt310").accuracy(age_months=age_months).source
    assert statement in source
    assert ("calibra" in source) is bool(statement)


@pytest.mark.parametrize(
    ("temperature_c", "added_pct"),
    [(None, 0.0), (18.0, 0.0), (28.0, 0.0), (33.0, 0.15), (10.0, 0.24)],
)
def test_limits_grow_outside_18_to_28_degrees(
    temperature_c: float | None, added_pct: float
) -> None:
    found = instrument("yokogawa-wt310").accuracy(temperature_c=temperature_c)
    assert found.reading_limit_pct == pytest.approx(0.1 + added_pct)


def test_a_sensor_has_no_calibration_to_speak_of() -> None:
    assert "calibra" not in instrument("nvidia-nvml").accuracy().source
