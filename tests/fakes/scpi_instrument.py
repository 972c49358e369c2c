"""An instrument that answers SCPI on a socket of 127.0.0.1."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable

POWER_W = 150.5
NO_DATA, OVERLOAD = "9.91E+37", "9.9E+37"
VALUES = {"U": "2.3010E+02", "I": "0.6600E+00", "LAMBDA": "0.9910E+00"}
SUM = "SIGMA"


class Instrument:
    """A WT310E, or another instrument by its identity; it integrates once it is told to.

    Args:
        identity: Its answer to `*IDN?`.
        elements: Power of each of its elements [W], by number.
        wiring: Its answer to `:INPUT:WIRING?`.
        summed: Elements that its sum is of; none where it has no sum.

    Attributes:
        items: What it numbers, as the commands set it up.
        ranges: Voltage and current range, as it writes them; of an element by its number, too.
        automatic: Which ranges are automatic.
        now_s: The clock of its integration [s].
        port: Its port on 127.0.0.1.
    """

    def __init__(
        self,
        identity: str = "YOKOGAWA,WT310E,C2XYZ,F1.04",
        elements: dict[int, float] | None = None,
        wiring: str = "P1W2",
        summed: tuple[int, ...] = (),
    ) -> None:
        self.identity, self.commands = identity, []
        self.powers = {
            str(number): f"{watts:.4E}" for number, watts in (elements or {1: POWER_W}).items()
        }
        if summed:
            self.powers[SUM] = f"{sum(float(self.powers[str(k)]) for k in summed):.4E}"
        self.wiring = wiring
        self.started_s: float | None = None
        self.now_s: Callable[[], float] = time.monotonic
        self.items = {1: "P,1", 2: "WH,1"}
        self.automatic = {"VOLTAGE": True, "CURRENT": True}
        self.ranges = {"VOLTAGE": "300.0E+00", "CURRENT": "2.0E+00"}
        instrument = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while line := self.rfile.readline(4096):
                    answer = instrument.answer(line.decode().strip())
                    if answer is not None:
                        self.wfile.write(f"{answer}\n".encode())

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port: int = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def power(self) -> str:
        """Power of the first element, as it writes it."""
        return self.powers["1"]

    @power.setter
    def power(self, text: str) -> None:
        self.powers["1"] = text

    def answer(self, command: str) -> str | None:
        self.commands.append(command)
        if command == ":INTEGRATE:START":
            self.started_s = self.now_s()
        if not command.partition(" ")[0].endswith("?"):
            self.set(command)
            return None
        if command == "*IDN?":
            return self.identity
        if command == ":INPUT:WIRING?":
            return self.wiring
        if command == ":NUMERIC:NORMAL:VALUE?":
            return ",".join(self.value(self.items[number]) for number in sorted(self.items))
        if command == "MEASURE:POWER? (@1)":
            return "1.2345E+01"
        words = command.removesuffix("?").split(":")
        quantity = words[2]
        if "AUTO" in words:
            return str(int(self.automatic[quantity]))
        element = words[-1].removeprefix("ELEMENT")
        return self.ranges.get(quantity + element, self.ranges.get(quantity, ""))

    def set(self, command: str) -> None:
        """Take an item or a range."""
        words = command.split(":")
        if words[-1].startswith("ITEM"):
            number, _, item = words[-1].removeprefix("ITEM").partition(" ")
            self.items[int(number)] = item
        elif words[1:2] == ["INPUT"]:
            name, _, value = words[-1].partition(" ")
            self.automatic[words[2]] = value == "ON"
            if name == "RANGE":
                self.ranges[words[2]] = f"{float(value[:-1]):.2E}"

    def value(self, item: str) -> str:
        """Return the present value of an item."""
        quantity, _, element = item.partition(",")
        power = self.powers.get(element, NO_DATA)
        if quantity == "P":
            return power
        return self.energy(power) if quantity == "WH" else VALUES[quantity]

    def energy(self, power: str) -> str:
        if self.started_s is None or power == NO_DATA:
            return NO_DATA
        return f"{float(power) * (self.now_s() - self.started_s) / 3600:.9E}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
