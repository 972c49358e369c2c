"""lag-plausible: a stated lag is one that calibration, meter and readings bear out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.formats.base import Entry
from tests.auditing.rules import builders as b

RULE = "lag-plausible"
BUSY = slice(40, 160)


def lagging(lag_s: float | None, shown_s: int = 0, **channel: Any) -> Entry:
    """Two minutes of load between rest, which the readings show late by `shown_s`."""
    watts = np.full(200, 50.0)
    watts[BUSY.start + shown_s : BUSY.stop + shown_s] = 250.0
    trace = b.trace(range(200), watts)
    changed = replace(trace.channel, stamp_lag_s=lag_s, **channel)
    return b.entry(
        b.run(replace(trace, channel=changed), window=b.window(BUSY.start - 1, BUSY.stop - 1))
    )


def calibrated(low: float, high: float) -> dict[str, Any]:
    return {"calibration": {"lag_s": {"value": (low + high) / 2, "low": low, "high": high}}}


@pytest.mark.parametrize("lag_s", [None, 0.0, 0.5])
def test_pass_no_lag_or_a_short_one(lag_s: float | None) -> None:
    b.assert_pass(b.judge(lagging(lag_s)), RULE)


def test_pass_the_lag_that_a_calibration_shows_and_the_readings_too() -> None:
    b.assert_pass(b.judge(lagging(6.0, shown_s=6, extra=calibrated(5.5, 6.5))), RULE)


def test_pass_a_lag_within_the_averaging_of_the_meter() -> None:
    b.assert_pass(b.judge(lagging(8.0, shown_s=8, averaging_s=16.0)), RULE)


def test_warn_a_lag_outside_its_calibration() -> None:
    found = b.judge(lagging(6.0, shown_s=6, extra=calibrated(0.1, 0.3)))
    b.assert_found(found, RULE, "warn", where="total", got="6 s", expected="0.1 to 0.3")


def test_warn_a_lag_that_nothing_shows() -> None:
    found = b.judge(lagging(6.0, shown_s=6))
    b.assert_found(found, RULE, "warn", where="total", got="no calibration", expected="at most 2")


def test_warn_a_lag_that_moves_the_window_off_the_load() -> None:
    found = b.judge(lagging(6.0, extra=calibrated(5.5, 6.5)))
    b.assert_found(
        found, RULE, "warn", where="total", got="6 s before", expected="moved by the lag"
    )


@pytest.mark.parametrize("cited", [7, {}, {"lag_s": 3}, {"lag_s": {"low": [], "high": None}}])
def test_warn_a_citation_that_states_no_interval_shows_nothing(cited: object) -> None:
    found = b.judge(lagging(6.0, shown_s=6, extra={"calibration": cited}))
    b.assert_found(found, RULE, "warn", where="total", got="no calibration", expected="at most 2")
