"""The director: it commands the analyzers of a session, through their PTDaemons or by SCPI.

It answers the commands of the system under test as MLPerf's own director does since 2025, in one
process with it or on another machine. In order, for each session:

1. `new`: a session with a name and two identities.
2. `start,ranging`: greet each daemon, keep its ranges, set them to automatic, measure.
3. `stop,ranging`: end, read all readings, note the largest voltage and current.
4. `start,testing`: set fixed ranges: the largest voltage, and 1.1 times the largest current.
5. `stop,testing`: ask for power and uncertainty, end, read all readings.
6. `done`: put back the ranges that were found.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.core.errors import JoulemarkError, shorten
from harness.formats.ptdaemon.analyzer import WITHOUT_DAEMON
from harness.live.director.session_log import HELLO_SERVER, Messages, SessionLog, both_times
from harness.meters.network.clients.deadline import PeerFailed
from harness.meters.network.clients.ptdaemon import EMULATED, Listener, PtdRange, PtdSample

SETTLE_S = 10.0
"""Pause before each Go and each Stop, as in MLPerf's director [s]."""
CURRENT_MARGIN = 1.1
"""The current range of the testing run, by the largest current of the ranging run."""
CURRENT_RANGE_COMMANDS = 2
"""How often the current range is set to automatic: MLPerf's director does it twice, since 2025."""
RANGING, TESTING = "ranging", "testing"
MODES = (RANGING, TESTING)
AUTOMATIC = PtdRange(None, None)
EMULATED_LABEL = "emulated"
"""Part of the session's name where a daemon is emulated; it is in every log and every reading."""

DIRECT_LABEL = "scpi"
"""The same where an analyzer is read without a PTDaemon."""


class SessionFailed(JoulemarkError):
    """A power session cannot be brought to its end."""

    exit_code = 1


