"""A printed figure agrees with its source value, and with no value half a digit away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.auditing.rules.printed import agrees, half_last_digit, half_significant_digit

VALUES = st.floats(min_value=1e-3, max_value=1e12)
DIGITS = st.integers(min_value=0, max_value=6)


@given(VALUES, DIGITS)
def test_figure_agrees_with_the_value_it_was_printed_from(value: float, digits: int) -> None:
    assert agrees(value, f"{value:.{digits}f}")


@given(VALUES, DIGITS, st.floats(min_value=1.02, max_value=1000.0), st.sampled_from([-1, 1]))
def test_figure_differs_from_a_value_beyond_half_its_last_digit(
    value: float, digits: int, halves: float, side: int
) -> None:
    text = f"{value:.{digits}f}"
    step = 10.0**-digits / 2
    other = float(text) + side * halves * step
    if abs(other - float(text)) > step * 1.01 + 1e-8 * abs(other):  # what floats can tell apart
        assert not agrees(other, text)


@given(VALUES, st.integers(min_value=2, max_value=6), DIGITS)
def test_two_prints_of_one_value_agree(value: float, significant: int, digits: int) -> None:
    """As LoadGen's detail log, with significant digits, and its summary, with decimals."""
    detail = float(f"{value:.{significant}g}")
    error = half_significant_digit(detail, significant)
    assert agrees(detail, f"{value:.{digits}f}", value_error=error * 1.0001)


@pytest.mark.parametrize(
    ("value", "text"),
    [(12.708, "12.71"), (28.4637, "28.46"), (1.89834, "1.90"), (28.7962, "28.80")],
)
def test_figures_of_published_results_agree(value: float, text: str) -> None:
    assert agrees(value, text)


@pytest.mark.parametrize(
    ("value", "text"), [(1e6, "1e+06"), (1.0e6 + 4, "1e+06"), (2.5e-5, "2.5e-05")]
)
def test_exponents_are_those_of_a_stream_that_leaves_zeros_out(value: float, text: str) -> None:
    assert agrees(value, text)
    assert not agrees(value * 1.00001, text)
    assert not agrees(value, "1e999")


@pytest.mark.parametrize(
    ("value", "text"), [(12.72, "12.71"), (28.4637, "28.47"), (1.89834, "1.91"), (1.89, "1.9000")]
)
def test_edited_figures_differ(value: float, text: str) -> None:
    assert not agrees(value, text)


@pytest.mark.parametrize(
    ("text", "half"),
    [("12.71", 0.005), ("1.90", 0.005), ("7", 0.5), ("1e3", 500.0), ("2.5e-3", 5e-5), (".5", 0.05)],
)
def test_half_of_the_last_digit(text: str, half: float) -> None:
    assert half_last_digit(text) == pytest.approx(half)


@pytest.mark.parametrize("text", ["", "abc", "nan", "inf", "1e", "--1", "1.2.3", "1" * 100, "٣"])
def test_what_is_no_number_agrees_with_nothing(text: str) -> None:
    assert half_last_digit(text) is None
    assert not agrees(1.0, text)
