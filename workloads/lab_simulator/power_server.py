"""The director's server: it commands the PTDaemons, and keeps server.log.

All instants here are by the director's clock; the log is in local time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .analyzer import CURRENT_RANGES_A, VOLTAGE_RANGES_V, Sample, snap
from .clock import log_stamp
from .power import MS, to_ns
from .ptdaemon import CONNECT_S, PtDaemon, ptd_config, summary

RANGE_S = 0.5
"""Time to change one range [s]."""
SETTLE_S = 10.0
"""Pause before each Go and each Stop [s]."""
GO_REPLY = "Starting untimed measurement, maximum 500000 samples at 1000ms with 0 rampup samples"


@dataclass
class PowerServer:
    """The server: it commands one PTDaemon for each analyzer, one after the other, and keeps
    server.log."""

    session: str
    zone_h: float
    new_form: bool
    """Whether the software is of the time of several analyzers (2024-11 on), which words its log
    anew."""
    daemons: list[PtDaemon]
    log: list[str] = field(default_factory=list)

    def say(self, t_ns: int, text: str) -> None:
        self.log.append(f"ptd-server {log_stamp(t_ns, self.zone_h)} [INFO] {text}\n")

    def start_ranging(self, t_ns: int) -> int:
        """Start the daemons, let the meters choose their ranges, measure; returns when Go was
        answered."""
        for number, daemon in enumerate(self.daemons, 1):
            prefix = f"Analyzer [{number}] is running" if self.new_form else "Running"
            self.say(t_ns, f"{prefix} PTDaemon: {ptd_config(daemon.analyzer)['command']}")
            daemon.connect(t_ns)
        t_ns += to_ns(CONNECT_S)
        for number, daemon in enumerate(self.daemons, 1):
            self._command(t_ns, number, "Hello", "Hello, PTDaemon here!")
            self._command(t_ns, number, "Identify", daemon.identify_reply())
            self._named(t_ns, number, "connected to PTDaemon")
            self._command(t_ns, number, "RR", "Ranges,1,5.000000,1,150.000000")
            self._named(t_ns, number, "initial range for Amps is Auto for Volts is Auto")
        t_ns = self._automatic_ranges(t_ns)
        t_ns += to_ns(SETTLE_S)
        self.say(t_ns, "Starting ranging mode")
        return self._go(t_ns, "ranging")

    def start_testing(self, t_ns: int) -> int:
        """Fix the ranges by the ranging run and measure; returns when Go was answered."""
        for number, daemon in enumerate(self.daemons, 1):
            desired_a = daemon.max_amps * 1.1
            volts = snap(daemon.max_volts, VOLTAGE_RANGES_V)
            amps = snap(desired_a, CURRENT_RANGES_A)
            daemon.range_w = volts * amps * daemon.analyzer.channels
            daemon.say(t_ns, f"Volt range set to {volts:.6f}V")
            t_ns += to_ns(RANGE_S)
            self._command(
                t_ns, number, f"SR,V,{daemon.max_volts:.6f}", "Range V changed", sent_s=RANGE_S
            )
            daemon.say(t_ns, f"Amp range set to {amps:.6f}A")
            t_ns += to_ns(RANGE_S)
            self._command(t_ns, number, f"SR,A,{desired_a}", "Range A changed", sent_s=RANGE_S)
        t_ns += to_ns(SETTLE_S)
        self.say(t_ns, "Starting testing mode")
        for daemon in self.daemons:
            self.say(t_ns, f"maxAmps: {daemon.max_amps * 1.1}, maxVolts: {daemon.max_volts:.6f}")
        return self._go(t_ns, "testing")

    def stop(self, t_ns: int, samples: Sequence[Sequence[Sample]], *, ranging: bool) -> int:
        """Stop measuring and read the samples of each daemon back; returns when all are read."""
        for number, daemon in enumerate(self.daemons, 1):
            mine = samples[number - 1]
            daemon.complain(mine, auto_range=ranging)
            watts = daemon.watts_reply(mine)
            uncertainty = daemon.uncertainty_reply(mine, auto_range=ranging)
            if ranging:
                daemon.max_volts = max(sample.volts for sample in mine)
                daemon.max_amps = max(sample.amps for sample in mine)
            else:
                self._command(t_ns, number, "Watts", watts)
                self._command(t_ns, number, "Uncertainty", uncertainty)
            self._command(t_ns, number, "Stop", "Stopping untimed measurement")
            t_ns += 500 * MS
            daemon.say(t_ns, "Completed test")
            daemon.say(t_ns, summary(watts))
            self._read_back(t_ns, number, mine)
            self._command(t_ns + 50 * MS, number, "Uncertainty", uncertainty)
            self._command(t_ns + 50 * MS, number, "Watts", watts)
            t_ns += 60 * MS
        return t_ns

    def finish(self, t_ns: int) -> None:
        """Put the ranges back and end the daemons."""
        t_ns = self._automatic_ranges(t_ns)
        for daemon in self.daemons:
            daemon.say(t_ns, "No data returned by socket read.")
            daemon.say(t_ns, "Shutting connection down...")
            daemon.say(t_ns, "Connection is down.")
            daemon.say(t_ns, "Waiting for a connection...")
        self.say(t_ns, "Set initial values for Amps Auto and Volts Auto")
        self.say(t_ns, "Stopping ptd...")

    def _automatic_ranges(self, t_ns: int) -> int:
        for number, daemon in enumerate(self.daemons, 1):
            for letter, name in (("V", "Volt"), ("A", "Ampere")):
                daemon.say(t_ns, f"{name} range set to Auto")
                t_ns += to_ns(RANGE_S)
                self._command(
                    t_ns, number, f"SR,{letter},Auto", f"Range {letter} changed", sent_s=RANGE_S
                )
        return t_ns

    def _named(self, t_ns: int, number: int, text: str) -> None:
        """A line of which software of the time of one analyzer does not say whom it is about."""
        self.say(
            t_ns, f"Analyzer [{number}] {text}" if self.new_form else text[0].upper() + text[1:]
        )

    def _go(self, t_ns: int, mode: str) -> int:
        for number, daemon in enumerate(self.daemons, 1):
            daemon.say(t_ns, f"Go with mark '{self.session}_{mode}'")
            self._command(t_ns, number, f"Go,1000,0,{self.session}_{mode}", GO_REPLY)
        return t_ns + MS

    def _read_back(self, t_ns: int, number: int, samples: Sequence[Sample]) -> None:
        daemon = self.daemons[number - 1]
        header = f"Last {len(samples)} samples"
        if daemon.analyzer.channels > 1:
            header += f" from sum channel and channels 1 - {daemon.analyzer.channels}"
            self._command(t_ns, number, "RL,*,*", header)
        else:
            self._command(t_ns, number, "RL,*,*", "Invalid number of parameters")
            self._command(t_ns, number, "RL", header)
        daemon.send_samples(t_ns + MS, samples)
        prefix = f"Analyzer [{number}] is trying" if self.new_form else "Trying"
        self.say(t_ns + MS, f"{prefix} to read {len(samples)} lines")
        reply = "".join(f"{sample.raw_line()}\n" for sample in samples)
        prefix = f"Analyzer [{number}] got reply" if self.new_form else "Reply"
        self.say(t_ns + 50 * MS, f"{prefix} from ptd: {reply!r}")

    def _command(
        self, t_ns: int, number: int, command: str, reply: str, *, sent_s: float = 0.0
    ) -> None:
        """One command to daemon `number`, answered at `t_ns` and sent `sent_s` before."""
        self.daemons[number - 1].answer(t_ns, command, reply)
        sending, got = ("Sending to ptd", "Reply from ptd")
        if self.new_form:
            sending = f"Analyzer [{number}] is sending to ptd"
            got = f"Analyzer [{number}] recieved reply from ptd"
        self.say(t_ns - to_ns(sent_s), f"{sending}: {command!r}")
        self.say(t_ns, f"{got}: {reply!r}")
