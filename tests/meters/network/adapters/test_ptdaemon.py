"""An emulated PTDaemon: the protocol of the real one, without its program."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakes.json_server import json_server
from fakes.trouble import check_trouble, good_reading, proxy
from lab_simulator.analyzer import WT333E
from lab_simulator.daemon import EmulatedDaemon

from harness.meters.base import Meter, ReadFailed, Unavailable
from harness.meters.network.clients.ptdaemon import parse_sample

MakeMeter = Callable[..., Meter]
POWER_W = 327.4
SAMPLE_S = 0.05


@functools.cache
def _daemon_for_all() -> EmulatedDaemon:
    return EmulatedDaemon(lambda _begin, _end: POWER_W, sample_s=SAMPLE_S)


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a daemon for the contract of all meters."""
    del tmp_path, monkeypatch
    return {"host": "127.0.0.1", "port": str(_daemon_for_all().port), "refresh": "0.05"}


def test_each_reading_comes_once_with_its_own_stamp(network_meter: MakeMeter) -> None:
    emulator = EmulatedDaemon(lambda _begin, _end: POWER_W, sample_s=SAMPLE_S)
    meter = network_meter("ptdaemon", emulator.port, refresh=str(SAMPLE_S))
    channel = meter.probe()[0]
    assert (channel.kind, channel.meter, channel.clock) == ("mean", "yokogawa-wt310e", "device")
    assert meter.simulated
    configuration = meter.configuration()  # type: ignore[attr-defined]
    assert configuration["device"] == "wt310e"
    assert configuration["identity"]["analyzer"] == "WT310E"
    readings = []
    for _ in range(6):
        time.sleep(SAMPLE_S)
        readings += meter.read()
    stamps = [reading.t_ns for reading in readings]
    assert len(set(stamps)) == len(stamps) >= 4
    assert np.diff(stamps) / 1e9 == pytest.approx(SAMPLE_S, abs=0.01)
    assert {reading.value for reading in readings} == {POWER_W}
    emulator.close()


def test_several_channels_are_summed(network_meter: MakeMeter) -> None:
    emulator = EmulatedDaemon(lambda _b, _e: 900.0, analyzer=WT333E, sample_s=SAMPLE_S)
    meter = network_meter("ptdaemon", emulator.port, refresh=str(SAMPLE_S))
    meter.probe()
    assert good_reading(meter).value == 900.0
    emulator.close()


def test_a_channel_of_several_is_read_by_its_field(
    network_meter: MakeMeter, tmp_path: Path
) -> None:
    """Field 0 is the sum; its channels have 34.2 %, 33.1 % and the rest."""
    own = tmp_path / "own.yaml"
    channel = "kind: mean, boundary: wall, refresh_s: 1, instrument: yokogawa-wt310e, source: own"
    fields = [f"  - {{id: f{field}, read: {{field: {field}}}, {channel}}}" for field in range(4)]
    head = 'schema_version: "1.0"\nname: own\nprotocol: ptdaemon\ntitle: own\nsource: own\n'
    own.write_text(head + "channels:\n" + "\n".join(fields) + "\n")
    emulator = EmulatedDaemon(lambda _b, _e: 900.0, analyzer=WT333E, sample_s=SAMPLE_S)
    meter = network_meter("ptdaemon", emulator.port, map=str(own), refresh=str(SAMPLE_S))
    meter.probe()
    by_field: dict[str, float] = {}
    for _ in range(100):
        by_field |= {reading.channel: reading.value for reading in meter.read()}
        if len(by_field) == 4:
            break
        time.sleep(SAMPLE_S)
    emulator.close()
    expected = {"f0": 900.0, "f1": 307.8, "f2": 297.9, "f3": 294.3}
    assert by_field == pytest.approx(expected, abs=0.06)


def test_the_limits_are_those_of_the_range_in_use(network_meter: MakeMeter) -> None:
    emulator = EmulatedDaemon(lambda _b, _e: 200.0, sample_s=SAMPLE_S)
    emulator.range_v, emulator.range_a = 300.0, 5.0
    channel = network_meter("ptdaemon", emulator.port, refresh=str(SAMPLE_S)).probe()[0]
    assert channel.accuracy.range_limit_w == pytest.approx(0.05 / 100 * 300 * 5)
    emulator.close()


def test_failed_readings_are_gaps(network_meter: MakeMeter) -> None:
    power = {"w": 100.0}
    emulator = EmulatedDaemon(lambda _b, _e: power["w"], sample_s=SAMPLE_S)
    meter = network_meter("ptdaemon", emulator.port, refresh=str(SAMPLE_S))
    meter.probe()
    good_reading(meter)
    power["w"] = -1.0
    time.sleep(2.5 * SAMPLE_S)
    with contextlib.suppress(ReadFailed):  # perhaps a good one is among them
        meter.read()
    time.sleep(2 * SAMPLE_S)
    with pytest.raises(ReadFailed, match="not a number"):
        meter.read()
    emulator.close()


def test_somebody_else_on_the_port_is_no_daemon(network_meter: MakeMeter) -> None:
    with (
        json_server({}) as port,
        pytest.raises(Unavailable, match=r"not a PTDaemon.*one at a time"),
    ):
        network_meter("ptdaemon", port, timeout="0.5").probe()


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(_daemon_for_all().port) as between:
        options = {"timeout": "0.3", "refresh": "0.05"}
        check_trouble(network_meter("ptdaemon", between.port, **options), between)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Time",
        "Time,07-23-2024 15:47:16.858,Watts,1",
        "Time,yesterday,Watts,1,Volts,1,Amps,1,PF,1",
    ],
)
def test_lines_that_are_no_readings(line: str) -> None:
    assert parse_sample(line) is None


def test_a_line_of_a_real_session() -> None:
    line = "Time,07-23-2024 15:47:16.858,Watts,172.9,Volts,118.0,Amps,1.673,PF,0.876"
    sample = parse_sample(line)
    assert sample is not None
    assert (sample.watts, sample.volts, sample.amps, sample.power_factor) == (
        172.9,
        118.0,
        1.673,
        0.876,
    )
    assert sample.t_ns == 1_721_749_636_858_000_000
