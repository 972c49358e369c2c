"""What the PTDaemon says of an analyzer: its calibration, and the uncertainty of a session."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from harness.formats.ptdaemon.analyzer import (
    analyzer,
    calibration_age_months,
    calibration_date,
)


@pytest.mark.parametrize(
    ("identity", "found"),
    [
        ("WT310,mode=power,no_cal_date,YOKOGAWA;WT310;C2PB;F1.03", None),
        ("WT310,mode=power,cal_date=2024-03-01,YOKOGAWA;WT310;C2PB;F1.03", date(2024, 3, 1)),
        ("WT310,mode=power,2024-03-01,YOKOGAWA;WT310;C2PB;F1.03", date(2024, 3, 1)),
        ("WT310,mode=power,cal_date=2024-13-01,YOKOGAWA;WT310;C2PB;F1.03", None),
        ("", None),
    ],
)
def test_calibration_date_is_read_where_it_is_stated(identity: str, found: date | None) -> None:
    assert calibration_date(identity) == found


def test_age_counts_from_the_calibration_to_the_session() -> None:
    session_ns = 1_717_200_000 * 10**9  # 1 June 2024
    assert calibration_age_months(date(2023, 6, 1), session_ns) == pytest.approx(12, abs=0.1)
    assert calibration_age_months(date(2025, 1, 1), session_ns) is None  # later than the session
    assert calibration_age_months(None, session_ns) is None


def test_the_uncertainty_is_that_of_the_mode() -> None:
    messages: list[dict[str, Any]] = [
        {"cmd": "Go,1000,0,session_ranging", "reply": ""},
        {"cmd": "Uncertainty", "reply": "Uncertainty,0.005,0.004,0.006,10,0,10,0"},
        {"cmd": "Go,1000,0,session_testing", "reply": ""},
        {"cmd": "Uncertainty", "reply": "Uncertainty,0.002,0.001,0.003,10,0,10,0"},
    ]
    server = {"ptd_messages": messages}
    assert analyzer(server, b"", "testing").stated_limit_pct == pytest.approx(0.2)
    assert analyzer(server, b"", "ranging").stated_limit_pct == pytest.approx(0.5)