class AnalyzerClient(Protocol):
    """What the director needs of an analyzer: a PTDaemon, or what answers like one.

    Attributes:
        identity: The answer to `Identify`.
    """

    identity: str

    def listen(self, listener: Listener) -> None:
        """Call a function with each command and its answer from now on."""
        ...

    def open(self) -> None:
        """Connect, greet and identify."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...

    def ask(self, command: str) -> str:
        """Return the answer to `Watts` or `Uncertainty`."""
        ...

    def ranges(self) -> PtdRange:
        """Return the present ranges."""
        ...

    def set_range(self, quantity: str, value: str) -> None:
        """Set the range of `V` or `A` to a number or `Auto`."""
        ...

    def go(self, mark: str) -> None:
        """Begin to measure."""
        ...

    def stop(self) -> None:
        """End the measurement."""
        ...

    def samples(self) -> list[PtdSample]:
        """Return all readings of the measurement."""
        ...


@dataclass(slots=True)
class DirectedAnalyzer:
    """One analyzer of a session.

    Attributes:
        number: From 1.
        client: Its PTDaemon, or what answers in its place.
        log_text: Returns what the daemon has logged; it raises UnreadableError where that cannot
            be read.
        command: How it was reached, as `ptd_config` states it.
        messages: Commands to the daemon and its answers.
        initial: Ranges before the session.
        max_volts: Largest voltage of the ranging run [V].
        max_amps: Largest current of the ranging run [A].
        samples: Readings by mode.
    """

    number: int
    client: AnalyzerClient
    log_text: Callable[[], str]
    command: Sequence[str]
    messages: list[dict[str, str]] = field(default_factory=list)
    initial: PtdRange = AUTOMATIC
    max_volts: float = 0.0
    max_amps: float = 0.0
    samples: dict[str, list[PtdSample]] = field(default_factory=dict)


@dataclass(slots=True)
class PowerServer:
    """The director's side of a session.

    Attributes:
        analyzers: Its analyzers.
        settle_s: Pause before each Go and each Stop [s].
        log: server.log.
        messages: Commands of the client and the answers to them.
        session: Name of the session; empty before `new`.
        uuids: Identities of client and server.
        phases: Four pairs of times for each mode.
        is_done: Whether the session was brought to its end.
    """

    analyzers: Sequence[DirectedAnalyzer]
    settle_s: float = SETTLE_S
    log: SessionLog = field(default_factory=lambda: SessionLog("ptd-server"))
    messages: Messages = field(default_factory=Messages)
    session: str = ""
    uuids: dict[str, str] = field(default_factory=dict)
    phases: dict[str, list[list[float]]] = field(default_factory=dict)
    is_done: bool = False

    def handle(self, command: str) -> str:
        """Answer one command of the client.

        Raises:
            SessionFailed: An analyzer does not do what it is told.
        """
        if command.startswith("session,") and command.endswith(",done"):
            self.log.add(f"Got command from the client {command!r}")
            self._done()
            return "OK"
        is_hello = command.startswith("mlcommons/")
        self.messages.command(command)
        if not is_hello:
            self.log.add(f"Got command from the client {command!r}")
        reply = HELLO_SERVER if is_hello else self._reply(command)
        if not is_hello:
            self.log.add(f"Sending reply to client {reply!r}")
        self.messages.reply(reply)
        return reply

    def _reply(self, command: str) -> str:
        words = command.split(",")
        if command == "time":
            return str(time.time())
        if words[0] == "new" and len(words) == 3:
            return self._new(words[1], words[2])
        is_own = len(words) == 4 and words[:2] == ["session", self.session]
        if is_own and words[2] in ("start", "stop") and words[3] in MODES:
            return self._measured_phase(words[2], words[3])
        return "Error"

    def _new(self, label: str, client_uuid: str) -> str:
        name = time.strftime("%Y-%m-%d_%H-%M-%S")
        marks = {
            EMULATED_LABEL: is_emulated(self.analyzers),
            DIRECT_LABEL: is_direct(self.analyzers),
        }
        label = "_".join([*(text for text, applies in marks.items() if applies), label]).strip("_")
        self.session = f"{name}_{label}" if label else name
        self.uuids = {"client": client_uuid, "server": str(uuid.uuid4())}
        return f"OK {self.session},{self.uuids['server']}"

    def _measured_phase(self, verb: str, mode: str) -> str:
        """Start or stop one run, with the time before and after."""
        steps: dict[tuple[str, str], Callable[[], None]] = {
            ("start", RANGING): self._start_ranging,
            ("stop", RANGING): self._stop_ranging,
            ("start", TESTING): self._start_testing,
            ("stop", TESTING): self._stop_testing,
        }
        stamps = self.phases.setdefault(mode, [])
        stamps.append(both_times())
        try:
            steps[verb, mode]()
        except PeerFailed as error:
            raise SessionFailed(
                f"an analyzer failed when the {mode} run was to {verb}: {error}",
                where=self.session,
                fix="See the log of its PTDaemon, and repeat the session.",
            ) from None
        stamps.append(both_times())
        return "OK"

    # --- the steps, each for all analyzers

    def connect(self) -> None:
        """Greet all daemons, and note their ranges.

        Raises:
            PeerFailed: One does not answer.
        """
        for analyzer in self.analyzers:
            self._connect(analyzer)

    def _connect(self, analyzer: DirectedAnalyzer) -> None:
        analyzer.client.listen(self._listener(analyzer))
        analyzer.client.open()
        self._note(analyzer, "connected to PTDaemon")
        analyzer.initial = analyzer.client.ranges()
        amps, volts = _shown(analyzer.initial)
        self._note(analyzer, f"says the initial range for Amps is {amps} for Volts is {volts}")

    def close(self) -> None:
        """Let go of all daemons."""
        for analyzer in self.analyzers:
            analyzer.client.close()

    def _start_ranging(self) -> None:
        for analyzer in self.analyzers:
            self._connect(analyzer)
            analyzer.client.set_range("V", "Auto")
        for _ in range(CURRENT_RANGE_COMMANDS):
            for analyzer in self.analyzers:
                analyzer.client.set_range("A", "Auto")
        time.sleep(self.settle_s)
        self.log.add("Starting ranging mode")
        self._go(RANGING)

    def _stop_ranging(self) -> None:
        time.sleep(self.settle_s)
        for analyzer in self.analyzers:
            analyzer.client.stop()
            samples = self._read_samples(analyzer, RANGING)
            analyzer.client.ask("Uncertainty")
            analyzer.client.ask("Watts")
            volts, amps = largest(samples)
            if not volts or not amps:
                raise PeerFailed("the ranging run has no reading of voltage and current")
            analyzer.max_volts, analyzer.max_amps = volts, amps

    def _start_testing(self) -> None:
        for analyzer in self.analyzers:
            analyzer.client.set_range("V", f"{analyzer.max_volts:.6f}")
            analyzer.client.set_range("A", str(analyzer.max_amps * CURRENT_MARGIN))
        time.sleep(self.settle_s)
        self.log.add("Starting testing mode")
        for analyzer in self.analyzers:
            amps = analyzer.max_amps * CURRENT_MARGIN
            self._note(analyzer, f"maxAmps: {amps}, maxVolts: {analyzer.max_volts:.6f}")
        self._go(TESTING)

    def _stop_testing(self) -> None:
        time.sleep(self.settle_s)
        for analyzer in self.analyzers:
            analyzer.client.ask("Watts")
            analyzer.client.ask("Uncertainty")
            analyzer.client.stop()
            self._read_samples(analyzer, TESTING)
            analyzer.client.ask("Uncertainty")
            analyzer.client.ask("Watts")
        for merged in (str(len(self.analyzers)), "spl", "ptd"):
            self.log.add(f"Merging {merged} log files into one file")

    def _done(self) -> None:
        """Put back the ranges that were found."""
        for analyzer in self.analyzers:
            amps, volts = _shown(analyzer.initial)
            try:
                analyzer.client.set_range("V", volts)
                analyzer.client.set_range("A", amps)
            except PeerFailed as error:
                raise SessionFailed(f"the ranges were not put back: {error}") from None
            self._note(analyzer, f"set initial values for Amps {amps} and Volts {volts}")
            self._note(analyzer, "stopping ptd...")
        self.close()
        self.is_done = True

    def _go(self, mode: str) -> None:
        for analyzer in self.analyzers:
            analyzer.client.go(f"{self.session}_{mode}")

    def _read_samples(self, analyzer: DirectedAnalyzer, mode: str) -> list[PtdSample]:
        samples = analyzer.client.samples()
        analyzer.samples[mode] = samples
        return samples

    # --- what the log says

    def _listener(self, analyzer: DirectedAnalyzer) -> Callable[[str, str], None]:
        """Return what notes an exchange with a daemon, in the words of MLPerf's director."""

        def listen(command: str, reply: str) -> None:
            if command:
                self._note(analyzer, f"is sending to ptd: {command!r}")
                self._note(analyzer, f"recieved reply from ptd: {reply!r}")
                analyzer.messages.append({"cmd": command, "reply": reply})
            else:
                count = reply.count("\n")
                self._note(analyzer, f"is trying to read {count} lines")
                self._note(analyzer, f"got reply from ptd: {reply!r}")

        return listen

    def _note(self, analyzer: DirectedAnalyzer, text: str) -> None:
        self.log.add(f"Analyzer [{analyzer.number}] {text}")


