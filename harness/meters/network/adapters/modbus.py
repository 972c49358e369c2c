"""Read DIN-rail meters, PDUs and UPSs by Modbus TCP (extra `modbus`)."""

from __future__ import annotations

import logging
import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from harness.meters.base import Unavailable
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter

FORMATS: Mapping[str, str] = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
"""Codes of `struct` for the types of a map."""
MAX_DEVICE_ID = 255
MIN_DIGITS, MAX_DIGITS = -9, 9


class Modbus(NetworkMeter):
    """Meters with registers, by Modbus TCP; a map says which registers, and how they are stored.

    Args:
        unit: Number of the device behind a gateway; 1 by default.
        common: Options of every network meter.
    """

    protocol = "modbus"
    default_port = 502
    remedy = (
        "Check the address, that Modbus TCP is on, the number of the unit, and that no other "
        "program keeps the connection: many meters take one."
    )

    def __init__(self, unit: str = "", **common: Any) -> None:
        super().__init__(**common)
        self.unit = options.integer(self.protocol, "unit", unit, 1, 0, MAX_DEVICE_ID)
        self._client: Any = None
        self._failure: Any = OSError

    def connect(self) -> None:
        """Connect; Modbus meters seldom say what they are.

        Raises:
            PeerFailed: The device cannot be reached.
            Unavailable: The package pymodbus is not installed.
        """
        logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # it logs each failed request
        client, self._failure = _library()
        self._client = client(
            self.address.host, port=self.address.port, timeout=self.timeout_s, retries=0
        )
        if not self._client.connect():
            raise PeerFailed(f"no connection to port {self.address.port}")

    def disconnect(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return the present values of all registers.

        Raises:
            PeerFailed: The device does not answer.
        """
        return {point.id: self._value(point.read) for point in points}

    def configuration(self) -> dict[str, Any]:
        """Return what the record states, with the number of the unit."""
        return super().configuration() | {"unit": self.unit}

    def _value(self, read: Mapping[str, Any]) -> Sequence[Sample] | str:
        """Return the number in the registers, with its own power of ten where it has one."""
        code = FORMATS[str(read["type"])]
        table = str(read.get("table", "holding"))
        words = self._words(int(read["register"]), struct.calcsize(code) // 2, table)
        if isinstance(words, str):
            return words
        value = decoded(
            words, code, str(read.get("word_order", "big")), str(read.get("byte_order", "big"))
        )
        if not math.isfinite(value):
            return "not a number"
        if "scale_register" not in read:
            return [Sample(value)]
        exponent = self._words(int(read["scale_register"]), 1, table)
        if isinstance(exponent, str):
            return exponent
        digits = decoded(exponent, "h", "big", "big")
        if not MIN_DIGITS <= digits <= MAX_DIGITS:
            return "the device does not state the power of ten of its number"
        return [Sample(value * 10 ** int(digits))]

    def _words(self, register: int, count: int, table: str) -> list[int] | str:
        """Return some registers, or why the device does not give them.

        Raises:
            PeerFailed: The device does not answer.
        """
        function = getattr(self._client, f"read_{table}_registers")
        try:
            answer = function(register, count=count, device_id=self.unit)
        except self._failure:
            raise PeerFailed(f"no answer within {self.timeout_s:g} s") from None
        except (OSError, struct.error, IndexError, ValueError) as error:
            raise PeerFailed(f"no answer: {type(error).__name__}") from None
        if answer.isError():
            return f"the device refuses register {register} (code {answer.exception_code})"
        words: list[int] = list(answer.registers)
        if len(words) != count:
            raise PeerFailed(f"{len(words)} registers instead of {count}")
        return words


def decoded(words: Sequence[int], code: str, word_order: str, byte_order: str) -> float:
    """Return the number that some 16-bit words hold.

    Args:
        words: The words in the order of their registers.
        code: Code of `struct` for the type.
        word_order: `big` where the most significant word comes first.
        byte_order: `big` where the most significant byte of a word comes first.
    """
    ordered = words if word_order == "big" else words[::-1]
    packed = b"".join(struct.pack(">H" if byte_order == "big" else "<H", word) for word in ordered)
    return float(struct.unpack(f">{code}", packed)[0])


def _library() -> tuple[Any, Any]:
    """Return the client of pymodbus, and its exception."""
    try:
        from pymodbus import ModbusException
        from pymodbus.client import ModbusTcpClient
    except ImportError:
        raise Unavailable(
            "the package pymodbus is not installed",
            where="modbus",
            fix="pip install 'joulemark[modbus]'",
        ) from None

    return ModbusTcpClient, ModbusException


METER = Modbus
