"""Read a series of Redfish snapshots: JSON documents that a BMC answers.

The file holds one JSON document a line, or a list of them. Each is a resource, or an object
``{"time": "2026-01-05T10:00:00Z", "body": {...}}`` around one, since most resources state no time.
What is read, in this order:

- ``EnvironmentMetrics``: ``PowerWatts.Reading``
- ``Power``: ``PowerControl[].PowerConsumedWatts``
- ``Sensor`` in watts: ``Reading``, with its own ``ReadingTime``

Capacities, allocations and limits are no measurements and are refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.core.documents import parse_json
from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.numbers import stated_number
from harness.core.timestamps import from_iso
from harness.formats.power_log.cells import missing
from harness.formats.power_log.log import About, Column, PowerLog
from harness.formats.power_log.reader import LoggerFormat

METER = "bmc-redfish"
TIME_FIELDS = ("time", "timestamp", "Date", "ReadingTime", "DateTime")
BODY_FIELDS = ("body", "response", "resource")
NO_MEASUREMENTS = ("CapacityWatts", "AllocatedWatts", "PowerCapacityWatts", "PowerLimitWatts")
MAX_SNAPSHOTS = 1_000_000


class Redfish(LoggerFormat):
    """Reader of a series of Redfish snapshots."""

    name = "redfish"
    suffixes = (".json", ".jsonl", ".ndjson")

    def recognises(self, head: str) -> bool:
        """Tell by the type of a Redfish resource about power."""
        is_redfish = '"@odata.' in head
        return is_redfish and any(
            word in head
            for word in (
                "PowerWatts",
                "PowerConsumedWatts",
                "PowerSubsystem",
                "Power.v1",
                "Watts",
                "ReadingUnits",
            )
        )

    def parse(self, text: str, about: About, where: str) -> PowerLog:  # noqa: ARG002
        """Read a column for each resource."""
        columns: dict[str, Column] = {}
        for snapshot in _snapshots(text, where):
            body = next(
                (snapshot[name] for name in BODY_FIELDS if isinstance(snapshot.get(name), dict)),
                snapshot,
            )
            t_ns = _time_ns(snapshot, body)
            readings = list(_readings(body))
            if not readings:
                _refuse(body, where)
            if readings and not t_ns:
                raise missing(
                    where,
                    "time",
                    '{"time": "2026-01-05T10:00:00Z", "body": {...}} for each snapshot',
                    "Write the time beside each snapshot when it is fetched.",
                )
            for name, value in readings:
                column = columns.setdefault(name, Column(name, "instant", "node", METER))
                number = None if isinstance(value, str) else stated_number(value)
                column.add(t_ns, number, shorten(value, 40))
        if any(len(column.values) < 2 for column in columns.values()):
            raise missing(
                where,
                "course of time: it holds one snapshot",
                "one snapshot a line",
                "Fetch again.",
            )
        return PowerLog(columns=list(columns.values()))


def _snapshots(text: str, where: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a JSON text, a JSON list, or JSON lines."""
    try:
        documents = parse_json(text.encode(), where=where)
    except JoulemarkError:
        lines = [line for line in text.splitlines() if line.strip()][:MAX_SNAPSHOTS]
        documents = [parse_json(line.encode(), where=where) for line in lines]
    for document in documents if isinstance(documents, list) else [documents]:
        if isinstance(document, dict):
            yield document


def _time_ns(snapshot: Mapping[str, Any], body: Mapping[str, Any]) -> int:
    for source in (snapshot, body):
        for name in TIME_FIELDS:
            if isinstance(source.get(name), str):
                try:
                    return from_iso(source[name])
                except JoulemarkError:
                    continue
    return 0


def _readings(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield name and power [W] of what a resource measures."""
    metrics = body.get("PowerWatts")
    if isinstance(metrics, dict) and "Reading" in metrics:
        yield str(body.get("Id", "system")).lower(), metrics["Reading"]
        return
    controls = body.get("PowerControl")
    if isinstance(controls, list):
        for number, control in enumerate(controls):
            if isinstance(control, dict) and "PowerConsumedWatts" in control:
                name = str(control.get("MemberId", number)).lower()
                yield f"control-{name}", control["PowerConsumedWatts"]
        return
    if body.get("ReadingUnits") == "W" and "Reading" in body:
        yield str(body.get("Id", "sensor")).lower(), body["Reading"]


def _refuse(body: Mapping[str, Any], where: str) -> None:
    """Say what a resource without a measurement states instead."""
    text = json.dumps(body)[:4096]
    stated = [name for name in NO_MEASUREMENTS if f'"{name}"' in text]
    raise UnreadableError(
        "holds no measured power",
        where=where,
        got=f"{', '.join(stated)}, which are no measurements" if stated else shorten(text, 100),
        expected="PowerWatts.Reading, PowerControl[].PowerConsumedWatts, or a sensor in W",
        fix="Fetch /redfish/v1/Chassis/<id>/EnvironmentMetrics (or .../Power on older BMCs) "
        "once a second, with the time of each.",
    )


FORMAT = Redfish()