def largest(samples: Sequence[PtdSample]) -> tuple[float, float]:
    """Return the largest voltage [V] and current [A] of all channels; 0 where there is none."""
    volts = amps = 0.0
    for sample in samples:
        fields = sample.line.split(",")[2:]
        for first in range(0, len(fields) - 7, 8):
            watts, channel_volts, channel_amps = (_number(fields[first + k]) for k in (1, 3, 5))
            if watts > 0:
                volts, amps = max(volts, channel_volts), max(amps, channel_amps)
    return volts, amps


def _number(text: str) -> float:
    """Return a number; 0 for one that marks a failure."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 < value < 1e12 else 0.0


def _shown(ranges: PtdRange) -> tuple[str, str]:
    """Return ranges of current and voltage as `SR` takes them."""
    return tuple(
        "Auto" if value is None else f"{value:.6f}" for value in (ranges.amps, ranges.volts)
    )  # type: ignore[return-value]


def is_emulated(analyzers: Sequence[DirectedAnalyzer]) -> bool:
    """Return whether a daemon of a session says that it is emulated."""
    return any(EMULATED.search(analyzer.client.identity) for analyzer in analyzers)


def is_direct(analyzers: Sequence[DirectedAnalyzer]) -> bool:
    """Return whether an analyzer of a session is read without a PTDaemon."""
    return any(WITHOUT_DAEMON in analyzer.client.identity for analyzer in analyzers)


def named_failure(error: PeerFailed) -> SessionFailed:
    """Return the error for an analyzer that cannot be reached."""
    return SessionFailed(
        f"the analyzer cannot be used: {shorten(error)}",
        where="--meter",
        fix="Start its PTDaemon with TZ=UTC, or turn on its remote control for SCPI; end any other "
        "client: both take one at a time.",
    )
