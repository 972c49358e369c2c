"""Six network meters measure one simulated machine in one run: one truth behind all peers."""

from __future__ import annotations

import json
import socketserver
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import daemons, one_truth
from fakes.json_server import json_server
from fakes.one_truth import OUTLET, SNMP_GAIN, energy_j, power_w
from lab_simulator.daemon import EmulatedDaemon

from harness import audit
from harness.formats.load import read
from harness.live.measure import measure
from harness.live.plan import Settings, plan_command
from harness.meters.topology import HEADER_FIELD
from harness.scoring.score import score

for module in ("pysnmp", "paho.mqtt", "pyvisa_py"):
    pytest.importorskip(module, reason="pip install 'joulemark[network]'")

SECONDS = 4.0
HTTP_GAIN, MQTT_GAIN, COUNTER_GAIN, SCPI_GAIN = 0.98, 1.02, 1.015, 1.0005
STARTED_S = time.time()
WALL_MAP = """
schema_version: "1.0"
name: wall
protocol: prometheus
title: a counter at the wall
source: this test
channels:
  - {id: wall, kind: counter, boundary: wall, refresh_s: 0.1, source: this test,
     read: {query: wall_joules_total}}
"""


def snmp(folder: Path) -> int:
    program, port = daemons.require("snmpd", "snmpd"), daemons.free_port(udp=True)
    (folder / "snmpd.conf").write_text(
        "rocommunity public 127.0.0.1\nsysObjectID .1.3.6.1.4.1.318.1.3.4.6\n"
        f"pass_persist {OUTLET.rpartition('.')[0]} {sys.executable} {one_truth.__file__}\n"
    )
    modules = "system_mib,pass_persist,vacm_conf,vacm_context,usmConf,usmUser,snmpEngine"
    arguments = ["-f", "-Lo", "-C", "-c", "snmpd.conf", "-I", modules, "--agentXSocket=none"]
    environment = {"SNMP_PERSISTENT_DIR": str(folder), "PATH": "/usr/bin:/bin", "MIBS": ""}
    daemons.start(
        [program, *arguments, f"udp:127.0.0.1:{port}"], cwd=folder, environment=environment
    )
    return port


def mqtt(folder: Path) -> int:
    from paho.mqtt import client

    program, port = daemons.require("mosquitto", "mosquitto"), daemons.free_port()
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    daemons.start([program, "-c", "mosquitto.conf"], port, cwd=folder)
    publisher = client.Client(client.CallbackAPIVersion.VERSION2)
    publisher.connect("127.0.0.1", port)
    publisher.loop_start()

    def publish() -> None:
        while True:
            watts = MQTT_GAIN * power_w(time.time())
            publisher.publish("plug/status/switch:0", json.dumps({"apower": watts}))
            time.sleep(0.1)

    threading.Thread(target=publish, daemon=True).start()
    return port


class Analyzer(socketserver.StreamRequestHandler):
    """An analyzer that answers with the mean of the last tenth of a second."""

    def handle(self) -> None:
        while line := self.rfile.readline(4096):
            command = line.decode().strip()
            if command.partition(" ")[0].endswith("?"):
                self.wfile.write(f"{self.reply(command)}\n".encode())

    @staticmethod
    def reply(command: str) -> str:
        if command == "*IDN?":
            return "YOKOGAWA,WT310E,SIM,F1.04"
        if command == ":NUMERIC:NORMAL:VALUE?":
            now_s = time.time()
            return f"{SCPI_GAIN * energy_j(now_s - 0.1, now_s) / 0.1:.5E},9.91E+37"
        return "300.0E+00" if "VOLTAGE" in command else "5.0E+00"


@pytest.fixture(scope="module")
def meters() -> Iterator[list[str]]:
    """The six meters as `--meter` takes them, all at the wall of one machine."""
    folder = daemons.folder("six")
    (folder / "snmp").mkdir()
    (folder / "mqtt").mkdir()
    (folder / "wall.yaml").write_text(WALL_MAP)
    analyzer = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Analyzer)
    analyzer.daemon_threads = True
    threading.Thread(target=analyzer.serve_forever, daemon=True).start()
    daemon = EmulatedDaemon(lambda a, b: energy_j(a / 1e9, b / 1e9) / ((b - a) / 1e9), sample_s=0.1)

    def page(_: object) -> str:
        joules = COUNTER_GAIN * energy_j(STARTED_S, time.time())
        return f"wall_joules_total {joules:.6f}\n"

    answers = {
        "/shelly": lambda _: {"gen": 2},
        "/rpc/Switch.GetStatus?id=0": lambda _: {"apower": HTTP_GAIN * power_w(time.time())},
        "/metrics": page,
    }
    common = "refresh=0.1,measures=node-1,boundary=wall,host=127.0.0.1,port="
    with json_server(answers) as web:
        yield [
            f"snmp:only=outlet-3,{common}{snmp(folder / 'snmp')}",
            f"mqtt:device=shelly-gen2,name=plug,{common}{mqtt(folder / 'mqtt')}",
            f"http:{common}{web}",
            f"prometheus:scrape=/metrics,map={folder / 'wall.yaml'},{common}{web}",
            f"scpi:{common}{analyzer.server_address[1]}",
            f"ptdaemon:{common}{daemon.port}",
        ]
    daemon.close()
    analyzer.shutdown()
    analyzer.server_close()


def test_six_meters_agree_with_one_truth(meters: list[str], tmp_path: Path) -> None:
    settings = Settings(out=tmp_path, meters=meters, interval_s=0.1, idle_s=(1.0, 1.0), repeat=1)
    plan = plan_command(["sleep", str(SECONDS)], settings, name="idle")
    (recorded,) = list(measure(plan))
    (entry,) = read(tmp_path).entries
    (run,) = entry.runs
    assert len(run.traces) == len(meters)
    # 1. They measure one thing, so one of them counts.
    assert len(run.outer) == 1
    assert {trace.channel.extra[HEADER_FIELD]["instance"] for trace in run.traces} == {"node-1"}
    # 2. The energy of each agrees with the truth within its own interval.
    window = run.window
    assert window is not None
    truth_j = energy_j(window.start_ns / 1e9, window.stop_ns / 1e9)
    for trace in run.traces:
        alone = replace(trace, channel=replace(trace.channel, part_of=None))
        energy = score(replace(entry, runs=(replace(run, traces=(alone,)),))).energy
        assert energy is not None
        assert energy.low is not None
        assert energy.high is not None
        assert energy.low <= truth_j <= energy.high, (trace.channel.id, energy, truth_j)
        assert energy.high - energy.low < 0.2 * truth_j
    # 3. The record says how each was read, and names no host.
    record = (recorded.folder / "run.json").read_text()
    assert record.count('"configuration"') == len(meters)
    written = [path.read_text("utf-8", "replace") for path in tmp_path.rglob("*.json")]
    assert not any("127.0.0.1" in text for text in written)
    # 4. The audit has nothing against the run but that it is short.
    (judged,) = audit(tmp_path).entries
    failed = {finding.rule for finding in judged.findings if finding.status == "fail"}
    assert failed <= {"minimum-duration", "run-count"}, judged.findings
    assert SNMP_GAIN > 1  # the gains of the peers lie within the limits that their maps state
