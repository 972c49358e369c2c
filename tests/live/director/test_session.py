"""A whole power session with an emulated PTDaemon, and the package that it leaves."""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lab_simulator.analyzer import WT310E, WT333E
from lab_simulator.daemon import EmulatedDaemon

from harness import audit, score
from harness.core.errors import JoulemarkError, UsageError
from harness.formats.base import NATIVE, Entry
from harness.formats.load import read
from harness.live.director import power_client
from harness.live.director.package import sources
from harness.live.director.remote import RemoteDirector, serve
from harness.live.director.session import (
    SessionRequest,
    WrittenSession,
    power_server,
    run_session,
)
from harness.live.measure import Plan
from harness.meters import parse
from harness.runners.base import CommandResult, Job

from .power_dev_contract import failures

POWER_W = 312.0
LOAD_S = 1.0
LOADGEN = """
import sys, time
folder, load_s = sys.argv[1], float(sys.argv[2])
def stamp(t):
    return time.strftime("%m-%d-%Y %H:%M:%S", time.gmtime(t)) + f".{int(t * 1000) % 1000:03d}"
time.sleep(0.1)
begin = time.time()
time.sleep(load_s)
end = time.time()
values = {"loadgen_version": "5.1", "effective_scenario": "Offline", "result_validity": "VALID",
          "effective_test_mode": "PerformanceOnly", "power_begin": stamp(begin),
          "power_end": stamp(end), "result_query_count": 1, "result_samples_per_second": 100.0,
          "effective_min_duration_ms": 1000}
with open(folder + "/mlperf_log_detail.txt", "w") as file:
    for key, value in values.items():
        shown = value if not isinstance(value, str) else '"' + value + '"'
        file.write(f':::MLLOG {{"key": "{key}", "value": {shown}, "time_ms": 1.0}}\\n')
with open(folder + "/mlperf_log_summary.txt", "w") as file:
    file.write("Result is : VALID\\n")
time.sleep(0.1)
"""


@dataclass
class Load:
    """A workload that writes logs like LoadGen's."""

    load_s: float = LOAD_S
    environment: Mapping[str, str] = field(default_factory=dict)
    quality: Any = None

    def steps(self, folder: Path) -> Iterator[Any]:
        del folder
        return iter(())

    def command(self, job: Job) -> Sequence[str]:
        job.log.mkdir(parents=True, exist_ok=True)
        return [sys.executable, "-c", LOADGEN, str(job.log), str(self.load_s)]

    def outcome(self, job: Job, result: CommandResult) -> Any:
        del job, result
        return SimpleNamespace(advice=())


def plan(out: Path) -> Plan:
    entry = Entry(
        id="resnet50/Offline",
        directory=out / "resnet50" / "Offline",
        format=NATIVE,
        family=NATIVE,
        round="joulemark-2026",
        task="inference",
        submitter="Lab",
        system="box",
        benchmark="resnet50",
        scenario="Offline",
        division="closed",
    )
    return Plan(entry=entry, runner=Load(), meters=[], seeds=[1])


def daemon(folder: Path, name: str = "ptd", **options: Any) -> EmulatedDaemon:
    watts = options.pop("watts", POWER_W)
    log = folder / f"{name}_log.txt"
    return EmulatedDaemon(lambda _b, _e: watts, log=log, sample_s=0.05, **options)


def session(out: Path, *daemons: EmulatedDaemon, **options: Any) -> WrittenSession:
    meters = [parse(f"ptdaemon:host=127.0.0.1,port={one.port},log={one.log}") for one in daemons]
    return run_session(plan(out), SessionRequest(meters, settle_s=0.0, **options))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> WrittenSession:
    folder = tmp_path_factory.mktemp("session")
    emulator = daemon(folder)
    result = session(folder / "out", emulator)
    emulator.close()
    return result


def test_the_package_passes_every_check_of_power_dev_but_the_identity_of_its_software(
    written: WrittenSession,
) -> None:
    performance = written.package / "performance"
    assert failures(performance, [sources()]) == {}
    assert failures(performance).keys() == {"sources of the client", "sources of the server"}


