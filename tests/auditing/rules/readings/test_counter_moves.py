"""counter-moves: a counter that stands still gives no energy."""

from __future__ import annotations

import json
from pathlib import Path

from tests.auditing.rules import builders as b

RULE = "counter-moves"
T = 1_767_608_200


def counter(path: Path, watts: float) -> Path:
    """Write a declared CSV of a counter, read once a second for three minutes."""
    header = {
        "schema_version": "1.0",
        "id": "pkg",
        "quantity": "energy",
        "unit": "J",
        "kind": "counter",
        "boundary": "package",
        "meter": "intel-rapl",
        "calibration_id": "rapl/1",
        "accuracy": {"reading_limit_pct": 5, "source": "tests"},
        "nominal_interval_s": 1,
        "clock": "system",
        "clock_error_s": 0.02,
        "run": {
            "submitter": "lab",
            "system": "one",
            "benchmark": "resize",
            "scenario": "Offline",
            "task": "inference",
            "window": {"start": "2026-01-05T10:17:00Z", "stop": "2026-01-05T10:19:00Z"},
            "work": {"count": 5000, "unit": "sample"},
            "success": True,
        },
    }
    rows = [f"{(T + second) * 10**9},{123.0 + watts * second}" for second in range(200)]
    path.write_text(f"# joulemark-trace: {json.dumps(header)}\nt_ns,energy_j\n" + "\n".join(rows))
    return path


def test_pass_a_counter_that_moves(tmp_path: Path) -> None:
    b.assert_pass(b.report(counter(tmp_path / "run.csv", 50.0)), RULE)


def test_fail_a_counter_that_stands_still(tmp_path: Path) -> None:
    report = b.report(counter(tmp_path / "run.csv", 0.0))
    b.assert_found(report, RULE, "fail", where="pkg", got="123 J in all", expected="moves")
    assert report.verdict == "invalid"
