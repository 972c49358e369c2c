"""Plugs that answer over HTTP: Shelly of both generations, Tasmota, and a map of one's own."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.json_server import Answer, JsonHandler, json_server, serve
from fakes.trouble import check_trouble, proxy

from harness.core.errors import UsageError
from harness.meters.base import Meter, ReadFailed, Unavailable

MakeMeter = Callable[..., Meter]

POWER_W = 61.5
SHELLY_GEN2 = {"id": "plug-x", "mac": "A8032ABCDEF0", "gen": 2, "app": "PlusPlugS", "ver": "1.4.4"}
TASMOTA = {"StatusSNS": {"Time": "2026-11-30T12:00:00", "ENERGY": {"Power": 62, "Factor": 0.9}}}


def plug(status: object) -> dict[str, Answer]:
    return {
        "/shelly": lambda _: SHELLY_GEN2,
        "/rpc/Switch.GetStatus?id=0": lambda _: status,
    }


@functools.cache
def _running_plug() -> int:
    return serve(plug({"id": 0, "apower": POWER_W})).server_address[1]


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a plug for the contract of all meters."""
    del tmp_path, monkeypatch
    return {"host": "127.0.0.1", "port": str(_running_plug()), "refresh": "0.01"}


def test_a_shelly_plug_is_recognised_and_read(network_meter: MakeMeter) -> None:
    meter = network_meter("http", _running_plug())
    channel = meter.probe()[0]
    assert (channel.id, channel.kind, channel.boundary) == ("plug", "instant", "wall")
    assert channel.nominal_interval_s == 1
    assert [reading.value for reading in meter.read()] == [POWER_W]
    configuration = meter.configuration()
    assert configuration["device"] == "shelly-gen2"
    assert configuration["identity"] == {"app": "PlusPlugS", "firmware": "1.4.4"}
    assert SHELLY_GEN2["mac"] not in channel.calibration_id + str(configuration)
    assert "127.0.0.1" not in str(configuration)


@pytest.mark.parametrize(
    ("answers", "device", "value_w"),
    [
        (
            {
                "/shelly": lambda _: {"type": "SHPLG-S", "mac": "1", "fw": "x"},
                "/meter/0": lambda _: {"power": 17.25, "is_valid": True},
            },
            "shelly-gen1",
            17.25,
        ),
        ({"/cm?cmnd=Status%208": lambda _: TASMOTA}, "tasmota", 62.0),
    ],
)
def test_other_plugs_are_told_apart(
    network_meter: MakeMeter, answers: Mapping[str, Answer], device: str, value_w: float
) -> None:
    with json_server(answers) as port:
        meter = network_meter("http", port)
        meter.probe()
        assert meter.configuration()["device"] == device
        assert [reading.value for reading in meter.read()] == [value_w]


OWN_MAP = """
schema_version: "1.0"
name: box
protocol: http
title: a box
source: its manual
channels:
"""


def test_an_unknown_device_is_refused_with_the_known_ones(network_meter: MakeMeter) -> None:
    with json_server({"/": lambda _: {}}) as port:
        meter = network_meter("http", port)
        with pytest.raises(UsageError, match=r"not built in.*shelly-gen2 or tasmota.*map=FILE"):
            meter.probe()


def test_a_map_of_ones_own_is_read(network_meter: MakeMeter, tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        OWN_MAP
        + """
  - id: energy
    quantity: energy
    read: {path: /data, pointer: "/sums/0/kwh", stamp: /time}
    scale: 3600000
    kind: counter
    boundary: wall
    refresh_s: 10
    source: its manual, page 3
"""
    )
    answers: dict[str, Answer] = {
        "/data": lambda _: {"time": "2026-11-30T12:00:00Z", "sums": [{"kwh": "1.5"}]}
    }
    with json_server(answers) as port:
        meter = network_meter("http", port, map=str(own))
        channel = meter.probe()[0]
        # Its clock is off, so counts are stamped here, at most half a refresh late.
        assert (channel.unit, channel.update_interval_s) == ("J", 5.0)
        reading = meter.read()[0]
        assert reading.value == 5_400_000
        assert reading.t_ns is None  # its clock is far off, so ours stamps
        assert "clock is" in meter.notes[0].message


def test_stamps_of_a_clock_a_little_ahead_are_used_with_its_error(
    network_meter: MakeMeter, tmp_path: Path
) -> None:
    """A stamp 4.5 s ahead and up to 10 s old: at most 14.5 s, over sqrt(3), rounded up."""
    own = tmp_path / "own.yaml"
    own.write_text(
        OWN_MAP
        + """
  - {id: power, kind: instant, boundary: wall, refresh_s: 10, source: page 9,
     read: {path: /data, pointer: /w, stamp: /time}}
"""
    )

    def answer(_: object) -> dict[str, object]:
        ahead = datetime.now(UTC) + timedelta(seconds=4.5)
        return {"time": ahead.isoformat().replace("+00:00", "Z"), "w": 100.0}

    answers: dict[str, Answer] = {"/data": answer}
    with json_server(answers) as port:
        meter = network_meter("http", port, map=str(own))
        channel = meter.probe()[0]
        assert meter.read()[0].t_ns is not None
    assert channel.clock == "device"
    assert channel.clock_error_s == 10.0


def test_the_login_is_answered_by_digest_and_stays_secret(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a Shelly demands it: SHA-256, computed here as RFC 7616 says."""
    monkeypatch.setenv("JOULEMARK_HTTP_PASSWORD", "s3cret")

    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    def status(request: JsonHandler) -> object:
        demand = 'Digest qop="auth", realm="plug-x", nonce="6a1b", algorithm=SHA-256'
        login = request.headers.get("Authorization")
        if not login:
            return 401, {"WWW-Authenticate": demand}, ""
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', login))
        first = digest("admin:plug-x:s3cret")
        second = digest(f"GET:{request.path}")
        middle = f"6a1b:{fields['nc']}:{fields['cnonce']}:auth"
        good = fields["response"] == digest(f"{first}:{middle}:{second}")
        return {"apower": POWER_W} if good else (401, {}, "")

    answers = {**plug(None), "/rpc/Switch.GetStatus?id=0": status}
    with json_server(answers) as port:
        meter = network_meter("http", port, user="admin")
        meter.probe()
        assert [reading.value for reading in meter.read()] == [POWER_W]
        assert "s3cret" not in repr(meter.configuration()) + repr(meter.client)


@pytest.mark.parametrize(
    "status", [{}, {"apower": None}, {"apower": "much"}, {"apower": -3}, {"apower": 1e9}, [1]]
)
def test_an_answer_without_power_is_a_gap(network_meter: MakeMeter, status: object) -> None:
    answers = plug({"apower": POWER_W})
    with json_server(answers) as port:
        meter = network_meter("http", port, refresh="0.01")
        meter.probe()
        answers["/rpc/Switch.GetStatus?id=0"] = lambda _: status
        with pytest.raises(ReadFailed):
            meter.read()


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(_running_plug()) as between:
        meter = network_meter("http", between.port, timeout="0.3", refresh="0.05")
        check_trouble(meter, between)


def test_a_plug_that_is_not_there_names_the_remedy(network_meter: MakeMeter) -> None:
    with pytest.raises(Unavailable, match=r"port 1: .*refused.*Open http"):
        network_meter("http", 1, device="tasmota").probe()
