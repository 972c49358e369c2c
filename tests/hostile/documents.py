"""Documents and tables that are passed by name: what reads them, and a valid one of each."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.auditing.rules.rulebook import FOLDER, load_rulebook
from harness.carbon.footprint.compute import account
from harness.carbon.footprint.document import from_document
from harness.carbon.formulas import clean_match
from harness.carbon.grid.columns import read_numbers
from harness.carbon.grid.hourly import read_hourly
from harness.core.documents import dump_document, read_settings
from harness.core.resources import resource
from harness.core.schemas import check as check_header
from harness.core.timestamps import from_iso
from harness.meters.calibration import calibrated, read_calibration
from harness.meters.network.device import NetworkDevice
from harness.meters.network.device_map import MAPS, read_map
from harness.meters.network.points import Point, reading_fault
from harness.render.terminal.carbon.footprint_account import (
    account_document,
    account_text,
    clean_document,
    clean_text,
)
from harness.render.terminal.signatures import verification_document, verification_text
from harness.runners.endpoint.events import COMPLETE, EVENTS, FIRST, ISSUED, START, STOP
from harness.runners.endpoint.questions import is_correct, parse_questions
from harness.runners.endpoint.runner import derive, endpoint_facts, performance, quality, work
from harness.runners.workload import Workload, find_workload
from harness.signing.anchors import check_anchors
from harness.signing.trust import read_trust
from harness.signing.verify import verify
from harness.traces.channel import Accuracy, Channel
from harness.traces.csv_store import stream_csv, write_csv
from harness.traces.journal.reader import read_samples
from tests.hostile import checks
from tests.hostile.paths import told
from tests.hostile.trees import folder_for_now, planned

GRID = b"""schema_version: "1.0"
zone: XX
unit: g/kWh
time_zone: Europe/Berlin
kind: average
basis: production
source: somebody
date: "2022"
columns: {time: when, value: how}
file: grid.csv
"""
HOURS = b"".join(b"2022-10-30T%02d:00:00,%d.5\n" % (hour, 300 + hour) for hour in range(24))
SERIES = b"when,how\n" + HOURS
CLEAN = b"energy_kwh,clean_kwh,g_per_kwh\n" + b"".join(
    b"%d,%d.5,400\n" % (k, k) for k in range(1, 25)
)
SETTINGS = b"score: {level: 0.9}\naudit:\n  jobs: 2\n  strict: true\n"
SIGNED = {
    path.name: path.read_bytes()
    for path in resource("submissions").glob("joulemark-2026/open/joulemark/*.json")
}
CATALOGUE = (
    Path(__file__).parents[2] / "harness" / "carbon" / "catalogue" / "patterson-2021" / "gpt-3.json"
)


def _grid(name: str) -> Callable[[bytes], None]:
    """The series of a grid document, of which one of the two files is damaged."""
    folder = folder_for_now()
    (folder / "grid.yaml").write_bytes(GRID)
    (folder / "grid.csv").write_bytes(SERIES)

    def read(content: bytes) -> None:
        (folder / name).write_bytes(content)
        with told():
            found = read_hourly(folder / "grid.yaml")
            assert found.missing.sum() < len(found)
            str(found.about).encode("utf-8")

    return read


def _clean(content: bytes) -> None:
    path = _PLACE / "clean.csv"
    path.write_bytes(content)
    with told():
        columns = read_numbers(path, ("energy_kwh", "clean_kwh", "g_per_kwh"))
        found = clean_match(*columns)
        checks.visible(clean_text(found, len(columns[0])))
        dump_document("clean", clean_document(found, len(columns[0])))


def _footprint(content: bytes) -> None:
    from harness.core.documents import read_document

    path = _PLACE / "footprint.json"
    path.write_bytes(content)
    with told():
        found = account(from_document(read_document("footprint", path)), level=0.95, seed=1)
        checks.visible(account_text(found))
        dump_document("account", account_document(found)).encode("utf-8")


def _workload(content: bytes) -> None:
    (_PLACE / "workload.yaml").write_bytes(content)
    with told():
        found: Workload = find_workload(str(_PLACE))
        str((found.name, found.runner, found.missing_packages())).encode("utf-8")
        found.scenario(None)


def _settings(content: bytes) -> None:
    path = _PLACE / "joulemark.yaml"
    path.write_bytes(content)
    with told():
        found: dict[str, dict[str, Any]] = read_settings(path)
        assert all(isinstance(options, dict) for options in found.values())


TRUST = resource("submissions") / "trust.yaml"


def _signed(name: str) -> Callable[[bytes], None]:
    """A signed submission of which one file, or the trust file, is damaged."""
    folder = folder_for_now()
    shutil.copytree(resource("submissions") / "joulemark-2026/open/joulemark", folder / "signed")
    shutil.rmtree(folder / "signed" / "results")  # what it lists is missing, and said to be
    shutil.copy(TRUST, folder)

    def read(content: bytes) -> None:
        (folder / name).write_bytes(content)
        with told():
            found = verify(folder / "signed", read_trust(folder / TRUST.name), None)
            checks.visible(verification_text([found]))
            dump_document("verification", verification_document([found], []))

    return read


def _anchors(content: bytes) -> None:
    path = _PLACE / "anchors.jsonl"
    path.write_bytes(content)
    with told():
        found = check_anchors(_PLACE / "planned", path)
        "".join(f"{item.where} {item.got}" for item in found.missing).encode("utf-8")


def _rulebook(content: bytes) -> None:
    folder = _PLACE / "rulebooks"
    folder.mkdir(exist_ok=True)
    (folder / "mlperf-tiny-v9.yaml").write_bytes(content)
    with told():
        load_rulebook(folder, "mlperf-tiny-v9")


def _events(content: bytes) -> None:
    folder = _PLACE / "load"
    folder.mkdir(exist_ok=True)
    (folder / EVENTS).write_bytes(content)
    with told():
        point = derive(folder)
        json.dumps(endpoint_facts(point)).encode("utf-8")
        str((work(point), performance(point), quality(point))).encode("utf-8")


def _long_csv(content: bytes) -> None:
    path = _PLACE / "long.csv"
    path.write_bytes(content)
    with told():
        trace, _ = stream_csv(path)
        assert len(trace) == len(trace.value)


SAMPLES = Path(__file__).parents[1] / "samples"
CALIBRATION = (SAMPLES / "calibration" / "good-one-meter.json").read_bytes()
MODBUS_MAP = (MAPS / "modbus-sdm230.yaml").read_bytes()
SNMP_MAP = (MAPS / "snmp-raritan-px.yaml").read_bytes()
QUESTION_LINES = (
    b'{"id": "a", "prompt": "France?", "answer": "Paris", "chance": 0.1, "max_tokens": 8}\n'
    b'{"id": "b", "prompt": "7?", "answer": "yes", "grader": "choice", "options": ["yes", "no"]}\n'
    b'{"id": "c", "prompt": "8?", "answer": "colou?r", "grader": "regex"}\n'
    b'{"id": "d", "prompt": "9?", "answer": "-1.5", "grader": "number"}\n'
)


def _calibration(content: bytes) -> None:
    path = _PLACE / "calibration.json"
    path.write_bytes(content)
    (sensor,) = [item["calibration_id"] for item in json.loads(CALIBRATION)["meters"][:1]]
    accuracy = Accuracy(reading_limit_pct=1.0, source="its manual")
    channel = Channel(
        id="node", kind="instant", boundary="node", calibration_id=sensor, accuracy=accuracy
    )
    with told():
        calibration = read_calibration(path, now_ns=from_iso("2026-12-01T00:00:00Z"))
        "".join(calibration.remarks()).encode("utf-8")
        (applied,) = calibrated([channel], calibration)
        json.dumps(applied.header(), allow_nan=False).encode("utf-8")


class _Device(NetworkDevice):
    protocol = "modbus"
    default_port = 502


def _device_map(content: bytes) -> None:
    """Read a map, and make the channels of a device that it describes."""
    path = _PLACE / "map.yaml"
    path.write_bytes(content)
    with told():
        found = read_map(path)
        device = _Device("device.lab")
        for item in found.channels:
            device.points = [Point(item.id, item, item.read)]
            reading_fault(item, 7.0)
            channel = device._channel(device.points[0], 0.1)
            check_header("power-trace", channel.header(), where="a channel of a map")


def _questions(content: bytes) -> None:
    with told():
        for question in parse_questions(content, "set.jsonl"):
            is_correct(question, "Paris, 7 or -1.5 colors: yes")
            json.dumps(question.document()).encode("utf-8")


_PLACE = folder_for_now()
planned(_PLACE / "planned")
_JOURNAL = _PLACE / "planned/work/run-1/samples/m.csv"
write_csv(read_samples(_JOURNAL).traces[0], _PLACE / "t.csv")
ANCHOR_LINES = b"".join(
    b'{"at": "2026-03-01T10:00:0%dZ", "run": "run-1", "journal": "m.csv", "link": "%s"}\n'
    % (number, match.encode())
    for number, match in enumerate(re.findall(r"chain: (\w+)", _JOURNAL.read_text())[:3])
)
EVENT_LINES = b"".join(
    json.dumps(
        {"event_type": kind, "sample_uuid": id_, "timestamp_ns": t, "wall_ns": 10**18 + t, **more}
    ).encode()
    + b"\n"
    for kind, id_, t, more in [
        (START, None, 1, {}),
        (ISSUED, "0", 2, {"data": {"question": 0}}),
        (FIRST, "0", 10**8, {}),
        (COMPLETE, "0", 10**9, {"data": {"text": "7", "completion_tokens": 2}}),
        (STOP, None, 2 * 10**9, {}),
    ]
)
DOCUMENTS: dict[str, tuple[bytes, Callable[[bytes], None]]] = {
    "grid-document": (GRID, _grid("grid.yaml")),
    "grid-csv": (SERIES, _grid("grid.csv")),
    "clean-csv": (CLEAN, _clean),
    "footprint": (CATALOGUE.read_bytes(), _footprint),
    "workload": (
        (resource("workloads") / "file-type-detection" / "workload.yaml").read_bytes(),
        _workload,
    ),
    "settings": (SETTINGS, _settings),
    "anchors": (ANCHOR_LINES, _anchors),
    "rulebook": ((FOLDER / "mlperf-tiny-v1.0.yaml").read_bytes(), _rulebook),
    "endpoint-events": (EVENT_LINES, _events),
    "calibration": (CALIBRATION, _calibration),
    "modbus-map": (MODBUS_MAP, _device_map),
    "snmp-map": (SNMP_MAP, _device_map),
    "questions": (QUESTION_LINES, _questions),
    "long-csv": ((_PLACE / "t.csv").read_bytes(), _long_csv),
    "trust": (TRUST.read_bytes(), _signed(TRUST.name)),
    "manifest": (SIGNED["manifest.json"], _signed("signed/manifest.json")),
    "envelope": (SIGNED["manifest.dsse.json"], _signed("signed/manifest.dsse.json")),
}
"""By the name of a parser: a valid document, and what to do with a damaged one."""