def test_the_contract_is_that_of_real_packages(real_data: Path) -> None:
    """Every check passes on real results, their sources aside, as power-dev's own passed them."""
    folders = [path.parents[1] for path in real_data.rglob("power/server.json")]
    assert folders
    for folder in folders[:6]:
        found = failures(
            folder, [json.loads((folder / "power/client.json").read_text())["sources"]]
        )
        assert found.keys() <= {"sources of the server"}, (folder, found)


def content_classes(log: str) -> list[str]:
    """Return the messages of a server.log as classes of content: words stay, values go."""
    classes = []
    for line in log.splitlines():
        text = line.partition("[INFO] ")[2]
        text = text.replace("_emulated", "")
        text = re.sub(r"'Time,.*", "'READINGS", text)
        text = re.sub(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", "SESSION", text)
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
        text = re.sub(r"'Yokogawa[^']*'", "'IDENTITY'", text)
        text = re.sub(r"-?\d+(\.\d+)?", "N", text)
        classes.append(text)
    return classes


def test_the_dialogue_is_that_of_a_real_session(written: WrittenSession, real_data: Path) -> None:
    """In order and content class, message by message, for one channel and the ranges on Auto."""
    ours = content_classes((written.package / "performance/power/server.log").read_text())
    compared = 0
    for path in real_data.rglob("performance/power/server.log"):
        log = path.read_text("utf-8", "replace")
        if "RL,*,*" not in log or "Invalid number of parameters" not in log:
            continue
        real = [
            text
            for text in content_classes(log)
            if not text.startswith(("Running PTDaemon", "Got command from the client 'stop'"))
            and "server will be stopped" not in text
        ]
        opening = real.index("Got command from the client 'time'")
        assert set(real[:opening]) <= {"Sending reply to client 'OK'"}
        real = real[opening:]
        assert ours == real
        compared += 1
    assert compared


def test_every_log_says_that_the_daemon_is_emulated(written: WrittenSession) -> None:
    assert written.emulated
    performance = written.package / "performance"
    for name in ("client.log", "server.log", "client.json", "server.json"):
        assert "_emulated" in (performance / "power" / name).read_text()
    assert "SIMULATED" in (performance / "power/ptd_logs.txt").read_text()
    assert "_emulated_testing" in (performance / "run_1/spl.txt").read_text()


def test_the_package_is_read_scored_and_refused_for_an_official_round(
    written: WrittenSession,
) -> None:
    tree = read(written.package.parents[4])
    (entry,) = [item for item in tree.entries if item.format != NATIVE]
    assert entry.simulated
    scored = score(written.package.parents[4])
    energies = [result.energy.value for result in scored]
    assert energies == [pytest.approx(POWER_W * LOAD_S, rel=0.06)]
    (judged,) = audit(written.package.parents[4], round_name="mlperf-inference-v5.1").entries
    assert judged.verdict == "invalid"
    failed = [(item.rule, item.got) for item in judged.findings if item.status == "fail"]
    assert ("session-identity", "an emulated PTDaemon (1.11.1-emulated)") in failed


def test_our_run_directories_lie_beside_the_package(written: WrittenSession) -> None:
    assert written.runs
    for folder in written.runs:
        assert (folder / "run.json").is_file()


def test_the_ranges_of_the_testing_run_come_from_the_ranging_run(written: WrittenSession) -> None:
    server = json.loads((written.package / "performance/power/server.json").read_text())
    commands = [item["cmd"] for item in server["ptd_messages"] if item["cmd"].startswith("SR")]
    assert commands[:2] == ["SR,V,Auto", "SR,A,Auto"]
    assert commands[4:] == ["SR,V,Auto", "SR,A,Auto"]
    readings = (written.package / "performance/ranging/spl.txt").read_text().split("\n")
    volts = max(float(line.split(",")[5]) for line in readings if line)
    amps = max(float(line.split(",")[7]) for line in readings if line)
    assert commands[2] == f"SR,V,{volts:.6f}"
    assert float(commands[3].split(",")[2]) == pytest.approx(1.1 * amps)


def test_several_analyzers_and_channels_are_summed(tmp_path: Path) -> None:
    daemons = [
        daemon(tmp_path, "first", watts=200.0, analyzer=WT333E),
        daemon(tmp_path, "second", watts=100.0, analyzer=WT310E),
    ]
    written = session(tmp_path / "out", *daemons)
    for one in daemons:
        one.close()
    line = (written.package / "performance/run_1/spl.txt").read_text().split("\n")[0]
    fields = line.split(",")
    assert fields[3] == "300.000000"
    assert fields[5] == "-1.000000"
    assert "Analyzer1" in fields
    assert "Ch3" in fields
    assert "Analyzer2" in fields


def test_a_director_on_another_machine_gives_the_same_package(tmp_path: Path) -> None:
    emulator = daemon(tmp_path)
    spec = parse(f"ptdaemon:host=127.0.0.1,port={emulator.port},log={emulator.log}")
    notes: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        waiting = threading.Thread(
            target=serve, args=(listener, lambda: power_server([spec], 0.0), notes.append)
        )
        waiting.start()
        written = run_session(plan(tmp_path / "out"), SessionRequest([], director=place))
        waiting.join(10)
    emulator.close()
    assert failures(written.package / "performance", [sources()]) == {}
    assert written.emulated
    assert any("has ended" in text for text in notes)


def test_a_director_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JoulemarkError, match="joulemark director --meter"):
        run_session(plan(tmp_path), SessionRequest([], director="127.0.0.1:1"))


