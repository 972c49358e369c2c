"""Series of Redfish snapshots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UnreadableError
from tests.formats.loggers.logs import (
    SECONDS,
    channels,
    energy_j,
    read,
    write,
)


@pytest.mark.parametrize(
    "body",
    [
        {"@odata.type": "#EnvironmentMetrics.v1_3_0", "Id": "E", "PowerWatts": {"Reading": 400}},
        {"@odata.type": "#Power.v1_5_0.Power", "PowerControl": [{"PowerConsumedWatts": 400}]},
        {"@odata.type": "#Sensor.v1_2_0", "Id": "P", "Reading": 400, "ReadingUnits": "W"},
    ],
)
def test_redfish_snapshots(body: dict[str, Any], tmp_path: Path) -> None:
    lines = [json.dumps({"time": f"2026-01-05T10:00:{s:02d}Z", "body": body}) for s in SECONDS]
    entry, run = read(write(tmp_path, "bmc.jsonl", "\n".join(lines)), "redfish")
    assert [(kind, boundary) for kind, boundary, _ in channels(run).values()] == [
        ("instant", "node")
    ]
    assert energy_j(entry) == pytest.approx(4000)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"@odata.type": "#PowerSubsystem.v1_1_0", "CapacityWatts": 4000}, "no measured power"),
        ({"@odata.type": "#Power.v1", "PowerControl": [{"PowerConsumedWatts": 4}]}, "no time"),
    ],
)
def test_redfish_that_is_no_series_of_measurements(
    body: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableError, match=message):
        read(write(tmp_path, "bmc.json", json.dumps(body)), "redfish")
