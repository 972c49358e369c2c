"""Compare the clock with a time server (SNTP, RFC 4330)."""

from __future__ import annotations

import socket
import struct
import time
from dataclasses import dataclass

from harness.core.errors import JoulemarkError

NTP_PORT, TIMEOUT_S = 123, 5.0
EPOCH_S = 2_208_988_800
"""Seconds from 1900 to 1970."""
REQUEST = b"\x23" + bytes(47)
"""Version 4, mode client."""
PACKET = struct.Struct("!BBbb11I")


class NtpFailed(JoulemarkError):
    """A time server does not answer, or the clock is too far off."""


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """How far the clock is off.

    Attributes:
        offset_s: Time of the server less ours [s].
        delay_s: Time that the packets were on their way [s].
    """

    offset_s: float
    delay_s: float


def clock_offset(host: str, port: int = NTP_PORT) -> ClockOffset:
    """Ask a time server once.

    Raises:
        NtpFailed: It does not answer, or not as a time server.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
            connection.settimeout(TIMEOUT_S)
            sent_s = time.time()
            connection.sendto(REQUEST, (host, port))
            packet = connection.recv(1024)
            back_s = time.time()
    except OSError as error:
        raise NtpFailed(
            "the time server does not answer",
            where="--ntp",
            got=str(error),
            fix="Name another server, like --ntp pool.ntp.org.",
        ) from None
    if len(packet) < PACKET.size or packet[0] & 7 != 4 or not packet[1]:
        raise NtpFailed("is no time server, or has no time itself", where="--ntp")
    fields = PACKET.unpack(packet[: PACKET.size])
    received_s, transmitted_s = (
        fields[index] - EPOCH_S + fields[index + 1] / 2**32 for index in (11, 13)
    )
    return ClockOffset(
        offset_s=((received_s - sent_s) + (transmitted_s - back_s)) / 2,
        delay_s=(back_s - sent_s) - (transmitted_s - received_s),
    )
