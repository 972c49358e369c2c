"""Read a BMC by IPMI: the power reading of DCMI, through the program `ipmitool`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from harness.core.errors import UsageError, shorten
from harness.core.numbers import plain_number
from harness.meters.base import Unavailable
from harness.meters.network import options
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.device_map import DeviceMap
from harness.meters.network.points import Fetched, Point, Sample
from harness.meters.network.polled import NetworkMeter

LOCAL = "local"
"""Host that stands for the BMC of this machine, through its driver."""
PASSWORD_VARIABLE = "IPMI_PASSWORD"
"""Where ipmitool takes the password from with `-E`."""
RETRIES = "1"
ACTIVATED = "activated"
_READING = re.compile(r"^\s*([^:]+?):\s+(\S+)", re.MULTILINE)
INSTANTANEOUS, STATE = "Instantaneous power reading", "Power reading state is"


class Ipmi(NetworkMeter):
    """The BMC of a server by IPMI (DCMI power reading), over the network or of this machine.

    Each reading is a call of ipmitool: 20 ms for this machine's BMC, some hundred over a network.

    Args:
        user: Name to log in with. The password is in JOULEMARK_IPMI_PASSWORD or a file.
        password_file: File of mode 0600 that holds the password.
        cipher: Cipher suite, like 3 or 17; "" for ipmitool's choice.
        common: Options of every network meter; host=local for the BMC of this machine.
    """

    protocol = "ipmi"
    default_port = 623
    remedy = (
        "Try it by hand: ipmitool -I lanplus -H HOST -U USER dcmi power reading. A BMC may have "
        "DCMI switched off, and older ones need cipher=3."
    )

    def __init__(
        self, user: str = "", password_file: str = "", cipher: str = "", **common: Any
    ) -> None:
        super().__init__(**common)
        self.user = user
        self._password = options.secret(self.protocol, "password", password_file)
        self._cipher = cipher and str(options.integer(self.protocol, "cipher", cipher, 0, 0, 255))
        if self.address.host != LOCAL and not (user and self._password):
            raise UsageError(
                "a BMC on the network needs a login",
                where=f"{self.protocol}:user",
                expected=f"user=NAME, and {options.variable(self.protocol, 'password')} or "
                "password_file=FILE",
                fix="host=local reads the BMC of this machine.",
            )
        self._program = ""

    def connect(self) -> None:
        """Find ipmitool, and ask the BMC what it is.

        Raises:
            Unavailable: ipmitool is not installed.
            PeerFailed: The BMC does not answer.
        """
        path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/bin", "/usr/sbin"])
        program = shutil.which("ipmitool", path=path)
        if program is None:
            raise Unavailable(
                "the program ipmitool is not installed",
                where=self.protocol,
                fix="apt-get install ipmitool, or dnf install ipmitool",
            )
        self._program = program
        self.identity = {"service": "DCMI"}

    def disconnect(self) -> None:
        """Do nothing: each call has its own session."""

    def recognises(self, device_map: DeviceMap) -> bool:
        """Return True: DCMI is the same on every BMC."""
        del device_map
        return True

    def fetch(self, points: Sequence[Point]) -> Fetched:
        """Return the present power.

        Raises:
            PeerFailed: The BMC does not answer.
        """
        text = self._run("dcmi", "power", "reading")
        fields = {match[1]: match[2] for match in _READING.finditer(text)}
        watts = plain_number(fields.get(INSTANTANEOUS, ""))
        answer: Sequence[Sample] | str
        if fields.get(STATE) != ACTIVATED:
            answer = "power measurement is not activated in the BMC"
        elif watts is None:
            answer = f"no power in the answer: {shorten(text.strip(), 60)!r}"
        else:
            answer = [Sample(watts)]
        return {point.id: answer for point in points}

    def _run(self, *words: str) -> str:
        """Call ipmitool; return what it prints.

        Raises:
            PeerFailed: It does not end in time, or fails.
        """
        environment = {**os.environ, PASSWORD_VARIABLE: self._password}
        try:
            result = subprocess.run(
                [self._program, *self._arguments(), *words],
                capture_output=True,
                timeout=self.timeout_s,
                env=environment,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise PeerFailed(f"no answer within {self.timeout_s:g} s") from None
        except OSError as error:
            raise PeerFailed(f"ipmitool cannot be started: {error.strerror}") from None
        if result.returncode:
            message = result.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            hidden = message.replace(self.address.host, "the BMC")
            raise PeerFailed(shorten(hidden or f"ipmitool failed ({result.returncode})", 100))
        return result.stdout.decode("utf-8", "replace")

    def _arguments(self) -> list[str]:
        if self.address.host == LOCAL:
            return ["-I", "open"]
        seconds = str(max(1, round(self.timeout_s / 2)))
        arguments = ["-I", "lanplus", "-H", self.address.host, "-p", str(self.address.port)]
        arguments += ["-U", self.user, "-E", "-N", seconds, "-R", RETRIES]
        return [*arguments, "-C", self._cipher] if self._cipher else arguments


METER = Ipmi
