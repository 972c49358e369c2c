"""What may be said of a ratio: "at least" only where the lower end of the interval is."""

from __future__ import annotations

import pytest

from harness.experiments.analysis import claim, control_claim, energy_name
from harness.uncertainty.estimate import Estimate


@pytest.mark.parametrize(
    ("low", "value", "high", "expected"),
    [
        (10.0, 12.0, 14.0, "at least 10 times the energy: 12 [10, 14]"),
        (9.99, 12.0, 14.0, "whether it is 10 times the energy is open: 12 [9.99, 14]"),
        (4.0, 6.0, 10.0, "whether it is 10 times the energy is open: 6 [4, 10]"),
        (4.0, 6.0, 9.99, "less than 10 times the energy: 6 [4, 9.99]"),
        (None, 12.0, None, "12 times the energy, without an interval: one run"),
        (None, None, None, "nothing can be said: one run"),
    ],
)
def test_claim(low: float | None, value: float | None, high: float | None, expected: str) -> None:
    ratio = Estimate(value, low, high, "1", note="one run")
    assert claim(ratio, 10.0, energy_name("sensor")) == expected


@pytest.mark.parametrize("measurement_class", ["modelled", "declared"])
def test_claim_names_an_energy_that_was_not_measured(measurement_class: str) -> None:
    for low in (4.0, 9.0, 11.0, None):
        ratio = Estimate(12.0, low, 14.0, "1", note="one run")
        assert f"times the {measurement_class} energy" in claim(
            ratio, 10.0, energy_name(measurement_class)
        )


@pytest.mark.parametrize(
    ("low", "value", "high", "expected"),
    [
        (0.8, 0.95, 1.25, "near 1: 0.95 [0.8, 1.25] times the energy; {limits}"),
        (
            0.5,
            0.6,
            0.79,
            "not near 1: 0.6 [0.5, 0.79] times the energy; {limits}",
        ),
        (1.3, 1.5, 1.7, "not near 1: 1.5 [1.3, 1.7] times the energy; {limits}"),
        (0.7, 0.9, 1.2, "whether it is near 1 is open: 0.9 [0.7, 1.2] times the energy; {limits}"),
        (None, 0.95, None, "0.95 times the energy, without an interval: one run"),
        (None, None, None, "nothing can be said: one run"),
    ],
)
def test_control_is_near_1_only_with_its_whole_interval(
    low: float | None, value: float | None, high: float | None, expected: str
) -> None:
    ratio = Estimate(value, low, high, "1", note="one run")
    text = expected.format(limits="0.8 to 1.25 was registered")
    assert control_claim(ratio, (0.8, 1.25), "energy") == text


def test_control_without_registered_limits_is_not_called_near_1() -> None:
    ratio = Estimate(1.0, 0.99, 1.01, "1")
    assert control_claim(ratio, None, "modelled energy") == (
        "1 [0.99, 1.01] times the modelled energy; what counts as near 1 was not registered"
    )
