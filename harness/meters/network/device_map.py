"""Maps of network devices: which numbers a device holds, where, and what they mean.

A map is a YAML document of the schema `meter-map`. Those of common devices lie in `maps/`, and a
user's own has the same form: `--meter modbus:host=meter.lab,map=mine.yaml`.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from harness.core.documents import MAX_YAML_BYTES, parse_document
from harness.core.errors import JoulemarkError, SchemaError, UsageError, shorten
from harness.core.files import read_bytes
from harness.core.patterns import ends_soon
from harness.core.schemas import schema
from harness.core.suggestions import unknown_name
from harness.traces.channel import Accuracy, Kind
from harness.traces.instruments import UNKNOWN_SENSOR, instrument

MAPS = Path(__file__).with_name("maps")
MAX_DEVICE_TEXT_CHARS = 10_000
"""A pattern of a map is held against texts of about this length."""


@dataclass(frozen=True, slots=True)
class MapChannel:
    """One quantity that a device measures.

    Attributes:
        id: Name of the channel.
        quantity: power or energy.
        read: Where the number is, in the terms of the protocol.
        scale: Factor that turns the number into W or J.
        kind: What a number is.
        boundary: Where it is measured.
        part_of: Id of the channel that contains it; "" for none.
        current: ac, dc or unknown.
        refresh_s: Time between two updates in the device [s].
        averaging_s: Length of the mean that a number is [s]; None where it is not longer.
        lag_s: How late a number is on average [s].
        quantum: Smallest step [W or J]; None where unknown.
        modulus_j: Value at which a counter starts again at 0 [J].
        error_values: Numbers that mean "no value", before scaling.
        instrument: Id in the table of instruments.
        accuracy: Limits of error.
    """

    id: str
    quantity: Literal["power", "energy"]
    read: Mapping[str, Any]
    scale: float
    kind: Kind
    boundary: str
    part_of: str
    current: Literal["ac", "dc", "unknown"]
    refresh_s: float
    averaging_s: float | None
    lag_s: float
    quantum: float | None
    modulus_j: float | None
    error_values: frozenset[float]
    instrument: str
    accuracy: Accuracy

    @staticmethod
    def from_document(item: Mapping[str, Any]) -> MapChannel:
        """Return a channel of a valid map."""
        kind: Kind = item["kind"]
        table_row = instrument(item.get("instrument", UNKNOWN_SENSOR))
        limits = item.get("accuracy")
        return MapChannel(
            id=item["id"],
            quantity=item.get("quantity", "energy" if kind == "counter" else "power"),
            read=item["read"],
            scale=float(item.get("scale", 1.0)),
            kind=kind,
            boundary=item["boundary"],
            part_of=item.get("part_of", ""),
            current=item.get("current", "unknown"),
            refresh_s=float(item["refresh_s"]),
            averaging_s=item.get("averaging_s"),
            lag_s=float(item.get("lag_s", 0.0)),
            quantum=item.get("quantum"),
            modulus_j=item.get("modulus"),
            error_values=frozenset(float(value) for value in item.get("error_values", ())),
            instrument=table_row.id,
            accuracy=Accuracy(**limits) if limits else table_row.accuracy(),
        )


@dataclass(frozen=True, slots=True)
class DeviceMap:
    """The map of one kind of device.

    Attributes:
        name: Its name.
        protocol: Name of the meter that reads it.
        title: Which devices it describes.
        source: Documents that it was written from.
        detect: Where a device states what it is, in the terms of the protocol; None where unknown.
        matches: What that text contains.
        setup: Commands that are sent once before reading.
        wiring: Query of how the elements of an analyzer are wired; "" where it has one.
        ranges: Queries of the voltage range and the current range in use; empty where unknown.
        channels: What the device measures.
        sha256: Hash of the document.
    """

    name: str
    protocol: str
    title: str
    source: str
    detect: Mapping[str, Any] | None
    matches: re.Pattern[str] | None
    setup: Sequence[str]
    wiring: str
    ranges: Sequence[str]
    channels: Sequence[MapChannel]
    sha256: str


@functools.cache
def built_in_maps(protocol: str) -> dict[str, DeviceMap]:
    """Return the maps that ship for a protocol, by name."""
    maps = [read_map(path) for path in sorted(MAPS.glob(f"{protocol}-*.yaml"))]
    return {item.name: item for item in maps if item.protocol == protocol}


def read_map(path: Path) -> DeviceMap:
    """Read a map from a file.

    Raises:
        JoulemarkError: It is not a valid map.
    """
    content = read_bytes(path, limit=MAX_YAML_BYTES)
    document = parse_document("meter-map", content, where=str(path), as_yaml=True)
    try:
        _refuse_unknown(document)
        return _device_map(document, hashlib.sha256(content).hexdigest())
    except JoulemarkError as error:
        raise SchemaError(
            error.message, where=f"{path}{error.where}", got=error.got, expected=error.expected
        ) from None


def _refuse_unknown(document: Mapping[str, Any]) -> None:
    """Raise SchemaError for a field that no map has: a misspelt one would be passed over."""
    fields = schema("meter-map")["properties"]
    protocol = document["protocol"]
    cases = {
        case["if"]["properties"]["protocol"]["const"]: case["then"]["properties"]["channels"]
        for case in schema("meter-map")["allOf"]
    }
    places = cases[protocol]["items"]["properties"]["read"]["properties"]
    _only_known(document, fields, "#")
    for number, item in enumerate(document["channels"]):
        where = f"#/channels/{number}"
        _only_known(item, fields["channels"]["items"]["properties"], where)
        _only_known(item["read"], places, f"{where}/read")
        if protocol == "prometheus" and len({"query", "expression"} & item["read"].keys()) != 1:
            raise SchemaError(
                "reads no series, or two", where=f"{where}/read", expected="query or expression"
            )


def _only_known(item: Mapping[str, Any], fields: Mapping[str, Any], where: str) -> None:
    unknown = sorted(item.keys() - fields.keys())
    if unknown:
        raise SchemaError(
            "is no field of a map",
            where=f"{where}/{unknown[0]}",
            got=unknown[0],
            expected=", ".join(fields),
        )


def _device_map(document: Mapping[str, Any], sha256: str) -> DeviceMap:
    channels = [MapChannel.from_document(item) for item in document["channels"]]
    _check_channels(channels)
    detect = document.get("detect") or {}
    return DeviceMap(
        name=document["name"],
        protocol=document["protocol"],
        title=document["title"],
        source=document["source"],
        detect=detect.get("read"),
        matches=_pattern(detect.get("matches")),
        setup=tuple(document.get("setup", ())),
        wiring=document.get("wiring", ""),
        ranges=tuple(document.get("ranges", ())),
        channels=channels,
        sha256=sha256,
    )


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    _check_pattern(text, "#/detect/matches")
    return re.compile(text)


def _check_pattern(text: str, where: str) -> None:
    """Raise SchemaError for an expression that is none, or may take for ever."""
    if not ends_soon(text, MAX_DEVICE_TEXT_CHARS):
        raise SchemaError(
            "is not a regular expression that ends soon",
            where=where,
            got=shorten(text, 80),
            expected="at most one repeat without an end, and few alternatives",
        )


def _check_channels(channels: Sequence[MapChannel]) -> None:
    """Check what a schema cannot: unique ids, parents that exist, units that fit.

    Raises:
        SchemaError: Names the first fault.
    """
    ids = [channel.id for channel in channels]
    for number, channel in enumerate(channels):
        where = f"#/channels/{number}"
        if "rows" in channel.read:
            _check_pattern(str(channel.read["rows"]), f"{where}/read/rows")
        if ids.index(channel.id) != number:
            raise SchemaError("is there twice", where=f"{where}/id", got=channel.id)
        if channel.part_of and (channel.part_of not in ids or channel.part_of == channel.id):
            raise SchemaError(
                "names no other channel", where=f"{where}/part_of", got=channel.part_of
            )
        if (channel.kind == "counter") != (channel.quantity == "energy"):
            raise SchemaError(
                "does not fit the kind",
                where=f"{where}/quantity",
                got=f"{channel.quantity} of kind {channel.kind}",
                expected="energy for a counter, power for every other kind",
            )


def find_map(meter: str, device: str, path: str) -> DeviceMap | None:
    """Return the map that the options `device` and `map` name, or None if both are empty.

    Raises:
        JoulemarkError: Both are given, or there is no such map.
    """
    if device and path:
        raise UsageError(
            "takes one map", where=meter, got="device and map", expected="one of the two"
        )
    if path:
        own_map = read_map(Path(path))
        if own_map.protocol != meter:
            raise SchemaError(
                "is a map of another protocol",
                where=f"{path}#/protocol",
                got=own_map.protocol,
                expected=meter,
            )
        return own_map
    if not device:
        return None
    maps = built_in_maps(meter)
    if device not in maps:
        raise unknown_name(
            "no such device",
            device,
            maps,
            where=f"{meter}:device",
            fix="A device of your own needs a map: map=FILE.yaml.",
        )
    return maps[device]
