"""What may be said of a ratio: "at least" only where the lower end of the interval is."""

from __future__ import annotations

import pytest

from harness.experiments.analysis import claim
from harness.uncertainty.estimate import Estimate


@pytest.mark.parametrize(
    ("low", "value", "high", "expected"),
    [
        (10.0, 12.0, 14.0, "at least 10 times: 12 [10, 14]"),
        (9.99, 12.0, 14.0, "whether it is 10 times is open: 12 [9.99, 14]"),
        (4.0, 6.0, 10.0, "whether it is 10 times is open: 6 [4, 10]"),
        (4.0, 6.0, 9.99, "less than 10 times: 6 [4, 9.99]"),
        (None, 12.0, None, "12 times, without an interval: one run"),
        (None, None, None, "nothing can be said: one run"),
    ],
)
def test_claim(low: float | None, value: float | None, high: float | None, expected: str) -> None:
    assert claim(Estimate(value, low, high, "1", note="one run"), 10.0) == expected
