"""A real upsd with the simulated UPS of NUT (dummy-ups) behind it."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import daemons
from fakes.trouble import check_trouble, proxy

from harness.core.errors import UsageError
from harness.meters.base import Meter, Unavailable
from harness.meters.network.adapters.nut import Nut

MakeMeter = Callable[..., Meter]
DRIVERS = ("/lib/nut", "/usr/lib/nut", "/usr/libexec/nut")
UPSS = ("full", "small")
FULL = "ups.mfr: ACME\nups.model: Smart 1500\nups.serial: S4711\nups.realpower: 412\nups.load: 41\n"
LOAD_ONLY = "ups.model: Small 600\nups.load: 25\nups.realpower.nominal: 360\n"


def program_of_nut(name: str) -> str:
    """Return the path of a program, or skip the test.

    Debian's /usr/sbin/upsd is a script that starts the program in /lib/nut if /etc/nut allows it.
    """
    for folder in DRIVERS:
        if (Path(folder) / name).is_file():
            return str(Path(folder) / name)
    pytest.skip(f"{name} is not installed: apt-get install nut-server")


@functools.cache
def upsd() -> int:
    program, dummy = program_of_nut("upsd"), program_of_nut("dummy-ups")
    folder, port = daemons.folder("nut"), daemons.free_port()
    (folder / "full.dev").write_text(FULL)
    (folder / "small.dev").write_text(LOAD_ONLY)
    (folder / "ups.conf").write_text(
        "".join(
            f"[{name}]\n driver = dummy-ups\n port = {folder}/{name}.dev\n mode = dummy-once\n"
            for name in UPSS
        )
    )
    (folder / "upsd.conf").write_text(f"LISTEN 127.0.0.1 {port}\n")
    (folder / "upsd.users").write_text("")
    for name in ("ups.conf", "upsd.conf", "upsd.users"):
        (folder / name).chmod(0o600)
    paths = {"NUT_CONFPATH": str(folder), "NUT_STATEPATH": str(folder)}
    environment = {**os.environ, **paths, "NUT_ALTPIDPATH": str(folder), "NUT_PIDPATH": str(folder)}
    user = ["-u", "root"] if os.getuid() == 0 else []
    for name in UPSS:
        daemons.start([dummy, "-a", name, "-F", *user], cwd=folder, environment=environment)
    daemons.wait_for(lambda: all((folder / f"dummy-ups-{ups}").exists() for ups in UPSS))
    daemons.start([program, "-F", *user], port, cwd=folder, environment=environment)
    daemons.wait_for(lambda: _has_values(port))
    return port


def _has_values(port: int) -> bool:
    for ups in UPSS:
        meter = Nut(host="127.0.0.1", port=str(port), ups=ups, device="ups")
        try:
            meter.probe()
        except Unavailable:
            return False
        finally:
            meter.close()
    return True


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a UPS for the contract of all meters."""
    del tmp_path, monkeypatch
    return {"host": "127.0.0.1", "port": str(upsd()), "ups": "full", "refresh": "0.01"}


def test_real_power_is_read_and_the_serial_number_hidden(network_meter: MakeMeter) -> None:
    meter = network_meter("nut", upsd(), ups="full")
    channels = meter.probe()
    assert [channel.id for channel in channels] == ["output"]
    assert [reading.value for reading in meter.read()] == [412.0]
    record = repr(meter.configuration())  # type: ignore[attr-defined]
    assert "Smart 1500" in record
    assert "S4711" not in record + channels[0].calibration_id


def test_a_ups_without_real_power_gives_its_load(network_meter: MakeMeter) -> None:
    meter = network_meter("nut", upsd(), ups="small")
    channel = meter.probe()[0]
    assert (channel.id, channel.part_of) == ("load", None)
    assert channel.accuracy.reading_limit_pct == 10
    assert [reading.value for reading in meter.read()] == [90.0]


def test_of_several_upss_one_must_be_named(network_meter: MakeMeter) -> None:
    with pytest.raises(UsageError, match=r"several UPSs.*ups=full or small"):
        network_meter("nut", upsd()).probe()
    with pytest.raises(UsageError, match=r"no such UPS; got large"):
        network_meter("nut", upsd(), ups="large").probe()


def test_a_wrong_login_is_refused(network_meter: MakeMeter) -> None:
    meter = network_meter("nut", upsd(), ups="full", user="two words")
    with pytest.raises(Unavailable, match="the login is refused"):
        meter.probe()


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    with proxy(upsd()) as between:
        options = {"ups": "full", "timeout": "0.3", "refresh": "0.05"}
        check_trouble(network_meter("nut", between.port, **options), between)
