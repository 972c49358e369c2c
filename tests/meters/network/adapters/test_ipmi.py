"""A BMC that pyghmi plays, read by the real ipmitool."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import daemons
from fakes.trouble import check_trouble, proxy

from harness.core.errors import UsageError
from harness.meters.base import Meter, ReadFailed, Unavailable
from harness.meters.network.adapters.ipmi import Ipmi

MakeMeter = Callable[..., Meter]
POWER_W = 325
PASSWORD = "s3cret"
BMC = """
import struct, sys
from pyghmi.ipmi.bmc import Bmc
class PowerBmc(Bmc):
    def handle_raw_request(self, request, session):
        if (request["netfn"], request["command"]) != (0x2C, 2):
            return super().handle_raw_request(request, session)
        watts, state = (int(text) for text in open(sys.argv[2]).read().split())
        numbers = struct.pack("<HHHHIIB", watts, 1, 999, 17, 1796000000, 1000, state)
        return session.send_ipmi_response(data=[0xDC, *numbers])
PowerBmc({"reader": "s3cret"}, port=int(sys.argv[1]), address="127.0.0.1").listen()
"""
ACTIVE, INACTIVE = 0x40, 0
OPTIONS = {"user": "reader", "cipher": "3", "timeout": "2"}


@functools.cache
def bmc() -> tuple[int, Path]:
    """A BMC, and the file that holds its power and whether measuring is on."""
    pytest.importorskip("pyghmi", reason="pip install pyghmi")
    daemons.require("ipmitool", "ipmitool")
    folder, port = daemons.folder("ipmi"), daemons.free_port(udp=True)
    state = folder / "power"
    state.write_text(f"{POWER_W} {ACTIVE}")
    (folder / "bmc.py").write_text(BMC)
    daemons.start([sys.executable, "bmc.py", str(port), str(state)], cwd=folder)
    daemons.wait_for(lambda: _answers(port))
    return port, state


def _answers(port: int) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JOULEMARK_IPMI_PASSWORD", PASSWORD)
        meter = Ipmi(host="127.0.0.1", port=str(port), **OPTIONS)
    try:
        return bool(meter.probe())
    except Unavailable:
        return False


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOULEMARK_IPMI_PASSWORD", PASSWORD)


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a BMC for the contract of all meters."""
    del tmp_path
    monkeypatch.setenv("JOULEMARK_IPMI_PASSWORD", PASSWORD)
    return {"host": "127.0.0.1", "port": str(bmc()[0]), "refresh": "0.01", **OPTIONS}


@pytest.mark.usefixtures("password")
def test_the_power_reading_of_dcmi_is_read(network_meter: MakeMeter) -> None:
    meter = network_meter("ipmi", bmc()[0], **OPTIONS)
    channel = meter.probe()[0]
    assert (channel.id, channel.boundary, channel.resolution) == ("node", "node", 1)
    assert [reading.value for reading in meter.read()] == [POWER_W]
    assert PASSWORD not in repr(meter.configuration())  # type: ignore[attr-defined]


@pytest.mark.usefixtures("password")
def test_a_bmc_that_does_not_measure_is_a_gap(network_meter: MakeMeter) -> None:
    port, state = bmc()
    meter = network_meter("ipmi", port, refresh="0.01", **OPTIONS)
    meter.probe()
    state.write_text(f"0 {INACTIVE}")
    try:
        with pytest.raises(ReadFailed, match="not activated"):
            meter.read()
    finally:
        state.write_text(f"{POWER_W} {ACTIVE}")


def test_a_wrong_password_is_refused(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOULEMARK_IPMI_PASSWORD", "wrong")
    with pytest.raises(Unavailable, match=r"port \d+: .*dcmi power reading"):
        network_meter("ipmi", bmc()[0], **OPTIONS).probe()


def test_a_login_is_demanded_but_for_this_machine(network_meter: MakeMeter) -> None:
    with pytest.raises(UsageError, match=r"needs a login.*JOULEMARK_IPMI_PASSWORD"):
        network_meter("ipmi", 623, user="reader")


def test_without_the_program_its_package_is_named(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch, password: None
) -> None:
    del password
    monkeypatch.setattr("shutil.which", lambda *_args, **_options: None)
    with pytest.raises(Unavailable, match="apt-get install ipmitool"):
        network_meter("ipmi", 1, **OPTIONS).probe()


@pytest.mark.usefixtures("password")
def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(bmc()[0], udp=True) as between:
        options = OPTIONS | {"timeout": "0.6", "refresh": "0.05"}
        check_trouble(network_meter("ipmi", between.port, **options), between, ("down", "garbage"))
