"""A real mosquitto, through which a plug publishes."""

from __future__ import annotations

import atexit
import contextlib
import functools
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import daemons
from fakes.trouble import check_trouble, good_reading, proxy, read_once

from harness.core.errors import UsageError
from harness.meters.base import Meter, Unavailable

client = pytest.importorskip("paho.mqtt.client", reason="pip install 'joulemark[mqtt]'")

MakeMeter = Callable[..., Meter]
POWER_W = 88.5


@functools.cache
def broker() -> int:
    program = daemons.require("mosquitto", "mosquitto")
    folder, port = daemons.folder("mosquitto"), daemons.free_port()
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"
    )
    daemons.start([program, "-c", "mosquitto.conf"], port, cwd=folder)
    return port


@contextlib.contextmanager
def publishing(name: str, payload: Callable[[], str]) -> Iterator[None]:
    """Publish a plug's status twenty times a second while the block lasts."""
    publisher: Any = client.Client(client.CallbackAPIVersion.VERSION2)
    publisher.connect("127.0.0.1", broker())
    publisher.loop_start()
    stop = threading.Event()

    def publish() -> None:
        while not stop.wait(0.05):
            publisher.publish(f"{name}/status/switch:0", payload())

    thread = threading.Thread(target=publish, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        publisher.disconnect()
        publisher.loop_stop()


@functools.cache
def _plug_for_all() -> Any:
    running = publishing("always", lambda: f'{{"apower": {POWER_W}}}')
    running.__enter__()
    atexit.register(running.__exit__, None, None, None)
    return running


OPTIONS = {"device": "shelly-gen2", "wait": "2", "refresh": "0.05", "timeout": "0.5"}


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Options of a plug for the contract of all meters."""
    del tmp_path, monkeypatch
    _plug_for_all()
    return {"host": "127.0.0.1", "port": str(broker()), "name": "always", **OPTIONS}


def test_messages_are_stamped_when_they_arrive(network_meter: MakeMeter) -> None:
    _plug_for_all()
    meter = network_meter("mqtt", broker(), name="always", **OPTIONS)
    channel = meter.probe()[0]
    assert (channel.id, channel.clock, channel.clock_error_s) == ("plug", "system", 0.1)
    time.sleep(0.3)
    readings = list(meter.read())
    assert {reading.value for reading in readings} == {POWER_W}
    assert len(readings) >= 4
    assert len({reading.t_ns for reading in readings}) == len(readings)


def test_silence_is_no_reading_and_a_wrong_message_a_gap(network_meter: MakeMeter) -> None:
    payload = {"now": '{"apower": 40.0}'}
    meter = network_meter("mqtt", broker(), name="moody", **OPTIONS)
    with publishing("moody", lambda: payload["now"]):
        meter.probe()
        assert good_reading(meter).value == 40.0
        for wrong in ("", "{}", '{"apower": null}', "\xff", "[" * 5000):
            payload["now"] = wrong
            time.sleep(0.12)
            read_once(meter)
            time.sleep(0.12)
            assert all(reading.fault for reading in read_once(meter)), wrong
        payload["now"] = '{"apower": 41.0}'
        time.sleep(0.12)
        read_once(meter)
        assert good_reading(meter).value == 41.0
    read_once(meter)
    assert read_once(meter) == []


def test_what_the_broker_kept_is_not_a_reading(network_meter: MakeMeter) -> None:
    publisher: Any = client.Client(client.CallbackAPIVersion.VERSION2)
    publisher.connect("127.0.0.1", broker())
    publisher.loop_start()
    sent = publisher.publish("old/status/switch:0", '{"apower": 999}', qos=1, retain=True)
    sent.wait_for_publish(5)
    publisher.disconnect()
    publisher.loop_stop()
    meter = network_meter("mqtt", broker(), name="old", **OPTIONS | {"wait": "0.3"})
    with pytest.raises(Unavailable, match="no value"):
        meter.probe()


def test_trouble_gives_gaps_and_ends_when_it_ends(network_meter: MakeMeter) -> None:
    _plug_for_all()
    with proxy(broker()) as between:
        meter = network_meter("mqtt", between.port, name="always", **OPTIONS)
        check_trouble(meter, between, ("down", "hang", "garbage"))


def test_device_and_name_are_demanded(network_meter: MakeMeter) -> None:
    with pytest.raises(UsageError, match="what publishes must be named"):
        network_meter("mqtt", 1)
    with pytest.raises(UsageError, match=r"the device has no name.*\{name\}/status/switch:0"):
        network_meter("mqtt", 1, device="shelly-gen2").probe()


def test_without_the_package_its_extra_is_named(
    network_meter: MakeMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "paho.mqtt", None)
    with pytest.raises(Unavailable, match=r"pip install 'joulemark\[mqtt\]'"):
        network_meter("mqtt", 1, device="tasmota", name="x").probe()
