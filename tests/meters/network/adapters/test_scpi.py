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
POLL_S = 0.03
"""Longer than the time between two polls of a meter that refreshes each 0.02 s [s]."""


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
    clock = {"s": 0.0}
    analyzer.now_s = lambda: clock["s"]
    meter = network_meter("scpi", analyzer.port, device="wt300e-integrating", refresh="0.02")
    channels = {channel.id: channel for channel in meter.probe()}
    assert channels["power"].part_of == "energy"
    assert channels["energy"].unit == "J"
    first = {reading.channel: reading.value for reading in meter.read()}
    clock["s"] += 10.0
    time.sleep(POLL_S)
    second = {reading.channel: reading.value for reading in meter.read()}
    assert second["energy"] - first["energy"] == pytest.approx(POWER_W * 10.0)
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
        ("YOKOGAWA,WT310,C1,F2.01", "wt300", "wall"),
        ("YOKOGAWA,WT332,C1,F2.01", "wt330", "wall"),
        ("YOKOGAWA,WT333E,C1,F1.04", "wt330e", "wall"),
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


ELEMENTS = {1: 101.0, 2: 52.0, 3: 33.0}


@pytest.mark.parametrize(
    ("model", "wiring", "elements", "summed", "parts", "apart", "range_w"),
    [
        ("WT333E", "P3W4", {1, 2, 3}, (1, 2, 3), {1, 2, 3}, set(), 1800.0),
        ("WT332E", "P1W3", {1, 3}, (1, 3), {1, 3}, set(), 1200.0),
        ("WT333E", "V3A3", {1, 2, 3}, (1, 3), {1, 3}, set(), 1200.0),
        ("760203", "P1W2,P1W2,P1W2", {1, 2, 3}, (), set(), {1, 2, 3}, None),
        ("760203", "P1W3,P1W2", {1, 2, 3}, (1, 2), {1, 2}, {3}, 1800.0),
        ("760203", "V3A3", {1, 2, 3}, (1, 2), {1, 2}, set(), 1800.0),
        ("760202", "P3W3,NONE", {1, 2}, (1, 2), {1, 2}, set(), 1800.0),
        ("760203", "?", {1, 2, 3}, (1, 2, 3), {1, 2, 3}, set(), 2400.0),
    ],
)
def test_elements_have_one_stamp_and_count_once(
    network_meter: MakeMeter,
    model: str,
    wiring: str,
    elements: set[int],
    summed: tuple[int, ...],
    parts: set[int],
    apart: set[int],
    range_w: float | None,
) -> None:
    """The sum contains what the wiring sums up; what it does not contain counts by itself."""
    powers = {element: ELEMENTS[element] for element in elements}
    analyzer = Instrument(f"YOKOGAWA,{model},C1,F1.04", powers, wiring, summed)
    analyzer.ranges["CURRENT2"] = "4.0E+00"  # that of a WT500, which has one for each element
    meter = network_meter("scpi", analyzer.port, refresh="0.01")
    channels = {channel.id: channel for channel in meter.probe()}
    expected = {f"element-{k}" for k in parts | apart} | ({"total"} if summed else set())
    assert channels.keys() == expected
    assert {k for k in parts | apart if channels[f"element-{k}"].part_of} == parts
    asked = analyzer.commands.count(":NUMERIC:NORMAL:VALUE?")
    readings = {reading.channel: reading.value for reading in meter.read()}
    assert analyzer.commands.count(":NUMERIC:NORMAL:VALUE?") == asked + 1
    assert readings["element-1"] == 101.0
    if range_w is not None:
        assert readings["total"] == sum(ELEMENTS[k] for k in summed)
        limit_pct = 0.05 if model.endswith("E") else 0.1
        assert channels["total"].accuracy.range_limit_w == pytest.approx(limit_pct / 100 * range_w)
    if 2 in parts | apart and model == "760203":
        assert channels["element-2"].accuracy.range_limit_w == pytest.approx(0.001 * 300 * 4)
    meter.close()  # type: ignore[attr-defined]
    analyzer.close()


def test_each_element_is_integrated_in_the_meter(network_meter: MakeMeter) -> None:
    analyzer = Instrument("YOKOGAWA,WT333,C1,F1.04", ELEMENTS, "P3W4", (1, 2, 3))
    clock = {"s": 0.0}
    analyzer.now_s = lambda: clock["s"]
    options = {"device": "wt330-integrating", "refresh": "0.02"}
    meter = network_meter("scpi", analyzer.port, **options)
    channels = {channel.id: channel for channel in meter.probe()}
    assert {id_ for id_ in channels if channels[id_].part_of == "energy"} == {
        "energy-1",
        "energy-2",
        "energy-3",
        "power",
    }
    begin = {reading.channel: reading.value for reading in meter.read()}
    clock["s"] += 10.0
    time.sleep(POLL_S)
    end = {reading.channel: reading.value for reading in meter.read()}
    for id_, joules in (("energy", 1860.0), ("energy-2", 520.0)):
        assert end[id_] - begin[id_] == pytest.approx(joules)
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


def test_a_port_where_nobody_listens_is_no_slow_answer(network_meter: MakeMeter) -> None:
    with pytest.raises(Unavailable, match="cannot be read: no connection"):
        network_meter("scpi", 1).probe()


def test_without_the_packages_their_extra_is_named(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyvisa", None)
    with pytest.raises(Unavailable, match=r"pip install 'joulemark\[scpi\]'"):
        network_meter("scpi", 1).probe()
