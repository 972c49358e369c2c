"""A whole power session with an emulated PTDaemon, and the package that it leaves."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from lab_simulator.analyzer import WT310E, WT333E

from harness import audit, score
from harness.core.errors import JoulemarkError, UsageError
from harness.formats.base import NATIVE
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
from harness.meters import parse

from .power_dev_contract import failures
from .sessions import LOAD_S, POWER_W, daemon, plan, session

DOCUMENTS = ("power/client.json", "power/server.json")


def test_the_package_passes_every_check_of_power_dev_but_the_identity_of_its_software(
    written: WrittenSession,
) -> None:
    performance = written.package / "performance"
    assert failures(performance, [sources()]) == {}
    assert failures(performance).keys() == {"sources of the client", "sources of the server"}


def test_the_contract_is_that_of_real_packages(real_data: Path, real_rounds: Path) -> None:
    """Every check passes on accepted results of v4.1 and v5.1, as power-dev's own passed them."""
    folders = [path.parents[1] for path in real_data.rglob("power/server.json")]
    accepted = real_rounds / "valid" / "inference_results_v5.1"
    folders += [path.parents[1] for path in accepted.rglob("power/server.json")]
    assert len(folders) >= 9
    for folder in folders:
        documents = [json.loads((folder / name).read_text()) for name in DOCUMENTS]
        accepted_sources = [document["sources"] for document in documents]
        assert failures(folder, accepted_sources) == {}, folder


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
    assert commands[:3] == ["SR,V,Auto", "SR,A,Auto", "SR,A,Auto"]
    assert commands[5:] == ["SR,V,Auto", "SR,A,Auto"]
    readings = (written.package / "performance/ranging/spl.txt").read_text().split("\n")
    volts = max(float(line.split(",")[5]) for line in readings if line)
    amps = max(float(line.split(",")[7]) for line in readings if line)
    assert commands[3] == f"SR,V,{volts:.6f}"
    assert float(commands[4].split(",")[2]) == pytest.approx(1.1 * amps)


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


def test_a_director_on_another_machine_gives_the_same_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon goes on writing to its log, yet the hashes are those of the files."""
    emulator = daemon(tmp_path)
    assert emulator.log is not None
    log = emulator.log

    class WhileTheDaemonWrites(RemoteDirector):
        def ask(self, command: str) -> str:
            if command.startswith("download"):
                log.write_bytes(log.read_bytes() + b"Waiting for a connection...\r\n")
            return super().ask(command)

    monkeypatch.setattr("harness.live.director.session.RemoteDirector", WhileTheDaemonWrites)
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


def test_fixed_ranges_are_put_back(multichannel: WrittenSession) -> None:
    assert failures(multichannel.package / "performance", [sources()]) == {}
    server = json.loads((multichannel.package / "performance/power/server.json").read_text())
    commands = [item["cmd"] for item in server["ptd_messages"]]
    assert commands[-2:] == ["SR,V,300.000000", "SR,A,10.000000"]


@pytest.mark.parametrize(
    ("meter", "words"),
    [
        ("rapl", "measured by PTDaemons, or by analyzers over SCPI"),
        ("scpi:host=127.0.0.1,log=x", "got log"),
        ("ptdaemon:host=127.0.0.1", "the log of the PTDaemon is not named"),
        ("ptdaemon:host=127.0.0.1,port=1,log=x", "the analyzer cannot be used"),
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
