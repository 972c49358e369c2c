"""Speak with a PTDaemon: the line protocol by which MLPerf's power tools command an analyzer.

One command, one line of answer; only the readings of `RL` follow as lines of their own:

    Hello                        Hello, PTDaemon here!
    Identify                     YokogawaWT310,1000,1,...,version=1.11.1-...,...
    RR                           Ranges,<A auto>,<A>,<V auto>,<V>
    SR,V,Auto | SR,V,300         Range V changed
    Go,1000,0,<mark>             Starting untimed measurement, ...
    RL,*,* | RL                  Last <n> samples, and n lines
    Watts | Uncertainty          a summary since Go
    Stop                         Stopping untimed measurement
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.core.errors import JoulemarkError, shorten
from harness.core.numbers import plain_number
from harness.core.timestamps import from_mlperf
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.lines import LineClient

GREETING = "Hello, PTDaemon here!"
SAMPLE_MS = 1000
"""Time between two readings that MLPerf asks for [ms]."""
RANGE_TIMEOUT_S = 60.0
"""How long an analyzer may take to change a range [s]; real ones take 0.5 to 6 s."""
MAX_SAMPLES = 500_000
"""What a PTDaemon keeps of one measurement."""
SECONDS_PER_SAMPLE = 0.01
"""How long the transfer of one reading may take, at most [s]."""
_LAST = re.compile(r"Last (\d+) samples")
EMULATED = re.compile(r"version=[^,]*-(emulated|simulated)\b")
Listener = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class PtdRange:
    """Ranges of an analyzer.

    Attributes:
        amps: Current range [A]; None where it is automatic.
        volts: Voltage range [V]; None where it is automatic.
    """

    amps: float | None
    volts: float | None


@dataclass(frozen=True, slots=True)
class PtdSample:
    """One reading.

    Attributes:
        t_ns: Its time [ns UTC], if the daemon runs with UTC, as MLPerf demands.
        watts: Power [W]; of several channels, their sum.
        volts: Voltage [V].
        amps: Current [A].
        power_factor: Power factor.
        line: The whole line, as the daemon sent it.
    """

    t_ns: int
    watts: float
    volts: float
    amps: float
    power_factor: float
    line: str


@dataclass(slots=True)
class PtdClient:
    """A connection to one PTDaemon.

    Attributes:
        lines: The connection.
        listener: Called with each command and its answer.
        identity: The answer to `Identify`; empty before `open`.
    """

    lines: LineClient
    listener: Listener = field(default=lambda _command, _reply: None)
    identity: str = ""

    @property
    def is_emulated(self) -> bool:
        """Whether the daemon says that no analyzer is behind it."""
        return bool(EMULATED.search(self.identity))

    def listen(self, listener: Listener) -> None:
        """Call a function with each command and its answer from now on."""
        self.listener = listener

    def open(self) -> None:
        """Connect, greet and identify.

        Raises:
            PeerFailed: Nobody answers, or somebody else than a PTDaemon.
        """
        self.lines.open()
        greeting = self.ask("Hello")
        if greeting != GREETING:
            raise PeerFailed(f"not a PTDaemon: {shorten(repr(greeting), 40)}")
        self.identity = self.ask("Identify")

    def close(self) -> None:
        """Close the connection."""
        self.lines.close()

    def ask(self, command: str, timeout_s: float | None = None) -> str:
        """Send a command and return its answer.

        Raises:
            PeerFailed: No answer came in time.
        """
        reply = self.lines.ask(command, timeout_s)
        self.listener(command, reply)
        return reply

    def ranges(self) -> PtdRange:
        """Return the present ranges.

        Raises:
            PeerFailed: The answer states none.
        """
        reply = self.ask("RR")
        fields = reply.split(",")
        numbers = [plain_number(text) for text in fields[1:5]]
        if fields[0] != "Ranges" or len(numbers) != 4 or None in numbers:
            raise PeerFailed(f"no ranges: {shorten(repr(reply), 60)}")
        amps_auto, amps, volts_auto, volts = numbers
        return PtdRange(None if amps_auto == 1 else amps, None if volts_auto == 1 else volts)

    def set_range(self, quantity: str, value: str) -> None:
        """Set the range of `V` or `A` to a number or `Auto`.

        Raises:
            PeerFailed: The daemon does not confirm it.
        """
        reply = self.ask(f"SR,{quantity},{value}", RANGE_TIMEOUT_S)
        if reply != f"Range {quantity} changed":
            raise PeerFailed(f"the range of {quantity} is not set: {shorten(repr(reply), 60)}")

    def go(self, mark: str) -> None:
        """Begin to measure.

        Raises:
            PeerFailed: The daemon does not begin.
        """
        reply = self.ask(f"Go,{SAMPLE_MS},0,{mark}")
        if not reply.startswith("Starting untimed measurement"):
            raise PeerFailed(f"the measurement does not begin: {shorten(repr(reply), 80)}")

    def stop(self) -> None:
        """End the measurement.

        Raises:
            PeerFailed: No answer came in time.
        """
        self.ask("Stop")

    def samples(self) -> list[PtdSample]:
        """Return all readings of the measurement.

        An analyzer of one channel knows `RL` only, and one on DC `DC-RL`.

        Raises:
            PeerFailed: The daemon does not send as many as it says.
        """
        reply = self.ask("RL,*,*")
        if reply.startswith("Invalid number of parameters"):
            reply = self.ask("RL")
        elif reply.startswith("Unknown command"):
            reply = self.ask("DC-RL")
        match = _LAST.match(reply)
        count = int(match[1]) if match else MAX_SAMPLES + 1
        if count > MAX_SAMPLES:
            raise PeerFailed(f"no readings: {shorten(repr(reply), 60)}")
        timeout_s = self.lines.timeout_s + SECONDS_PER_SAMPLE * count
        lines = self.lines.lines(count, timeout_s)
        self.listener("", "\n".join(lines) + "\n")
        return [sample for line in lines if (sample := parse_sample(line)) is not None]


def parse_sample(line: str) -> PtdSample | None:
    """Return the reading of a line like `Time,07-23-2024 15:47:16.858,Watts,172.9,Volts,...`.

    None where the line is none.
    """
    fields = line.split(",")
    if (
        len(fields) < 10
        or fields[0] != "Time"
        or fields[2::2][:4]
        != [
            "Watts",
            "Volts",
            "Amps",
            "PF",
        ]
    ):
        return None
    numbers = [plain_number(text) for text in fields[3:10:2]]
    try:
        t_ns = from_mlperf(fields[1])
    except JoulemarkError:
        return None
    watts, volts, amps, power_factor = (
        float("nan") if number is None else number for number in numbers
    )
    return PtdSample(t_ns, watts, volts, amps, power_factor, line)
