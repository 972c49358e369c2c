"""Apply a calibration document to the channels of a meter.

What `joulemark calibrate` measured of a sensor stands above what its driver or map states: its lag,
its averaging window and its smallest step. The gain is not applied, because it is relative to a
reference that has errors of its own; the channel cites it, with the hash of the document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.core.documents import parse_document
from harness.core.errors import UsageError
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes
from harness.traces.channel import Channel

HEADER_FIELD = "calibration"
"""Field of a channel's header that cites the document."""
ESTIMATES = ("gain", "offset_w", "lag_s", "averaging_s")
LONGER = 1.5
"""A window that is so much longer than the time between readings is a moving mean."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration document.

    Attributes:
        sha256: Hash of its bytes.
        by_sensor: What it states of each sensor, by its calibration id.
    """

    sha256: str
    by_sensor: Mapping[str, Mapping[str, Any]]


def read_calibration(path: Path) -> Calibration:
    """Read a calibration document.

    Raises:
        JoulemarkError: It cannot be read, or is not valid.
    """
    content = read_bytes(path, limit=MAX_DOCUMENT_BYTES)
    document = parse_document("calibration", content, where=str(path))
    items = {
        str(item["calibration_id"]): item for item in document["meters"] if "calibration_id" in item
    }
    if not items:
        raise UsageError("states no sensor", where=str(path), expected="meters with calibration_id")
    return Calibration(hashlib.sha256(content).hexdigest(), items)


def calibrated(channels: Sequence[Channel], calibration: Calibration) -> list[Channel]:
    """Return channels with what was measured of their sensors; others stay as they are."""
    return [_calibrated(channel, calibration) for channel in channels]


def _calibrated(channel: Channel, calibration: Calibration) -> Channel:
    item = calibration.by_sensor.get(channel.calibration_id)
    if item is None:
        return channel
    lag_s, averaging_s = _value(item, "lag_s"), _value(item, "averaging_s")
    between_s = item.get("refresh_s") or channel.nominal_interval_s or 0.0
    is_moving = averaging_s is not None and averaging_s > LONGER * between_s
    estimates = {name: item[name] for name in ESTIMATES if name in item}
    cited = {
        "sha256": calibration.sha256,
        "reference": item["reference"],
        **estimates,
        "faults": [fault["code"] for fault in item["faults"]],
    }
    return replace(
        channel,
        stamp_lag_s=channel.stamp_lag_s if lag_s is None else lag_s,
        averaging_s=averaging_s if is_moving else channel.averaging_s,
        resolution=item.get("quantum") or channel.resolution,
        extra={**channel.extra, HEADER_FIELD: cited},
    )


def _value(item: Mapping[str, Any], name: str) -> float | None:
    estimate = item.get(name)
    value = estimate.get("value") if isinstance(estimate, Mapping) else None
    return None if value is None else float(value)
