"""A calibration document is applied to the channels whose sensors it states."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import JoulemarkError
from harness.meters import parse
from harness.meters.calibration import HEADER_FIELD, calibrated, read_calibration
from harness.meters.sampler_process import MeterRequest, SamplerGroup
from harness.traces.channel import Channel
from harness.traces.journal.reader import read_samples


def estimate(value: float | None) -> dict[str, Any]:
    return {"value": value, "low": value, "high": value, "level": 0.95, "unit": "s"}


def document(folder: Path, sensor: str, **stated: Any) -> Path:
    item = {"id": "x", "calibration_id": sensor, "reference": "wall", "faults": [], **stated}
    path = folder / "calibration.json"
    content = {"schema_version": "1.0", "reference": "wall", "meters": [item]}
    path.write_text(json.dumps(content))
    return path


def test_lag_averaging_and_quantum_are_taken(
    tmp_path: Path, channel: Callable[..., Channel]
) -> None:
    stated = {
        "lag_s": estimate(30.5),
        "averaging_s": estimate(60.0),
        "gain": estimate(1.02),
        "quantum": 2.0,
        "refresh_s": 1.0,
        "faults": [{"code": "one-minute-means", "message": "m"}],
    }
    path = document(tmp_path, "sensor-1", **stated)
    channels = [channel("instant", calibration_id=id_) for id_ in ("sensor-1", "sensor-2")]
    first, second = calibrated(channels, read_calibration(path))
    assert (first.stamp_lag_s, first.averaging_s, first.resolution) == (30.5, 60.0, 2.0)
    cited = first.extra[HEADER_FIELD]
    assert cited["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert cited["gain"]["value"] == 1.02
    assert cited["faults"] == ["one-minute-means"]
    assert second == channels[1]


def test_a_window_as_long_as_the_interval_is_no_moving_mean(
    tmp_path: Path, channel: Callable[..., Channel]
) -> None:
    path = document(
        tmp_path, "sensor-1", lag_s=estimate(-0.1), averaging_s=estimate(1.1), refresh_s=1.0
    )
    (first,) = calibrated([channel("mean", calibration_id="sensor-1")], read_calibration(path))
    assert (first.stamp_lag_s, first.averaging_s) == (-0.1, None)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema_version": "1.0", "reference": "x", "meters": []}']
)
def test_what_is_no_calibration_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(content)
    with pytest.raises(JoulemarkError, match="calibration"):
        read_calibration(path)


def test_the_journal_of_a_run_cites_it(tmp_path: Path) -> None:
    meter = parse("estimator:idle_w=10,busy_w=20")
    with SamplerGroup([MeterRequest(meter, 0.05)], tmp_path / "first") as samplers:
        sensor = samplers.channels[0].calibration_id
    path = document(tmp_path, sensor, lag_s=estimate(0.25))
    request = MeterRequest(meter, 0.05, calibration=str(path))
    with SamplerGroup([request], tmp_path / "second") as samplers:
        samplers.wait(0.2)
    (trace,) = read_samples(tmp_path / "second" / "estimator.csv").traces
    assert trace.channel.stamp_lag_s == 0.25
    assert HEADER_FIELD in trace.channel.extra
