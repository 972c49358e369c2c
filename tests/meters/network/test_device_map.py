"""Maps of devices: those that ship are valid, and a wrong one is refused by its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import JoulemarkError
from harness.meters import built_in, make, parse, public_spec
from harness.meters.network.device_map import MAPS, built_in_maps, find_map, read_map
from harness.traces.instruments import instruments

GOOD = """
schema_version: "1.0"
name: mine
protocol: modbus
title: mine
source: its manual
channels:
  - {id: a, read: {register: 1, type: int16}, kind: instant, boundary: wall, refresh_s: 1,
     source: its manual}
  - {id: b, read: {register: 2, type: int16}, kind: instant, boundary: wall, refresh_s: 1,
     part_of: a, source: its manual}
"""


def test_maps_that_ship_are_of_meters_and_say_where_their_numbers_come_from() -> None:
    maps = [read_map(path) for path in MAPS.glob("*.yaml")]
    assert len({(item.protocol, item.name) for item in maps}) == len(maps) >= 20
    for item in maps:
        assert item.protocol in built_in()
        assert item.name in built_in_maps(item.protocol)
        for channel in item.channels:
            assert channel.instrument in instruments()
            assert channel.accuracy.source
            assert channel.refresh_s > 0


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("refresh_s: 1", "refres_s: 1", "refresh_s"),
        ("boundary: wall,", "boundary: wall, quantumm: 1,", r"channels/0/quantumm: is no field"),
        ("register: 1,", "registre: 1,", "register"),
        ("type: int16", "type: int16, word_oder: big", r"read/word_oder: is no field"),
        ("part_of: a", "part_of: c", "names no other channel"),
        ("id: b", "id: a", "is there twice"),
        ("kind: instant", "kind: counter, quantity: power", "does not fit the kind"),
        ("protocol: modbus", "protocol: zigbee", "protocol"),
        ("schema_version", "# ", "schema_version"),
    ],
)
def test_a_wrong_map_is_refused_by_its_place(
    wrong: str, right: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace(wrong, right, 1))
    with pytest.raises(JoulemarkError, match=words):
        read_map(path)


def test_a_map_of_another_protocol_or_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert find_map("modbus", "", str(path)) is not None
    with pytest.raises(JoulemarkError, match="map of another protocol"):
        find_map("snmp", "", str(path))
    with pytest.raises(JoulemarkError, match=r"no such device; got sdm63.*Did you mean sdm630"):
        find_map("modbus", "sdm63", "")
    with pytest.raises(JoulemarkError, match="takes one map"):
        find_map("modbus", "sdm630", str(path))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("snmp:host=a,community=x", "JOULEMARK_SNMP_COMMUNITY"),
        ("redfish:host=a,password=x", "not taken from the command line"),
        ("http:host=user:pw@a", "is not a host"),
        ("http:host=a,port=99999", "not a number that is possible"),
        ("http:host=a,timeout=nan", "not a number that is possible"),
        ("http:host=a,ca=x", "trust in certificates needs TLS"),
        ("redfish:host=a,ca=/nowhere.pem", "redfish:ca: cannot be read: No such file"),
        ("http:host=a,tls=yes,ca=/dev/null", "http:ca: holds no certificates"),
        ("mqtt:host=a,device=tasmota,tls=yes,ca=/nowhere.pem", "mqtt:ca: cannot be read"),
        ("mqtt:host=a,device=tasmota,name=plug+", "mqtt:name: is not the name of one device"),
        ("http:host=a,user=x", "has no password"),
        ("redfish:host=a,fingerprint=12", "is not a fingerprint"),
        ("snmp:host=a,version=3", "belong together"),
        ("modbus:host=a,unit=1.5", "not a whole number"),
        ("modbus:host=a,show_host=perhaps", "is not a choice"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_read(text: str, words: str) -> None:
    with pytest.raises(JoulemarkError, match=words):
        make(parse(text))


def test_a_record_has_a_pseudonym_unless_the_host_may_be_shown() -> None:
    hidden = str(public_spec(parse("snmp:host=pdu.lab,only=outlet-3")))
    assert "pdu.lab" not in hidden
    assert "only=outlet-3" in hidden
    assert hidden == str(public_spec(parse("snmp:host=pdu.lab,only=outlet-3")))
    assert "pdu.lab" in str(public_spec(parse("snmp:host=pdu.lab,show_host=yes")))
