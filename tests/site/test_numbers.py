"""Columns of numbers, and scales of plots."""

import pytest

from harness.site.numbers import FIGURE_SPACE, Column, Scale, percent, significant
from harness.uncertainty.estimate import Estimate


def estimate(value: float | None, half_width: float | None = None) -> Estimate:
    if value is None or half_width is None:
        return Estimate(value, None, None, "J/query")
    return Estimate(value, value - half_width, value + half_width, "J/query")


def test_column_takes_the_unit_of_its_middle_and_aligns_points() -> None:
    estimates = [estimate(0.0081, 0.00004), estimate(0.02924, 0.00033), estimate(0.9, 0.031)]
    column = Column.for_estimates(estimates)
    assert column.unit == "mJ/query"
    cells = [column.value(item) for item in estimates]
    assert cells == ["8.100", f"29.24{FIGURE_SPACE}", "900\N{PUNCTUATION SPACE}" + 3 * FIGURE_SPACE]
    assert column.interval(estimates[1]) == "28.91–29.57"


def test_column_shows_a_dash_for_what_is_absent() -> None:
    column = Column.for_estimates([estimate(2.0, 0.1), estimate(None)])
    assert column.value(estimate(None)) == "–"
    assert column.interval(estimate(2.0)) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567.0, "1,234,567"), (0.00012345, "0.0001234"), (99.96, "99.96"), (2.5, "2.5")],
)
def test_significant_digits(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, "–"), (0.0, "0 %"), (0.004, "<1 %"), (0.5, "50 %"), (0.997, ">99 %"), (1.0, "100 %")],
)
def test_percent_never_rounds_to_certainty(share: float | None, text: str) -> None:
    assert percent(share) == text


def test_scale_is_linear_within_a_decade_and_logarithmic_beyond() -> None:
    linear = Scale.around([10, 20], 100, margin=0)
    assert linear.at(12.5) == pytest.approx(25)
    assert linear.ticks(5) == [10, 12, 14, 16, 18, 20]
    logarithmic = Scale.around([1, 10_000], 100, margin=0)
    assert logarithmic.at(100) == pytest.approx(50)
    assert logarithmic.ticks() == [1, 10, 100, 1000, 10_000]


def test_scale_of_one_value_has_a_length() -> None:
    assert 0 < Scale.around([5.0], 100).at(5.0) < 100
