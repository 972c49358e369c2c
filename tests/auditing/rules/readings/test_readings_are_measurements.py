"""readings-are-measurements: no error codes, dead counters, passed ranges or long moving means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.auditing.rules import builders as b

RULE = "readings-are-measurements"
STAMPS = np.arange(-5.0, 606.0)


def counter(power_w: float = 100.0, start_j: float = 5000.0) -> np.ndarray:
    return start_j + power_w * (STAMPS - STAMPS[0])


@pytest.mark.parametrize("kind", ["mean", "counter"])
def test_pass_a_living_meter(kind: str) -> None:
    value = counter() if kind == "counter" else 300 + STAMPS % 7
    b.assert_pass(b.judge(b.entry(b.run(b.trace(STAMPS, value, kind)))), RULE)


def test_warn_an_error_value_is_left_out() -> None:
    power = 300 + STAMPS % 7
    power[100] = 4294967.295  # 0xffffffff mW
    found = b.judge(b.entry(b.run(b.trace(STAMPS, power, boundary="node"))))
    b.assert_found(found, RULE, "warn", where="total", got="1 error value", expected="living meter")


@pytest.mark.parametrize("reading", [200.0, 9e12])
def test_warn_a_glitch_of_a_counter_is_left_out(reading: float) -> None:
    count = counter()
    count[100] = reading
    found = b.judge(b.entry(b.run(b.trace(STAMPS, count, "counter"))))
    b.assert_found(found, RULE, "warn", where="total", got="1 glitch", expected="living meter")


@pytest.mark.parametrize(
    ("value", "kind", "header", "got"),
    [
        pytest.param(np.full(611, 4711.0), "counter", {}, "did not move in", id="dead counter"),
        pytest.param(
            np.where(STAMPS < 200, counter(), counter()[205]),
            "counter",
            {},
            "stood still",
            id="stopped",
        ),
        pytest.param(
            300 + STAMPS % 7,
            "mean",
            {"averaging_s": 900.0},
            "moving means over 900 s",
            id="long mean",
        ),
        pytest.param(
            90_000 + STAMPS % 7, "mean", {"boundary": "board"}, "more than any board", id="too much"
        ),
    ],
)
def test_fail_readings_that_are_no_measurement(
    value: np.ndarray, kind: str, header: dict[str, Any], got: str
) -> None:
    found = b.judge(b.entry(b.run(b.trace(STAMPS, value, kind, **header))))
    b.assert_found(found, RULE, "fail", where="total", got=got, expected="living meter")


def test_fail_a_counter_that_may_pass_its_range_between_two_readings() -> None:
    stamps = np.arange(-300.0, 1000.0, 300.0)
    trace = b.trace(
        stamps,
        (1000 + 11.5 * (stamps - stamps[0])) % 65_532,
        "counter",
        boundary="package",
        counter_modulus_j=65_532.0,
        nominal_interval_s=300.0,
    )
    found = b.judge(b.entry(b.run(trace)))
    b.assert_found(found, RULE, "fail", where="total", got="300 s apart", expected="living meter")
