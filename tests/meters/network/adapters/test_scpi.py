"""An instrument that answers SCPI on a socket of 127.0.0.1, read through PyVISA."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes.scpi_instrument import NO_DATA, OVERLOAD, POWER_W, Instrument
from fakes.trouble import check_trouble, proxy

from harness.core.errors import UsageError
from harness.meters.base import Meter, ReadFailed, Unavailable

pytest.importorskip("pyvisa_py", reason="pip install 'joulemark[scpi]'")

MakeMeter = Callable[..., Meter]


@functools.cache
def wt310e() -> Instrument:
    return Instrument()


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of an analyzer for the contract of all meters."""
    del tmp_path, monkeypatch
    return {"host": "127.0.0.1", "port": str(wt310e().port), "refresh": "0.01"}


def test_an_analyzer_is_set_up_and_read_with_the_limits_of_its_range(
    network_meter: MakeMeter,
) -> None:
    analyzer = Instrument()
    meter = network_meter("scpi", analyzer.port)
    channel = meter.probe()[0]
    assert (channel.id, channel.kind, channel.meter) == ("power", "mean", "yokogawa-wt310e")
    assert channel.accuracy.range_limit_w == pytest.approx(0.05 / 100 * 300 * 2)
    assert ":NUMERIC:NORMAL:ITEM1 P,1" in analyzer.commands
    assert ":INTEGRATE:START" not in analyzer.commands
    assert [reading.value for reading in meter.read()] == [POWER_W]
    configuration = meter.configuration()  # type: ignore[attr-defined]
    assert configuration["session"] == "scpi, no PTDaemon"
    assert "C2XYZ" not in str(configuration) + channel.calibration_id
    meter.close()  # type: ignore[attr-defined]
    analyzer.close()


def test_energy_is_integrated_in_the_meter(network_meter: MakeMeter) -> None:
    analyzer = Instrument()
    meter = network_meter("scpi", analyzer.port, device="wt300e-integrating", refresh="0.02")
    channels = {channel.id: channel for channel in meter.probe()}
    assert channels["power"].part_of == "energy"
    assert channels["energy"].unit == "J"
    readings = []
    for _ in range(4):
        time.sleep(0.1)
        readings.append((time.monotonic(), {r.channel: r.value for r in meter.read()}["energy"]))
    seconds = readings[-1][0] - readings[0][0]
    joules = readings[-1][1] - readings[0][1]
    assert joules / seconds == pytest.approx(POWER_W, rel=0.05)
    meter.close()  # type: ignore[attr-defined]
    analyzer.close()


@pytest.mark.parametrize("text", [NO_DATA, OVERLOAD, "NAN", "INF", "", "-5.0E+00"])
def test_no_data_and_overload_are_gaps(network_meter: MakeMeter, text: str) -> None:
    analyzer = wt310e()
    meter = network_meter("scpi", analyzer.port, refresh="0.01")
    meter.probe()
    analyzer.power = text
    try:
        with pytest.raises(ReadFailed):
            meter.read()
    finally:
        analyzer.power = f"{POWER_W:.4E}"


@pytest.mark.parametrize(
    ("identity", "device", "boundary"),
    [
        ("YOKOGAWA,WT332,C1,F2.01", "wt300", "wall"),
        ("YOKOGAWA,760203-D,C1,F2.21", "wt500", "wall"),
        ("Keysight Technologies,N6705C,MY1,E.02", "keysight-n6700", "psu-output"),
    ],
)
def test_other_instruments_are_told_apart(
    network_meter: MakeMeter, identity: str, device: str, boundary: str
) -> None:
    analyzer = Instrument(identity)
    meter = network_meter("scpi", analyzer.port)
    assert meter.probe()[0].boundary == boundary
    assert meter.configuration()["device"] == device  # type: ignore[attr-defined]
    meter.close()  # type: ignore[attr-defined]
    analyzer.close()


def test_an_unknown_instrument_is_refused_by_its_name(network_meter: MakeMeter) -> None:
    analyzer = Instrument("RIGOL TECHNOLOGIES,DP832,DP8,1.00")
    with pytest.raises(UsageError, match=r"not built in; got RIGOL TECHNOLOGIES; DP832"):
        network_meter("scpi", analyzer.port).probe()
    analyzer.close()


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(wt310e().port) as between:
        options = {"timeout": "0.3", "refresh": "0.05"}
        check_trouble(network_meter("scpi", between.port, **options), between)


def test_without_the_packages_their_extra_is_named(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyvisa", None)
    with pytest.raises(Unavailable, match=r"pip install 'joulemark\[scpi\]'"):
        network_meter("scpi", 1).probe()
