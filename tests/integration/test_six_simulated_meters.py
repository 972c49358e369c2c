"""Six network meters on one machine, in simulated time: each interval holds the one truth."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.laboratory.network import HIGH, LOW, METERS, outcomes

FEW, MANY = 12, 500


def test_the_intervals_of_six_meters_hold_the_truth() -> None:
    """A short form of the table that `python -m benchmarks.laboratory.network` prints."""
    found = outcomes(FEW)
    assert found.keys() == {meter.name for meter in METERS}
    held = np.mean([outcome.coverage for outcome in found.values()])
    assert held >= 0.9
    for outcome in found.values():
        assert len(outcome.held) == FEW
        assert np.mean(outcome.widths) < 0.12
        assert abs(np.mean(outcome.errors)) < 0.03
    for analyzer in ("scpi", "ptdaemon"):
        assert np.mean(found[analyzer].widths) < 0.005, "their ranges are known"


@pytest.mark.long
def test_the_coverage_of_each_meter_meets_its_bar() -> None:
    error = np.sqrt(0.05 * 0.95 / MANY)
    for name, outcome in outcomes(MANY).items():
        assert LOW - error <= outcome.coverage <= HIGH + error, name
