"""A power session with an analyzer that is read by SCPI, and the class that its result is in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pytest
from fakes.scpi_instrument import POWER_W, Instrument

from harness import audit, rank, score
from harness.core.errors import UsageError
from harness.live.director import session as sessions
from harness.live.director.scpi_analyzer import ScpiAnalyzer
from harness.live.director.session import SessionRequest, WrittenSession, power_server, run_session
from harness.meters import parse
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.scpi import ScpiClient
from harness.meters.registry import MeterSpec

from .power_dev_contract import failures
from .sessions import LOAD_S, plan

pytest.importorskip("pyvisa_py", reason="pip install 'joulemark[scpi]'")

SAMPLE_S = 0.05


class FastAnalyzer(ScpiAnalyzer):
    """An analyzer that is asked twenty times a second."""

    def __init__(self, client: ScpiClient, elements: Sequence[int] = (1,)) -> None:
        super().__init__(client, elements, SAMPLE_S)


@pytest.fixture(scope="module")
def instrument() -> Iterator[Instrument]:
    instrument = Instrument()
    yield instrument
    instrument.close()


@pytest.fixture(scope="module")
def written(
    instrument: Instrument, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WrittenSession]:
    out = tmp_path_factory.mktemp("scpi") / "out"
    request = SessionRequest([parse(f"scpi:host=127.0.0.1,port={instrument.port}")], settle_s=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions, "ScpiAnalyzer", FastAnalyzer)
        yield run_session(plan(out), request)


def test_the_session_is_that_of_a_daemon_but_for_its_identity(written: WrittenSession) -> None:
    """The same package; the version and the log say that no PTDaemon ran."""
    found = failures(written.package / "performance")
    assert found.keys() == {
        "replies",
        "daemon_log",
        "sources of the client",
        "sources of the server",
    }
    assert [text.partition(" ")[0] for text in found["replies"]] == ["version"]
    assert found["daemon_log"] == ["uncertainty checking is not activated before the ranging run"]


def test_everything_says_that_no_daemon_ran(written: WrittenSession) -> None:
    performance = written.package / "performance"
    for name in ("client.log", "server.log", "client.json", "server.json"):
        assert "_scpi" in (performance / "power" / name).read_text()
    assert "No PTDaemon ran" in (performance / "power/ptd_logs.txt").read_text()
    assert "_scpi_testing" in (performance / "run_1/spl.txt").read_text()
    assert not written.emulated


def test_ranges_are_set_and_put_back(written: WrittenSession, instrument: Instrument) -> None:
    server = json.loads((written.package / "performance/power/server.json").read_text())
    commands = [item["cmd"] for item in server["ptd_messages"] if item["cmd"].startswith("SR")]
    assert commands[3:5] == ["SR,V,230.100000", f"SR,A,{0.66 * 1.1}"]
    assert ":INPUT:VOLTAGE:RANGE 300V" in instrument.commands
    assert ":INPUT:CURRENT:RANGE 1A" in instrument.commands
    assert instrument.automatic == {"VOLTAGE": True, "CURRENT": True}
    replies = {item["cmd"]: item["reply"] for item in server["ptd_messages"]}
    mean_pct = 100 * float(replies["Uncertainty"].split(",")[1])
    assert 0.1 < mean_pct < 1.0


def test_the_result_has_a_class_of_its_own(written: WrittenSession) -> None:
    """In the score and on the leaderboard; the official round refuses it, saying why."""
    tree = written.package.parents[4]
    (package, *_) = [item for item in score(tree) if item.entry.directory == written.package]
    assert package.measurement_class == "analyzer-scpi"
    window = package.entry.runs[0].window
    assert window is not None
    seconds = window.seconds  # a busy machine sleeps for longer
    assert seconds >= LOAD_S
    assert package.energy.value == pytest.approx(POWER_W * seconds, rel=0.03)
    (judged, *_) = audit(tree, round_name="mlperf-inference-v5.1").entries
    failed = [item.got for item in judged.findings if item.rule == "session-identity"]
    assert any(text.startswith("an analyzer read by SCPI, without a PTDaemon") for text in failed)
    runs = written.runs[0].parents[2]
    assert {item.measurement_class for item in score(runs)} == {"analyzer-scpi"}
    assert {table.measurement_class for table in rank(runs)} == {"analyzer-scpi"}


def test_an_instrument_that_is_no_analyzer_is_refused() -> None:
    instrument = Instrument("Keysight Technologies,N6705C,MY1,E.02")
    analyzer = FastAnalyzer(ScpiClient("127.0.0.1", instrument.port, "socket", 2.0))
    with pytest.raises(PeerFailed, match=r"no analyzer of a known family: 'N6705C'"):
        analyzer.open()
    analyzer.close()
    instrument.close()


def test_readings_that_fail_are_marked_and_not_zero(instrument: Instrument) -> None:
    analyzer = FastAnalyzer(ScpiClient("127.0.0.1", instrument.port, "socket", 2.0))
    analyzer.open()
    analyzer.ranges()
    power, instrument.power = instrument.power, "9.91E+37"
    analyzer.go("mark")
    while not analyzer._samples:
        pass
    analyzer.stop()
    instrument.power = power
    assert {sample.watts for sample in analyzer.samples()} == {-1.0}
    assert analyzer.ask("Watts").startswith("Watts,-1.0")
    analyzer.close()


def measured(instrument: Instrument, elements: Sequence[int]) -> FastAnalyzer:
    """An analyzer that has made some readings."""
    analyzer = FastAnalyzer(ScpiClient("127.0.0.1", instrument.port, "socket", 2.0), elements)
    analyzer.open()
    analyzer.ranges()
    analyzer.go("mark")
    while not analyzer._samples:
        pass
    analyzer.stop()
    return analyzer


@pytest.mark.parametrize(
    ("model", "wiring", "name"),
    [("WT333E", "P3W4", "YokogawaWT330_multichannel"), ("760203", "P1W2", "YokogawaWT500_multi")],
)
def test_elements_are_channels_of_one_reading(model: str, wiring: str, name: str) -> None:
    """The sum, then each, as a PTDaemon writes several channels; all are of one request."""
    powers = {1: 101.0, 2: 52.0, 3: 33.0}
    instrument = Instrument(f"YOKOGAWA,{model},C1,F1.04", powers, wiring)
    analyzer = measured(instrument, (1, 2, 3))
    assert analyzer.identity.startswith(name)
    assert ",mode=power,1,1,3," in analyzer.identity
    fields = analyzer.samples()[0].line.split(",")
    watts = [float(fields[k + 1]) for k in range(len(fields)) if fields[k] == "Watts"]
    assert watts == [186.0, 101.0, 52.0, 33.0]
    volts, amps, factor = (float(fields[k]) for k in (5, 7, 9))
    assert 3 * volts * amps * factor == pytest.approx(186.0, rel=1e-5)
    asked = instrument.commands.count(":NUMERIC:NORMAL:VALUE?")
    assert asked <= len(analyzer.samples()) + 1
    instrument.powers["2"] = "9.91E+37"
    failed = measured(instrument, (1, 2, 3)).samples()[0].line
    assert failed.count("Watts,-1.000000") == 4
    instrument.close()


def test_an_element_that_measures_no_feed_is_refused() -> None:
    instrument = Instrument("YOKOGAWA,760203,C1,F1.04", {1: 1.0, 2: 1.0, 3: 1.0}, "V3A3")
    client = ScpiClient("127.0.0.1", instrument.port, "socket", 2.0)
    with pytest.raises(PeerFailed, match="element 3 measures no feed"):
        FastAnalyzer(client, (1, 2, 3)).open()
    client.close()
    FastAnalyzer(client, (1, 2)).open()
    client.close()
    instrument.close()


def test_unlike_ranges_of_elements_are_refused() -> None:
    instrument = Instrument("YOKOGAWA,760203,C1,F1.04", {1: 1.0, 2: 1.0})
    instrument.automatic["CURRENT"] = False
    instrument.ranges["CURRENT2"] = "5.0E+00"
    client = ScpiClient("127.0.0.1", instrument.port, "socket", 2.0)
    analyzer = FastAnalyzer(client, (1, 2))
    analyzer.open()
    with pytest.raises(PeerFailed, match="unlike current ranges"):
        analyzer.ranges()
    analyzer.close()
    instrument.close()


@pytest.mark.parametrize("text", ["0", "7", "1+1", "1,2", "one", "1+", "²"])
def test_elements_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"scpi:elements: names no elements"):
        power_server([MeterSpec("scpi", {"host": "127.0.0.1", "elements": text})])
