"""The contract of every meter, built in or added: complete channels, and readings of those only."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import UsageError
from harness.core.schemas import check
from harness.live import inventory
from harness.meters import MeterSpec, built_in, make, names, parse, summary
from harness.meters.base import Meter, Unavailable
from harness.meters.registry import declared_source
from harness.traces.clean import build_trace
from harness.traces.header import header_document

HERE = Path(__file__).parent
ADDED = """
from harness.meters.base import Reading
from harness.traces.channel import Accuracy, Channel

class Added:
    "A meter from another package."
    simulated = False
    def __init__(self, port="1"):
        self.port = port
    def probe(self):
        limits = Accuracy(reading_limit_pct=1.0, source="its manual, page 3")
        about = {"kind": "mean", "boundary": "wall", "calibration_id": "added:1"}
        return [Channel(id="wall", accuracy=limits, **about)]
    def read(self):
        return [Reading("wall", 100.0)]
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "added_meter.py").write_text(ADDED)
    info = tmp_path / "added_meter-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: added-meter\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[joulemark.meters]\nadded = added_meter:Added\nbroken = no_such:Thing\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.fixture(params=[*built_in(), "added"])
def meter(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Meter]:
    """Each meter in turn, on the stand-in that its own test has for it."""
    request.getfixturevalue("added")
    name = request.param
    options: dict[str, str] = {}
    if name != "added":
        is_local = (HERE / "adapters" / f"test_{name}.py").is_file()
        folder = "tests.meters" if is_local else "tests.meters.network"
        tests = importlib.import_module(f"{folder}.adapters.test_{name}")
        options = tests.stand_in(tmp_path, monkeypatch)
    made = make(MeterSpec(name, options))
    yield made
    getattr(made, "close", lambda: None)()


def test_channels_say_all_of_themselves(meter: Meter) -> None:
    channels = meter.probe()
    ids = [channel.id for channel in channels]
    assert ids
    assert len(set(ids)) == len(ids)
    for channel in channels:
        check("power-trace", channel.header())
        assert channel.boundary
        assert channel.accuracy.source
        assert channel.part_of is None or channel.part_of in ids
    assert any(channel.part_of is None for channel in channels)
    assert min(channel.accuracy.reading_limit_pct for channel in channels) > 0


def test_readings_are_of_its_channels_and_make_a_trace(meter: Meter) -> None:
    channels = {channel.id: channel for channel in meter.probe()}
    seen = [reading for _ in range(3) for reading in meter.read()]
    for id_, channel in channels.items():
        values = [reading.value for reading in seen if reading.channel == id_]
        t_ns = np.arange(len(values), dtype=np.int64) * 1_000_000 + 1_700_000_000_000_000_000
        trace = build_trace(channel, t_ns, np.array(values, np.float64))
        check("power-trace", header_document(trace))
        assert len(trace) == len(values)
    assert {reading.channel for reading in seen} <= channels.keys()


def test_probing_twice_gives_the_same_channels(meter: Meter) -> None:
    assert [channel.header() for channel in meter.probe()] == [
        channel.header() for channel in meter.probe()
    ]


@pytest.mark.usefixtures("added")
def test_meters_are_listed_with_one_line_each() -> None:
    assert names()[: len(built_in())] == built_in()
    assert {"added", "broken"} <= set(names()[len(built_in()) :])
    for name in built_in():
        assert len(summary(name)) > 20
    assert summary("added") == "A meter from another package."
    assert "cannot be loaded" in summary("broken")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("geiger", ("no such meter", "geiger", "amdsmi")),
        ("file", ("needs an option", "path")),
        ("rapl:rot=/sys", ("no such option", "rot", "root")),
        ("rapl:root", ("is not a meter", "name:option=value")),
        ("estimator:idle_w=10", ("both or none",)),
        ("estimator:idle_w=10,busy_w=much", ("is not a power", "much")),
        ("estimator:idle_w=10,busy_w=5", ("busy_w is below idle_w",)),
        ("estimator:idle_w=nan,busy_w=5", ("is not a power", "nan")),
        ("broken", ("cannot be loaded", "no_such")),
    ],
)
@pytest.mark.usefixtures("added")
def test_a_wrong_spec_is_refused_with_the_right_one(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as refused:
        make(parse(text))
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("name", ["rapl", "hwmon"])
def test_without_sensors_the_remedy_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="modprobe"):
        make(MeterSpec(name, {"root": str(tmp_path / "absent")})).probe()


def test_values_are_never_made_of_nothing(meter: Meter) -> None:
    meter.probe()
    for reading in meter.read():
        assert reading.fault or not math.isnan(reading.value)
        assert not (reading.value == 0 and reading.fault)


BROKEN_CLASSES = """
class RaisesWhenMade:
    def __init__(self): raise RuntimeError("no board")

class RaisesWhenProbed:
    def probe(self): raise ValueError("bad register")
"""


def test_a_broken_meter_of_a_package_is_named_and_the_others_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_meters.py").write_text(BROKEN_CLASSES)
    info = tmp_path / "broken_meters-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-meters\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[joulemark.meters]\n"
        "unmade = broken_meters:RaisesWhenMade\n"
        "unprobed = broken_meters:RaisesWhenProbed\n"
        "absent = no_such_module:Meter\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    items = {item["name"]: item for item in inventory.meters()}
    assert items["estimator"]["ready"]
    assert "meter unmade is broken; got RuntimeError: no board" in items["unmade"]["says"]
    assert "meter unprobed is broken; got ValueError" in items["unprobed"]["says"]
    assert "meter absent cannot be loaded" in items["absent"]["says"]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("rapl", ""),
        ("rapl:root=/sys/class/powercap", ""),
        ("rapl:root=/tmp/copy", "rapl:root=/tmp/copy"),
        ("hwmon:only=.*", ""),
        ("hwmon:unknown=no,root=/tmp/copy", "hwmon:root=/tmp/copy"),
        ("powermetrics:interval_ms=500", ""),
        ("powermetrics:command=replay", "powermetrics:command=replay"),
        ("nvml:devices=0+1", ""),
    ],
)
def test_another_source_than_the_sensors_of_the_machine_is_declared(text: str, source: str) -> None:
    assert declared_source(parse(text)) == source