def test_a_remote_director_serves_its_own_files_only(tmp_path: Path) -> None:
    emulator = daemon(tmp_path)
    spec = parse(f"ptdaemon:host=127.0.0.1,port={emulator.port},log={emulator.log}")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        waiting = threading.Thread(
            target=serve, args=(listener, lambda: power_server([spec], 0.0), lambda _: None)
        )
        waiting.start()
        remote = RemoteDirector(f"127.0.0.1:{listener.getsockname()[1]}")
        for command in ("download,,/etc/passwd", "download,x,power/server.log", "", "nonsense"):
            assert remote.ask(command) == "Error"
        remote.close()
        waiting.join(10)
    emulator.close()


def test_fixed_ranges_are_put_back(tmp_path: Path) -> None:
    emulator = daemon(tmp_path)
    emulator.range_v, emulator.range_a = 300.0, 10.0
    written = session(tmp_path / "out", emulator)
    emulator.close()
    assert failures(written.package / "performance", [sources()]) == {}
    assert (emulator.range_v, emulator.range_a) == (300.0, 10.0)


@pytest.mark.parametrize(
    ("meter", "words"),
    [
        ("rapl", "measured by PTDaemons"),
        ("ptdaemon:host=127.0.0.1", "the log of the PTDaemon is not named"),
        ("ptdaemon:host=127.0.0.1,port=1,log=x", "the PTDaemon cannot be used"),
    ],
)
def test_a_meter_that_cannot_direct_is_refused(meter: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(JoulemarkError, match=words):
        run_session(plan(tmp_path), SessionRequest([parse(meter)]))
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_is_there_is_not_overwritten(written: WrittenSession) -> None:
    out = written.package.parents[5]
    with pytest.raises(UsageError, match="there is a session already"):
        run_session(plan(out), SessionRequest([]))


def test_clocks_that_differ_end_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator = daemon(tmp_path)
    fast = SimpleNamespace(time=lambda: time.time() + 0.9, monotonic=time.monotonic)
    monkeypatch.setattr(power_client, "time", fast)
    with pytest.raises(JoulemarkError, match=r"clocks of client and director differ.*0\.4|400"):
        session(tmp_path / "out", emulator)
    emulator.close()
