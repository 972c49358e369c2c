"""A real Modbus server (pymodbus) with meters of several word orders behind it."""

from __future__ import annotations

import asyncio
import functools
import struct
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import daemons
from fakes.trouble import check_trouble, proxy

from harness.meters.base import Meter, ReadFailed, Unavailable
from harness.meters.network.adapters.modbus import decoded

pytest.importorskip("pymodbus", reason="pip install 'joulemark[modbus]'")

MakeMeter = Callable[..., Meter]
POWER_W = 431.25
COUNT_WH = 5_000_000_123
NAN = 0x7FC0


def registers(number: float, code: str) -> list[int]:
    packed = struct.pack(f">{code}", number)
    return list(struct.unpack(f">{len(packed) // 2}H", packed))


@functools.cache
def server() -> int:
    """A server whose unit 1 is an SDM630, and whose unit 2 is a meter of one's own."""
    from pymodbus.datastore import (
        ModbusDeviceContext,
        ModbusSequentialDataBlock,
        ModbusServerContext,
    )
    from pymodbus.server import ModbusTcpServer

    sdm = ModbusSequentialDataBlock(53, registers(POWER_W, "f"))
    own = [*registers(COUNT_WH, "Q")[::-1], *registers(4312, "I"), 0xFFFF, NAN, 0]
    devices = {
        1: ModbusDeviceContext(ir=sdm),
        2: ModbusDeviceContext(hr=ModbusSequentialDataBlock(101, own)),
    }
    port = daemons.free_port()
    started = threading.Event()

    async def serve() -> None:
        context = ModbusServerContext(devices=devices, single=False)
        listening = ModbusTcpServer(context, address=("127.0.0.1", port))
        await listening.serve_forever(background=True)
        started.set()
        await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    assert started.wait(5)
    return port


OWN_MAP = """
schema_version: "1.0"
name: own
protocol: modbus
title: a meter of one's own
source: its register map
channels:
  - {id: energy, kind: counter, boundary: wall, refresh_s: 1, source: page 3, scale: 3600,
     quantum: 3600, read: {register: 100, type: uint64, word_order: little}}
  - {id: power, kind: instant, boundary: wall, part_of: energy, refresh_s: 1, source: page 4,
     read: {register: 104, type: uint32, scale_register: 106}}
  - {id: broken, kind: instant, boundary: wall, refresh_s: 1, source: page 5,
     read: {register: 107, type: float32}}
  - {id: absent, kind: instant, boundary: wall, refresh_s: 1, source: page 6,
     read: {register: 5000, type: int16}}
"""


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of an SDM630 for the contract of all meters."""
    del tmp_path, monkeypatch
    port = str(server())
    return {"host": "127.0.0.1", "port": port, "device": "sdm630", "refresh": "0.01"}


def test_a_meter_is_read_by_its_map(network_meter: MakeMeter) -> None:
    meter = network_meter("modbus", server(), device="sdm630")
    channel = meter.probe()[0]
    assert (channel.meter, channel.accuracy.reading_limit_pct) == ("revenue-grade-pdu", 1)
    assert [reading.value for reading in meter.read()] == [POWER_W]
    assert meter.configuration()["unit"] == 1  # type: ignore[attr-defined]


def test_words_counters_and_powers_of_ten_of_ones_own(
    network_meter: MakeMeter, tmp_path: Path
) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(OWN_MAP)
    meter = network_meter("modbus", server(), map=str(own), unit="2")
    assert [channel.id for channel in meter.probe()] == ["energy", "power"]
    values = {reading.channel: reading.value for reading in meter.read()}
    assert values == {"energy": COUNT_WH * 3600, "power": pytest.approx(431.2)}
    notes = {note.channel: note.message for note in meter.notes}  # type: ignore[attr-defined]
    assert notes["broken"] == "is left out: not a number"
    assert "refuses register 5000" in notes["absent"]


@pytest.mark.parametrize(
    ("words", "code", "word_order", "byte_order", "value"),
    [
        ([0x0001, 0x0002], "I", "big", "big", 65538),
        ([0x0001, 0x0002], "I", "little", "big", 131073),
        ([0x0100, 0x0200], "I", "big", "little", 65538),
        ([0xFFFE], "h", "big", "big", -2),
        ([0x43D7, 0xA000], "f", "big", "big", 431.25),
        ([1, 2, 3, 4], "Q", "little", "big", 4 * 2**48 + 3 * 2**32 + 2 * 2**16 + 1),
    ],
)
def test_orders(
    words: list[int], code: str, word_order: str, byte_order: str, value: float
) -> None:
    assert decoded(words, code, word_order, byte_order) == value


def test_a_power_of_ten_that_is_none_is_a_gap(network_meter: MakeMeter, tmp_path: Path) -> None:
    from pymodbus.client import ModbusTcpClient

    own = tmp_path / "own.yaml"
    own.write_text(OWN_MAP)
    options = {"map": str(own), "unit": "2", "only": "power", "refresh": "0.01"}
    meter = network_meter("modbus", server(), **options)
    meter.probe()
    with ModbusTcpClient("127.0.0.1", port=server()) as client:
        client.write_registers(106, [20], device_id=2)
        with pytest.raises(ReadFailed, match="power of ten"):
            meter.read()
        client.write_registers(106, [0xFFFF], device_id=2)


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(server()) as between:
        options = {"device": "sdm630", "timeout": "0.3", "refresh": "0.05"}
        check_trouble(network_meter("modbus", between.port, **options), between)


def test_a_device_must_be_named(network_meter: MakeMeter) -> None:
    with pytest.raises(Exception, match=r"device=janitza-umg or sdm230 or sdm630.*write a map"):
        network_meter("modbus", server()).probe()


def test_without_the_package_its_extra_is_named(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pymodbus", None)
    with pytest.raises(Unavailable, match=r"pip install 'joulemark\[modbus\]'"):
        network_meter("modbus", 1, device="sdm630").probe()
