"""Apply a calibration document to the channels of a meter.

What `joulemark calibrate` measured of a sensor stands above what its driver or map states: its lag,
its averaging window, its smallest step, and its limits of error. Readings stay what the meter said.
The gain enters the budget instead: the limits hold the measured deviation from the reference, what
the calibration leaves open of it, and the limits of the reference itself. So they may be narrower
than those of the driver, or wider. The channel cites the document by its hash.

A document beside an envelope that signs it counts only if both agree. Whose signature it is, a
public key says; without one the signature is not checked, which is noted.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.core.documents import parse_document
from harness.core.errors import SchemaError, UnreadableError, UsageError
from harness.core.files import MAX_DOCUMENT_BYTES, read_bytes
from harness.core.schemas import check
from harness.core.timestamps import NS, from_iso
from harness.signing import dsse
from harness.signing.keys import read_public
from harness.signing.trust import MAX_CLOCK_SKEW_NS
from harness.traces.channel import Accuracy, Channel

HEADER_FIELD = "calibration"
"""Field of a channel's header that cites the document."""
ENVELOPE_SUFFIX = ".dsse.json"
PAYLOAD_TYPE = "application/vnd.joulemark.calibration+json"
ESTIMATES = ("gain", "offset_w", "lag_s", "averaging_s")
LONGER = 1.5
"""A window that is so much longer than the time between readings is a moving mean."""
VALID_S = 366 * 86400
"""How long the limits of a calibration hold: a year, as manuals of analyzers say [s]."""
WRONG_READINGS = frozenset({"unit", "double-counting", "other-feed", "too-few-readings"})
"""Faults that leave a gain without meaning."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibration document.

    Attributes:
        sha256: Hash of its bytes.
        by_sensor: What it states of the channels of each sensor, by its calibration id.
        signature: `verified`, `not checked` (signed, but no key was named) or `none`.
        expired: Whether it is older than a year, or states no date: its gains are not applied.
    """

    sha256: str
    by_sensor: Mapping[str, Sequence[Mapping[str, Any]]]
    signature: str
    expired: bool

    def find(self, channel: Channel) -> Mapping[str, Any] | None:
        """Return what it states of a channel: of its name, or of the only one of its sensor."""
        items = self.by_sensor.get(channel.calibration_id, ())
        named = [item for item in items if item["id"] == channel.id]
        if named:
            return named[0]
        return items[0] if len(items) == 1 else None

    def remarks(self) -> list[str]:
        """Return what a user should know before the document is used."""
        remarks = []
        if self.signature == "none":
            remarks.append("it is not signed: calibrate --key signs it")
        if self.signature == "not checked":
            remarks.append("its signature is not checked: --calibration-key names the key")
        if self.expired:
            remarks.append("it is older than a year, or without a date, so its gains do not count")
        return remarks


def read_calibration(path: Path, key_file: str = "", now_ns: int | None = None) -> Calibration:
    """Read a calibration document, with the envelope beside it that signs it.

    Args:
        path: The document.
        key_file: File with the public key of who signed it; "" for none.
        now_ns: The present time [ns UTC]; None for that of the clock.

    Raises:
        JoulemarkError: It cannot be read, is not valid, lies in the future, or its signature is
            wrong or missing where a key was named.
    """
    content = read_bytes(path, limit=MAX_DOCUMENT_BYTES)
    document = parse_document("calibration", content, where=str(path))
    items: dict[str, list[Mapping[str, Any]]] = {}
    for item in document["meters"]:
        if "calibration_id" in item:
            items.setdefault(str(item["calibration_id"]), []).append(item)
    if not items:
        raise UsageError("states no sensor", where=str(path), expected="meters with calibration_id")
    return Calibration(
        sha256=hashlib.sha256(content).hexdigest(),
        by_sensor=items,
        signature=_signature(path, content, key_file),
        expired=_is_expired(path, document, time.time_ns() if now_ns is None else now_ns),
    )


def _signature(path: Path, content: bytes, key_file: str) -> str:
    """Return how a document is signed.

    Raises:
        JoulemarkError: The envelope is of other bytes, or not signed by the key.
    """
    envelope_path = path.with_name(path.stem + ENVELOPE_SUFFIX)
    if not envelope_path.is_file():
        if key_file:
            raise UnreadableError(
                "is not signed",
                where=str(path),
                expected=f"{envelope_path.name} beside it",
                fix="Sign it: joulemark calibrate --key; or leave out --calibration-key.",
            )
        return "none"
    limit = dsse.MAX_ENVELOPE_BYTES
    envelope = dsse.parse(read_bytes(envelope_path, limit=limit), where=str(envelope_path))
    if envelope.payload_type != PAYLOAD_TYPE or envelope.payload != content:
        raise SchemaError(
            "is not the document that was signed",
            where=str(path),
            expected=f"the bytes that {envelope_path.name} holds",
            fix="Take the document as it was written, or calibrate again.",
        )
    if not key_file:
        return "not checked"
    key = read_public(Path(key_file))
    if not any(dsse.is_signed_by(envelope, item, key) for item in envelope.signatures):
        raise SchemaError(
            "is not signed by this key",
            where=str(envelope_path),
            expected="a signature of the key that --calibration-key names",
            fix="Ask whoever calibrated for the public key.",
        )
    return "verified"


