"""How precise a printed number is, and whether a value may have been printed so."""

from __future__ import annotations

import math

import pytest

from harness.auditing.rules.printed import agrees, half_last_digit, half_significant_digit


@pytest.mark.parametrize(
    ("text", "half"),
    [
        ("12.71", 0.005),
        ("12.70", 0.005),
        ("12", 0.5),
        ("0.001", 5e-4),
        ("1e3", 500.0),
        ("-3.5", 0.05),
    ],
)
def test_half_of_the_last_digit(text: str, half: float) -> None:
    assert half_last_digit(text) == pytest.approx(half, rel=1e-12)


@pytest.mark.parametrize("text", ["", "x", "nan", "inf", "1_0", "1,5", "12.7 W"])
def test_what_is_no_number_has_no_digit(text: str) -> None:
    assert half_last_digit(text) is None
    assert not agrees(12.7, text)


@pytest.mark.parametrize(
    ("value", "half"), [(1.0, 5e-6), (9.99, 5e-6), (10.0, 5e-5), (123.456, 5e-4), (0.01, 5e-8)]
)
def test_half_of_the_sixth_significant_digit(value: float, half: float) -> None:
    assert half_significant_digit(value, 6) == pytest.approx(half, rel=1e-12)


def test_nothing_has_no_significant_digit() -> None:
    assert half_significant_digit(0.0, 6) == 0.0


@pytest.mark.parametrize(
    ("value", "text", "error", "expected"),
    [
        (12.7149, "12.71", 0.0, True),
        (12.7151, "12.71", 0.0, False),
        (12.7051, "12.71", 0.0, True),
        (12.7049, "12.71", 0.0, False),
        (12.7151, "12.71", 2e-4, True),
        (12.7153, "12.71", 2e-4, False),
        (1.0, "1e0", 0.0, True),
        (1.4, "1e0", 0.0, False),
        (math.nan, "1.0", 0.0, False),
    ],
)
def test_a_value_agrees_within_what_was_rounded_away(
    value: float, text: str, error: float, expected: bool
) -> None:
    assert agrees(value, text, value_error=error) is expected


def test_a_number_that_overflows_agrees_with_nothing() -> None:
    assert not agrees(1.0, "1e400")
    assert not agrees(math.inf, "1e400")
