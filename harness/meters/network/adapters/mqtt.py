"""Read plugs and meters that publish through an MQTT broker (extra `mqtt`)."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from harness.core.documents import parse_json
from harness.core.errors import JoulemarkError, UsageError, shorten
from harness.meters.base import Unavailable
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed, reason
from harness.meters.network.device_map import DeviceMap
from harness.meters.network.json_answers import sample
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter

KEEPALIVE_S = 10
MAX_WAITING = 10_000
"""Messages that are kept between two reads."""
ARRIVAL_ERROR_S = 0.1
"""How late a message may arrive [s]: the device's own queue, the network and the broker."""
RECONNECT_S = (0.2, 5.0)
MAX_MESSAGE_BYTES = 1 << 16
WILDCARDS = frozenset("+#")


class Mqtt(NetworkMeter):
    """Plugs and meters that publish through an MQTT broker (Shelly, Tasmota, Zigbee2MQTT).

    Devices publish when something changes, and now and then otherwise. No message is not no power:
    it is no reading. What a broker kept from before (retained messages) is passed over.

    Args:
        name: Name of the device in its topics.
        user: Name to log in with. The password is in JOULEMARK_MQTT_PASSWORD or a file.
        password_file: File of mode 0600 that holds the password.
        tls: `yes` for TLS.
        ca: File with the certificates to trust.
        wait: How long to wait for a first message when probed [s].
        common: Options of every network meter.
    """

    protocol = "mqtt"
    default_port = 1883
    pushes = True
    remedy = "Check the broker and the topic: mosquitto_sub -h HOST -t '#' -v"

    def __init__(
        self,
        name: str = "",
        user: str = "",
        password_file: str = "",
        tls: str = "",
        ca: str = "",
        wait: str = "",
        **common: Any,
    ) -> None:
        protocol = self.protocol
        self._tls = options.flag(protocol, "tls", tls)
        if self._tls and not common.get("port"):
            common["port"] = "8883"
        super().__init__(**common)
        if self.map is None:
            raise UsageError(
                "what publishes must be named",
                where=f"{protocol}:device",
                expected="device=NAME or map=FILE.yaml",
                fix="joulemark meters --probe mqtt:host=HOST,device=shelly-gen2,name=plug-3",
            )
        if WILDCARDS & set(name):
            raise UsageError(
                "is not the name of one device",
                where=f"{protocol}:name",
                got=shorten(repr(name)),
                expected="a name without the wildcards + and #",
            )
        self.name, self.user = name, user
        self._ca = options.certificates(protocol, ca)
        self._password = options.secret(protocol, "password", password_file)
        self._wait_s = options.number(protocol, "wait", wait, 2 * self.timeout_s, 0.1, 600)
        self._client: Any = None
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[tuple[int, bytes]]] = {}
        self._broken = ""

    def connect(self) -> None:
        """Connect to the broker and subscribe to all topics.

        Raises:
            PeerFailed: The broker does not answer, or refuses the login.
            Unavailable: The package paho-mqtt is not installed.
        """
        paho = _library()
        self._waiting = {topic: deque(maxlen=MAX_WAITING) for topic in self._topics()}
        self._broken = "the broker does not answer"
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.on_connect, client.on_message = self._on_connect, self._on_message
        client.on_disconnect = self._on_disconnect
        client.reconnect_delay_set(*RECONNECT_S)
        client.connect_timeout = self.timeout_s
        if self.user:
            client.username_pw_set(self.user, self._password)
        if self._tls:
            client.tls_set(ca_certs=self._ca or None)
        self._client = client
        try:
            client.connect(self.address.host, self.address.port, KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise PeerFailed(
                f"no connection to port {self.address.port}: {reason(error)}"
            ) from None
        client.loop_start()
        end = time.monotonic() + self.timeout_s
        while self._broken and time.monotonic() < end:
            time.sleep(0.01)
        if self._broken:
            raise PeerFailed(self._broken)

    def disconnect(self) -> None:
        """End the connection and the thread that receives."""
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return False: a broker does not say what publishes through it."""
        del device_map
        return False

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return what arrived since the last fetch; when probed, wait for a first message.

        Raises:
            PeerFailed: The connection to the broker is lost.
        """
        if not self.points:
            self._await_messages()
        if self._broken:
            raise PeerFailed(self._broken)
        with self._lock:
            arrived = {topic: list(messages) for topic, messages in self._waiting.items()}
            for messages in self._waiting.values():
                messages.clear()
        return {point.id: _answers(point, arrived[self._topic(point)]) for point in points}

    def _await_messages(self) -> None:
        """Wait until each topic has had a message, for the time of the option `wait` at most."""
        end = time.monotonic() + self._wait_s
        while time.monotonic() < end and not all(self._waiting.values()) and not self._broken:
            time.sleep(0.01)

    def _topics(self) -> set[str]:
        channels = self.map.channels if self.map else ()
        return {self._named(str(item.read["topic"])) for item in channels}

    def _topic(self, point: Point) -> str:
        return self._named(str(point.read["topic"]))

    def _named(self, topic: str) -> str:
        if "{name}" in topic and not self.name:
            raise UsageError(
                "the device has no name", where="mqtt:name", expected=f"its name in {topic}"
            )
        return topic.replace("{name}", self.name)

    def _clock_error_s(self, offset_s: float | None, refresh_s: float) -> float:
        del offset_s, refresh_s
        return ARRIVAL_ERROR_S

    # --- called by the thread of paho

    def _on_connect(
        self, client: Any, _data: Any, _flags: Any, code: Any, _properties: Any
    ) -> None:
        if code.is_failure:
            self._broken = f"the broker refuses: {shorten(code, 40)}"
            return
        for topic in self._waiting:
            client.subscribe(topic)
        self._broken = ""

    def _on_disconnect(
        self, _client: Any, _data: Any, _flags: Any, _code: Any, _properties: Any
    ) -> None:
        self._broken = self._broken or "the connection to the broker is lost"

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        if message.retain or message.topic not in self._waiting:
            return
        with self._lock:
            self._waiting[message.topic].append(
                (time.time_ns(), bytes(message.payload[: MAX_MESSAGE_BYTES + 1]))
            )


def _answers(point: Point, messages: Sequence[tuple[int, bytes]]) -> Sequence[Sample] | str:
    """Return the numbers of some messages; a message without one makes a gap of them all."""
    samples = []
    for t_ns, payload in messages:
        result = _number(point, payload)
        if isinstance(result, str):
            return result
        samples.append(Sample(result.value, t_ns))
    return samples


def _number(point: Point, payload: bytes) -> Sample | str:
    if len(payload) > MAX_MESSAGE_BYTES:
        return f"a message of more than {MAX_MESSAGE_BYTES} bytes"
    pointer = str(point.read.get("pointer", ""))
    try:
        document = parse_json(payload, where="")
    except JoulemarkError:
        return f"not a message about power: {shorten(repr(payload[:40]), 60)}"
    return sample(document, pointer)


def _library() -> Any:
    """Import paho-mqtt."""
    try:
        from paho.mqtt import client
    except ImportError:
        raise Unavailable(
            "the package paho-mqtt is not installed",
            where="mqtt",
            fix="pip install 'joulemark[mqtt]'",
        ) from None
    return client


METER = Mqtt
