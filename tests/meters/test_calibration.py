"""A calibration document is applied to the channels whose sensors it states."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import JoulemarkError, SchemaError
from harness.core.timestamps import NS, to_iso
from harness.meters import parse
from harness.meters.calibration import (
    HEADER_FIELD,
    PAYLOAD_TYPE,
    VALID_S,
    calibrated,
    read_calibration,
)
from harness.meters.sampler_process import MeterRequest, SamplerGroup
from harness.signing import dsse, keys
from harness.traces.channel import Channel
from harness.traces.journal.reader import read_samples


def estimate(value: float | None) -> dict[str, Any]:
    return {"value": value, "low": value, "high": value, "level": 0.95, "unit": "s"}


NOW_NS = 1_800_000_000 * NS
DAY_S = 86400


def document(folder: Path, sensor: str, age_s: float = DAY_S, **stated: Any) -> Path:
    item = {"id": "x", "calibration_id": sensor, "reference": "wall", "faults": [], **stated}
    path = folder / "calibration.json"
    created = to_iso(NOW_NS - round(age_s * NS))
    content = {"schema_version": "1.0", "created": created, "reference": "wall", "meters": [item]}
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
    first, second = calibrated(channels, read_calibration(path, now_ns=NOW_NS))
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
    (first,) = calibrated(
        [channel("mean", calibration_id="sensor-1")], read_calibration(path, now_ns=NOW_NS)
    )
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
    age_s = (NOW_NS - time.time_ns()) / NS + DAY_S
    path = document(tmp_path, sensor, age_s, lag_s=estimate(0.25))
    request = MeterRequest(meter, 0.05, calibration=str(path))
    with SamplerGroup([request], tmp_path / "second") as samplers:
        samplers.wait(0.2)
    (trace,) = read_samples(tmp_path / "second" / "estimator.csv").traces
    assert trace.channel.stamp_lag_s == 0.25
    assert HEADER_FIELD in trace.channel.extra


LIMITS = {"gain_mpe": 0.001, "offset_mpe_w": 0.5}
GAIN = {"value": 1.02, "low": 1.01, "high": 1.03, "level": 0.95, "unit": "1"}
OFFSET = {"value": -1.0, "low": -2.0, "high": 0.0, "level": 0.95, "unit": "W"}
WHOLE = {"gain": GAIN, "offset_w": OFFSET, "reference_accuracy": LIMITS}


def test_the_limits_hold_the_gain_and_those_of_the_reference(
    tmp_path: Path, channel: Callable[..., Channel]
) -> None:
    path = document(tmp_path, "sensor-1", **WHOLE)
    (first,) = calibrated(
        [channel("mean", calibration_id="sensor-1")], read_calibration(path, now_ns=NOW_NS)
    )
    assert first.accuracy.gain_mpe == pytest.approx(0.03 + 1.03 * 0.001)
    assert first.accuracy.range_limit_w == pytest.approx(2.0 + 1.03 * 0.5)
    assert first.accuracy.source.startswith("calibrated against wall: gain 1.02 [1.01, 1.03]")
    assert first.extra[HEADER_FIELD]["limits_applied"] is True


@pytest.mark.parametrize(
    "stated",
    [
        {"age_s": VALID_S + DAY_S},
        {"reference_accuracy": None},
        {"gain": estimate(None)},
        {"faults": [{"code": "unit", "message": "m"}]},
    ],
)
def test_a_gain_that_means_nothing_changes_no_limit(
    stated: dict[str, Any], tmp_path: Path, channel: Callable[..., Channel]
) -> None:
    fields = {**WHOLE, **stated}
    if fields["reference_accuracy"] is None:
        del fields["reference_accuracy"]
    path = document(tmp_path, "sensor-1", **fields)
    before = channel("mean", calibration_id="sensor-1")
    (after,) = calibrated([before], read_calibration(path, now_ns=NOW_NS))
    assert after.accuracy == before.accuracy
    assert after.extra[HEADER_FIELD]["limits_applied"] is False


@pytest.fixture(scope="module")
def key_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[keys.KeyFiles, keys.KeyFiles]:
    folder = tmp_path_factory.mktemp("keys")
    return keys.generate(folder, "lab"), keys.generate(folder, "other")


def signed(folder: Path, key_files: keys.KeyFiles) -> Path:
    path = document(folder, "sensor-1")
    key = keys.read_private(key_files.private, lambda: b"")
    envelope = dsse.sign(PAYLOAD_TYPE, path.read_bytes(), key)
    path.with_name("calibration.dsse.json").write_bytes(dsse.dump(envelope))
    return path


def test_the_signature_is_verified_where_a_key_is_named(
    tmp_path: Path, key_files: tuple[keys.KeyFiles, keys.KeyFiles]
) -> None:
    lab, other = key_files
    path = signed(tmp_path, lab)
    verified = read_calibration(path, str(lab.public), NOW_NS)
    assert (verified.signature, verified.remarks()) == ("verified", [])
    unchecked = read_calibration(path, now_ns=NOW_NS)
    assert unchecked.signature == "not checked"
    assert unchecked.remarks() == ["its signature is not checked: --calibration-key names the key"]
    with pytest.raises(JoulemarkError, match="is not signed by this key"):
        read_calibration(path, str(other.public), NOW_NS)
    with pytest.raises(JoulemarkError, match="is no public key"):
        read_calibration(path, str(path), NOW_NS)


def test_a_document_that_was_changed_is_refused_even_without_a_key(
    tmp_path: Path, key_files: tuple[keys.KeyFiles, keys.KeyFiles]
) -> None:
    path = signed(tmp_path, key_files[0])
    path.write_text(path.read_text().replace("sensor-1", "sensor-2"))
    with pytest.raises(JoulemarkError, match="is not the document that was signed"):
        read_calibration(path, now_ns=NOW_NS)


def test_what_is_unsigned_or_old_is_said(
    tmp_path: Path, key_files: tuple[keys.KeyFiles, keys.KeyFiles]
) -> None:
    path = document(tmp_path, "sensor-1", age_s=VALID_S + DAY_S)
    old = read_calibration(path, now_ns=NOW_NS)
    assert [text.split(":")[0].split(",")[0] for text in old.remarks()] == [
        "it is not signed",
        "it is older than a year",
    ]
    with pytest.raises(JoulemarkError, match="is not signed"):
        read_calibration(path, str(key_files[0].public), NOW_NS)


def test_a_document_of_the_future_is_refused(tmp_path: Path) -> None:
    path = document(tmp_path, "sensor-1", age_s=-DAY_S)
    with pytest.raises(JoulemarkError, match="is dated in the future"):
        read_calibration(path, now_ns=NOW_NS)


@pytest.mark.parametrize(
    "stated",
    [
        {"lag_s": estimate(1e308)},
        {"lag_s": estimate(-3601.0)},
        {"lag_s": estimate(3601.0)},
        {"averaging_s": estimate(1e300)},
        {"quantum": -1.0},
        {"quantum": 1e300},
    ],
)
def test_fail_before_a_run_what_no_trace_may_have(
    stated: dict[str, Any], tmp_path: Path, channel: Callable[..., Channel]
) -> None:
    calibration = read_calibration(document(tmp_path, "s", **stated), now_ns=NOW_NS)
    with pytest.raises(SchemaError, match="is not a valid power-trace document"):
        calibrated([channel("instant", calibration_id="s")], calibration)
