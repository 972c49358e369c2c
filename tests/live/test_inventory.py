"""What a run without a named meter sums, and what that sum lacks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from fakes import lay_out
from fakes.json_server import Answer, json_server
from fakes.pynvml import Board, Driver

from harness.cli import main
from harness.core.schemas import check
from harness.live import inventory, plan
from harness.meters import MeterSpec, automatic
from harness.render.terminal.inventory import meters_text


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with a platform counter and one NVIDIA board of two that can be measured."""
    root = str(lay_out("rapl/laptop-psys", tmp_path / "rapl"))
    boards = [Board(), Board(watts=None)]
    monkeypatch.setitem(sys.modules, "pynvml", Driver(boards).module())
    specs = [
        MeterSpec("rapl", {"root": root}),
        MeterSpec("nvml", {}),
        MeterSpec("powermetrics", {}),
    ]
    monkeypatch.setattr(plan, "automatic", lambda: iter(specs))


def test_meters_that_a_run_uses_by_itself() -> None:
    specs = {spec.name: dict(spec.options) for spec in automatic()}
    assert specs["hwmon"] == {"unknown": "no"}
    assert {"rapl", "nvml", "amdsmi"} <= specs.keys()
    assert not {"estimator", "file", "replay"} & specs.keys()


@pytest.mark.usefixtures("laptop")
def test_the_tree_of_a_default_run() -> None:
    run = inventory.default_run()
    assert [name.partition(":")[0] for name in run["meters"]] == ["rapl", "nvml"]
    assert run["summed"] == ["psys", "gpu-0"]
    parents = {channel["id"]: channel["part_of"] for channel in run["channels"]}
    assert parents == {
        "psys": None,
        "package-0": "psys",
        "package-0-core": "package-0",
        "package-0-uncore": "package-0",
        "gpu-0": None,
    }
    assert run["unknown"] == ["psys and gpu-0"]
    assert "fans, storage, network and losses of the supply: not measured" in run["missing"]
    assert run["notes"][0].startswith("gpu-1: reports neither energy nor power")


@pytest.mark.usefixtures("laptop")
def test_the_tree_as_text() -> None:
    text = meters_text([], inventory.default_run())
    assert "  + psys (psys, counter, 5 % of reading)\n    contains package-0 (" in text
    assert "contains package-0-core (core, counter, 5 % of reading)" in text
    assert "  + gpu-0 (board, counter, 5 % of reading)" in text
    assert "containment unknown: psys and gpu-0" in text
    assert "note: gpu-1: " in text


def test_one_meter_is_probed_with_its_present_values(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOULEMARK_HTTP_PASSWORD", "s3cret")
    answers: dict[str, Answer] = {
        "/shelly": lambda _: {"gen": 2, "app": "PlusPlugS", "ver": "1.4.4"},
        "/rpc/Switch.GetStatus?id=0": lambda _: {"apower": 61.5},
    }
    with json_server(answers) as port:
        spec = f"http:host=127.0.0.1,port={port},user=admin,interval=1"
        with pytest.raises(SystemExit) as ended:
            main(["meters", "--probe", spec])
        assert ended.value.code == 0
        text = capsys.readouterr().out
        with pytest.raises(SystemExit):
            main(["meters", "--probe", spec, "--json"])
        document = json.loads(capsys.readouterr().out)
    check("inventory", document)
    (channel,) = document["meters"][0]["channels"]
    assert (channel["id"], channel["value"], channel["unit"]) == ("plug", 61.5, "W")
    assert "plug                 61.5 W" in text
    assert "every 1 s" in text
    assert "steps of 0.1 W" in text
    assert "PlusPlugS" in text
    for hidden in ("127.0.0.1", "s3cret"):
        assert hidden not in text + json.dumps(document)


def test_the_remedy_stands_below_what_is_missing() -> None:
    meter = {
        "name": "rapl",
        "ready": False,
        "says": "not here: /sys/class/powercap: no RAPL zone, expected intel-rapl:0 or the like",
        "fix": "Load the driver: sudo modprobe intel_rapl_msr. Virtual machines rarely have it.",
        "channels": [],
    }
    run = {"meters": [], "summed": [], "channels": [], "unknown": [], "missing": [], "notes": []}
    lines = meters_text([meter], run).splitlines()
    indent = " " * 13
    assert lines[:4] == [
        "rapl         not here: /sys/class/powercap: no RAPL zone, expected intel-rapl:0",
        f"{indent}or the like",
        f"{indent}Load the driver: sudo modprobe intel_rapl_msr. Virtual machines",
        f"{indent}rarely have it.",
    ]


def test_without_a_meter_the_estimator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "automatic", lambda: iter([]))
    run = inventory.default_run()
    assert run["meters"] == ["estimator"]
    assert run["summed"] == ["processors"]
    assert "memory: not measured" in run["missing"]
