"""A real snmpd that plays a PDU, by versions 2c and 3."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import daemons
from fakes.trouble import check_trouble, good_reading, proxy

from harness.core.errors import UsageError
from harness.meters.base import Meter, Unavailable

pytest.importorskip("pysnmp", reason="pip install 'joulemark[snmp]'")

MakeMeter = Callable[..., Meter]
APC = ".1.3.6.1.4.1.318.1.1.26"
OUTLETS_W = {1: 120, 2: 0, 3: 77}
PDU = f"""
rocommunity public 127.0.0.1
rocommunity other 127.0.0.1
createUser reader SHA "auth-secret" AES "priv-secret"
rouser reader priv
sysObjectID .1.3.6.1.4.1.318.1.3.4.6
sysDescr APC Rack PDU, a stand-in
override {APC}.4.3.1.5.1 integer 21
override {APC}.9.4.3.1.7.1 integer {OUTLETS_W[1]}
override {APC}.9.4.3.1.7.3 integer {OUTLETS_W[3]}
override {APC}.9.4.3.1.7.4 integer -1
override .1.3.6.1.4.1.99999.1.0 octet_str "not a number"
override .1.3.6.1.4.1.99999.2.0 integer 1234
override .1.3.6.1.4.1.99999.3.0 integer 2
"""


def start_snmpd(settings: str) -> int:
    """Start an agent with some settings; return its UDP port."""
    program = daemons.require("snmpd", "snmpd")
    folder, port = daemons.folder("snmpd"), daemons.free_port(udp=True)
    (folder / "snmpd.conf").write_text(settings)
    modules = "system_mib,override,pass_persist,vacm_conf,vacm_context,usmConf,usmUser,snmpEngine"
    arguments = ["-f", "-Lo", "-C", "-c", "snmpd.conf", "-I", modules]
    arguments += ["--agentXSocket=none", f"udp:127.0.0.1:{port}"]
    environment = {"SNMP_PERSISTENT_DIR": str(folder), "PATH": "/usr/bin:/bin", "MIBS": ""}
    daemons.start([program, *arguments], cwd=folder, environment=environment)
    return port


@functools.cache
def pdu() -> int:
    return start_snmpd(PDU)


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a PDU for the contract of all meters."""
    del tmp_path, monkeypatch
    return {"host": "127.0.0.1", "port": str(pdu()), "refresh": "0.01"}


def test_a_pdu_is_recognised_with_its_outlets(network_meter: MakeMeter) -> None:
    meter = network_meter("snmp", pdu())
    channels = {channel.id: channel for channel in meter.probe()}
    assert channels.keys() == {"pdu", "outlet-1", "outlet-3"}
    assert channels["outlet-3"].part_of == "pdu"
    assert (channels["pdu"].boundary, channels["outlet-3"].boundary) == ("pdu", "wall")
    assert channels["pdu"].resolution == 10
    assert channels["pdu"].accuracy.reading_limit_pct == 3
    values = {reading.channel: reading.value for reading in meter.read()}
    assert values == {"pdu": 210.0, "outlet-1": 120.0, "outlet-3": 77.0}
    notes = {note.channel: note.message for note in meter.notes}  # type: ignore[attr-defined]
    assert "mark for no value" in notes["outlet-4"]
    assert meter.configuration()["device"] == "apc-rpdu2"  # type: ignore[attr-defined]


def test_one_outlet_alone_stands_by_itself(network_meter: MakeMeter) -> None:
    meter = network_meter("snmp", pdu(), only="outlet-3", measures="node-1")
    channel = meter.probe()[0]
    assert channel.part_of is None
    assert channel.extra["subject"]["instance"] == "node-1"
    assert [reading.value for reading in meter.read()] == [77.0]


def test_an_outlet_that_is_not_there_is_refused(network_meter: MakeMeter) -> None:
    with pytest.raises(UsageError, match="no such channel; got outlet-9, expected pdu, outlet-1"):
        network_meter("snmp", pdu(), only="outlet-9").probe()


def test_version_3_reads_with_keys_from_environment_and_file(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("JOULEMARK_SNMP_AUTH_KEY", "auth-secret")
    key = tmp_path / "key"
    key.write_text("priv-secret\n")
    key.chmod(0o600)
    meter = network_meter("snmp", pdu(), user="reader", privacy_key_file=str(key), only="pdu")
    meter.probe()
    assert [reading.value for reading in meter.read()] == [210.0]
    record = repr(meter.configuration())  # type: ignore[attr-defined]
    assert "secret" not in record
    assert "'version': '3'" in record
    key.chmod(0o644)
    with pytest.raises(UsageError, match="others may read"):
        network_meter("snmp", pdu(), user="reader", privacy_key_file=str(key))


def test_a_wrong_key_or_community_is_refused_with_the_remedy(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOULEMARK_SNMP_AUTH_KEY", "auth-wrong-secret")
    monkeypatch.setenv("JOULEMARK_SNMP_COMMUNITY", "nobody")
    for options in ({"user": "reader"}, {}):
        meter = network_meter("snmp", pdu(), timeout="0.2", **options)
        with pytest.raises(Unavailable, match="the community or the keys"):
            meter.probe()


def test_a_power_of_ten_is_read_from_the_device(network_meter: MakeMeter, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        'schema_version: "1.0"\nname: own\nprotocol: snmp\ntitle: a box\nsource: its MIB\n'
        "channels:\n"
        "- {id: node, kind: instant, boundary: node, refresh_s: 1, source: its MIB,\n"
        "   read: {oid: 1.3.6.1.4.1.99999.2.0, scale_oid: 1.3.6.1.4.1.99999.3.0}}\n"
        "- {id: text, kind: instant, boundary: node, refresh_s: 1, source: its MIB,\n"
        "   read: {oid: 1.3.6.1.4.1.99999.1.0}}\n"
        "- {id: absent, kind: instant, boundary: node, refresh_s: 1, source: its MIB,\n"
        "   read: {oid: 1.3.6.1.4.1.99999.8.0}}\n"
    )
    meter = network_meter("snmp", pdu(), map=str(own))
    assert [channel.id for channel in meter.probe()] == ["node"]
    assert [reading.value for reading in meter.read()] == [12.34]
    notes = {note.channel: note.message for note in meter.notes}  # type: ignore[attr-defined]
    assert "no number" in notes["text"]
    assert "no such object" in notes["absent"]


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(pdu(), udp=True) as between:
        options = {"timeout": "0.15", "refresh": "0.05", "only": "pdu"}
        check_trouble(network_meter("snmp", between.port, **options), between, ("down", "garbage"))


def test_without_the_package_its_extra_is_named(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysnmp.hlapi.v3arch", None)
    with pytest.raises(Unavailable, match=r"pip install 'joulemark\[snmp\]'"):
        network_meter("snmp", 1).probe()


def test_a_steady_load_is_a_reading_each_refresh(network_meter: MakeMeter) -> None:
    meter = network_meter("snmp", pdu(), only="pdu", refresh="0.2")
    meter.probe()
    assert good_reading(meter).value == 210.0
    assert meter.read() == ()
    assert good_reading(meter, 1.0).value == 210.0
