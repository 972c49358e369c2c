"""One live run on a fake machine, from the command line to score and audit."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli import cli
from tests.cases.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A laptop whose platform counter is not wired, beside a supply's sensor that never answers."""
    made = Machine(tmp_path / "sys")
    made.zone("intel-rapl:0", "package-0", 45)
    made.zone("intel-rapl:1", "psys", 9.6, start_uj=700_000_000)
    made.files("hwmon1", {"name": "pmbus", "power1_label": "pin", "power1_input": ""})
    made.sensor("hwmon2", "amdgpu", 80, label="PPT", file="power1_average")
    made.files("hwmon2", {"temp1_input": 61500, "power1_cap": 300_000_000})
    return made


def keep_up(machine: Machine, stop: threading.Event) -> None:
    """Write what the sensors show, until told to stop."""
    begin = last = time.monotonic()
    while not stop.is_set():
        now = time.monotonic()
        machine.put(now - begin, now - last)
        last = now
        time.sleep(0.01)


def report(*arguments: str) -> dict:
    return json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)


def test_score_and_audit_say_what_was_left_out(machine: Machine, tmp_path: Path) -> None:
    machine.put(0.0, 0.0)
    stop = threading.Event()
    thread = threading.Thread(target=keep_up, args=(machine, stop))
    thread.start()
    out = str(tmp_path / "out")
    meters = [f"--meter={name}:root={machine.root}" for name in ("rapl", "hwmon")]
    try:
        arguments = ["--command", "--name", "case", "--idle", "0.5", "--out", out, *meters]
        done = CliRunner().invoke(cli, ["run", *arguments, "--", "sleep", "2.5"])
    finally:
        stop.set()
        thread.join()
    assert done.exit_code == 0, done.output
    (entry,) = report("score", out)["entries"]
    (run,) = entry["runs"]
    assert entry["measurement_class"] == "declared"
    sources = [note for note in entry["notes"] if note.startswith("read from rapl:root=")]
    assert sources == [
        f"read from rapl:root={machine.root}, and not from the machine's own sensors"
    ]
    left_out = [note for note in entry["notes"] if "is left out" in note]
    assert [note.split()[0] for note in left_out] == ["psys", "hwmon1-pmbus-pin"]
    power_w = run["energy_j"] / run["window_s"]
    assert power_w == pytest.approx(125, rel=0.2)  # on a busy machine the fake sensors are late
    (entry,) = report("audit", out)["entries"]
    found = {
        f["got"].partition(":")[0] for f in entry["findings"] if f["rule"] == "evidence-readable"
    }
    assert found == {"whole-below-parts", "sensor-left-out"}
    record = json.loads(Path(out, "case", "run-1", "run.json").read_text())
    samplers = {item["meter"]: item["options"] for item in record["facts"]["sampler"]}
    assert samplers == {name: {"root": str(machine.root)} for name in ("rapl", "hwmon")}
    traces = {path.stem for path in Path(out).glob("case/run-1/traces/*")}
    assert traces == {"package-0", "hwmon2-amdgpu-PPT"}
    head, *rows = Path(out, "case", "run-1", "context.csv").read_text().splitlines()
    assert head == "t_ns,channel,quantity,value"
    assert {row.partition(",")[2] for row in rows} == {
        "hwmon2-amdgpu-PPT,temperature_c,61.5",
        "hwmon2-amdgpu-PPT,power_limit_w,300.0",
    }