def _is_expired(path: Path, document: Mapping[str, Any], now_ns: int) -> bool:
    """Return whether a document is older than its limits hold.

    Raises:
        JoulemarkError: It is dated in the future, or states no date as a date.
    """
    created = document.get("created")
    if created is None:
        return True
    t_ns = from_iso(str(created), where=f"{path}: created")
    if t_ns > now_ns + MAX_CLOCK_SKEW_NS:
        raise SchemaError(
            "is dated in the future",
            where=str(path),
            got=str(created),
            fix="Set the clock of whichever machine is wrong.",
        )
    return now_ns - t_ns > VALID_S * NS


def calibrated(channels: Sequence[Channel], calibration: Calibration) -> list[Channel]:
    """Return channels with what was measured of their sensors; others stay as they are.

    Raises:
        SchemaError: A channel would be none that a trace may have.
    """
    applied = [_calibrated(channel, calibration) for channel in channels]
    for channel in applied:  # before a run, not when its readings are to be stored
        check("power-trace", channel.header(), where=f"calibrated channel {channel.id}")
    return applied


def _calibrated(channel: Channel, calibration: Calibration) -> Channel:
    item = calibration.find(channel)
    if item is None:
        return channel
    lag_s, averaging_s = _value(item, "lag_s"), _value(item, "averaging_s")
    between_s = item.get("refresh_s") or channel.nominal_interval_s or 0.0
    is_moving = averaging_s is not None and averaging_s > LONGER * between_s
    estimates = {name: item[name] for name in ESTIMATES if name in item}
    accuracy = None if calibration.expired else _limits(channel, item)
    cited = {
        "sha256": calibration.sha256,
        "reference": item["reference"],
        **estimates,
        "faults": [fault["code"] for fault in item["faults"]],
        "signature": calibration.signature,
        "expired": calibration.expired,
        "limits_applied": accuracy is not None,
    }
    return replace(
        channel,
        accuracy=accuracy or channel.accuracy,
        stamp_lag_s=channel.stamp_lag_s if lag_s is None else lag_s,
        averaging_s=averaging_s if is_moving else channel.averaging_s,
        resolution=item.get("quantum") or channel.resolution,
        extra={**channel.extra, HEADER_FIELD: cited},
    )


def _limits(channel: Channel, item: Mapping[str, Any]) -> Accuracy | None:
    """Return the limits of error that a calibration shows; None where it shows none.

    With readings y = o + g R of a reference R, and R = T (1 + r) + s of the truth T, the largest
    deviation of y from T is |g - 1| T + g r T + |o| + g s, with the ends of the intervals that lie
    farther off.
    """
    reference = item.get("reference_accuracy")
    gain, offset_w = item.get("gain"), item.get("offset_w")
    if not (isinstance(reference, Mapping) and _is_whole(gain) and _is_whole(offset_w)):
        return None
    assert isinstance(gain, Mapping)
    assert isinstance(offset_w, Mapping)
    if WRONG_READINGS & {fault["code"] for fault in item["faults"]}:
        return None
    largest_gain = max(abs(gain["low"]), abs(gain["high"]))
    deviation = max(abs(gain["low"] - 1), abs(gain["high"] - 1))
    largest_offset_w = max(abs(offset_w["low"]), abs(offset_w["high"]))
    reading_limit = deviation + largest_gain * reference["gain_mpe"]
    return replace(
        channel.accuracy,
        reading_limit_pct=100 * reading_limit,
        range_limit_w=largest_offset_w + largest_gain * reference["offset_mpe_w"],
        power_factor_limit_pct=0.0,
        source=f"calibrated against {item['reference']}: gain {gain['value']:.4g} "
        f"[{gain['low']:.4g}, {gain['high']:.4g}], offset {offset_w['value']:.3g} W",
        assumed=bool(reference.get("assumed", False)),
    )


def _is_whole(estimate: object) -> bool:
    """Return whether an estimate has a value and both ends."""
    if not isinstance(estimate, Mapping):
        return False
    return all(estimate.get(name) is not None for name in ("value", "low", "high"))


def _value(item: Mapping[str, Any], name: str) -> float | None:
    estimate = item.get(name)
    value = estimate.get("value") if isinstance(estimate, Mapping) else None
    return None if value is None else float(value)
