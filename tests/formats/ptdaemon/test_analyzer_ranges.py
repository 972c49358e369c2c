"""What the dialogue with an analyzer says of its ranges, where its log does not say them."""

from __future__ import annotations

from typing import Any

import pytest

from harness.formats.ptdaemon.analyzer import analyzer


def server(*requests: str, mode: str = "testing") -> dict[str, Any]:
    """Requests to a WT310E before the run, which begins with Go."""
    identity = "YOKOGAWA,WT310E,C2UA06027V,F1.01;version=1.10.0"
    messages = [{"cmd": "Identify", "reply": identity}]
    messages += [{"cmd": request, "reply": "ok"} for request in requests]
    messages.append({"cmd": f"Go,1000,0,2026-01-01_00-00-00_{mode}", "reply": "Starting"})
    return {"ptd_messages": messages}


@pytest.mark.parametrize(
    ("volts", "amps", "range_w"),
    [
        ("15", "0.5", 7.5),
        ("15.5", "0.5", 15.0),
        ("230", "2", 600.0),
        ("300.1", "1.1", 1200.0),
        ("600", "20", 12_000.0),
    ],
)
def test_a_request_sets_the_next_larger_range(volts: str, amps: str, range_w: float) -> None:
    found = analyzer(server(f"SR,V,{volts}", f"SR,A,{amps}"), b"", "testing")
    assert found.range_w == pytest.approx(range_w)


def test_the_last_request_before_the_run_counts() -> None:
    requests = ("SR,V,300", "SR,A,1", "SR,A,5")
    assert analyzer(server(*requests), b"", "testing").range_w == pytest.approx(1500.0)
    assert analyzer(server("SR,V,Auto", "SR,A,1"), b"", "testing").range_w is None
    assert analyzer(server("SR,V,2000", "SR,A,1"), b"", "testing").range_w is None
