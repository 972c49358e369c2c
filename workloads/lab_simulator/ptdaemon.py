"""One analyzer's PTDaemon: what it answers, and what it writes to ptd_logs.txt.

All instants here are by the director's clock, which stamps the readings too; the log is in UTC.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .analyzer import READING_LIMIT_REL, Analyzer, Sample
from .clock import utc_stamp
from .power import MS, to_ns

BANNER = """\
Selected power meter '{label}' (simulated)
  ****************************************************************************
     This log is SIMULATED by joulemark's lab simulator.
     No PTDaemon ran and no meter was read.
  ****************************************************************************


"""
CONNECT_S = 12.0
"""Time a PTDaemon needs to find its meter [s]."""
LINES_PER_SEND = 7
"""Every this many sample lines, the log has a prefix before one line and, multichannel, inside
another."""


@dataclass
class PtDaemon:
    """One analyzer's daemon: its log, and what it was asked."""

    analyzer: Analyzer
    version: str
    log: list[str] = field(default_factory=list)
    messages: list[dict[str, str]] = field(default_factory=list)
    range_w: float = 0.0
    """Power range in use during the testing run [W]."""
    max_volts: float = 0.0
    max_amps: float = 0.0
    """Largest readings of the ranging run [V], [A]."""

    def say(self, t_ns: int, text: str) -> None:
        self.log.append(f"{utc_stamp(t_ns)}: {text}\n")

    def answer(self, t_ns: int, command: str, reply: str) -> None:
        """One command and its reply; replies end with CR LF in the log, as the socket sends
        them."""
        self.messages.append({"cmd": command, "reply": reply})
        self.log.append(f"{utc_stamp(t_ns)}: Response to client sent: {reply}\r\n")

    def connect(self, t_ns: int) -> None:
        self.log.append(BANNER.format(label=self.analyzer.label))
        self.say(
            t_ns, f"Attempting to connect to measurement device type {self.analyzer.device_type}..."
        )
        identity = self.analyzer.identity
        response = f"Analyzer identity response of {len(identity) + 2} bytes: {identity}"
        self.say(t_ns + 300 * MS, f"{response}\r\n")
        self.say(t_ns + 300 * MS, f"Firmware version {identity.rsplit(',F')[1]} detected.")
        t_ns += to_ns(CONNECT_S) - 4 * MS
        self.say(t_ns, f"Uncertainty checking for {self.analyzer.ptd_name} is activated")
        self.say(t_ns, f"Connected to {self.analyzer.ptd_name} successfully")
        self.say(t_ns, "Establishing the listener on port 8888...")
        self.say(t_ns, "Waiting for a connection...")
        self.say(t_ns + 3 * MS, "Accepted connection from 127.0.0.1:50000")

    def identify_reply(self) -> str:
        identity = self.analyzer.identity.replace(",", ";")
        fields = f"1000,1,1,1,1,0,0,1,version={self.version}-simulated,OS=simulated,mode=power"
        return (
            f"{self.analyzer.ptd_name},{fields},1,1,{self.analyzer.channels},0,0,"
            f"no_cal_date,{identity}"
        )

    def complain(self, samples: Sequence[Sample], *, auto_range: bool) -> None:
        """What the log says of samples: failures, and unknown uncertainties while the range is
        automatic."""
        count = self.analyzer.channels
        places = (
            [""] if count == 1 else [f", channel {number}" for number in (*range(1, count + 1), 0)]
        )
        for sample in samples:
            if sample.failure in ("nan", "9.91E+37"):
                self._complain_of_failure(sample)
            elif sample.failure == "-2":
                self.say(sample.t_ns, "WARNING: Missed 1 samples")
            if auto_range or sample.failure:
                for place in places:
                    if not place.endswith(" 0"):
                        self.say(sample.t_ns, "ERROR: Can't evaluate uncertainty of this sample!")
                    self.say(
                        sample.t_ns,
                        f"WARNING: Uncertainty unknown for the last measurement sample{place}!",
                    )

    def _complain_of_failure(self, sample: Sample) -> None:
        maker = self.analyzer.label.split()[0]
        for quantity in ("watts", "amps", "pf"):
            text = f"ERROR: Bad {quantity} reading {float(sample.failure):.6f} from {maker}"
            self.say(sample.t_ns, text)
            self.log.append(f"Buffer was {sample.failure};{sample.failure};{sample.failure}\n\n")

    def send_samples(self, t_ns: int, samples: Sequence[Sample]) -> None:
        """The reply to `RL`: bare lines, with the log's own prefix wherever a chunk of the
        socket began."""
        prefix = f"{utc_stamp(t_ns)}: Response to client sent: "
        for number, sample in enumerate(samples):
            line = sample.raw_line()
            if number and number % LINES_PER_SEND == 0:
                line = prefix + line
            elif number % LINES_PER_SEND == 3 and len(sample.groups) > 1:
                cut = len(",".join(("Time", utc_stamp(sample.t_ns), *sample.groups[:2])))
                line = line[:cut] + prefix + line[cut:]
            self.log.append(line + "\r\n")

    def watts_reply(self, samples: Sequence[Sample]) -> str:
        watts = np.array([sample.watts for sample in samples if not sample.failure])
        counts = f"{len(samples)},{len(samples) - watts.size},{watts.size}"
        return f"Watts,{watts.mean():.6f},{watts.min():.6f},{watts.max():.6f},{counts}"

    def uncertainty_reply(self, samples: Sequence[Sample], *, auto_range: bool) -> str:
        watts = np.array([sample.watts for sample in samples if not sample.failure])
        if auto_range:
            return f"Uncertainty,-1.0,10000000.000000,0.000000,{watts.size},0,0,{watts.size}"
        limit_rel = READING_LIMIT_REL + self.analyzer.range_limit_rel * self.range_w / watts
        figures = f"{limit_rel.mean():.6f},{limit_rel.min():.6f},{limit_rel.max():.6f}"
        return f"Uncertainty,{figures},{watts.size},0,{watts.size},0"


def summary(watts_reply: str) -> str:
    _, mean, low, high, samples, errors, valid = watts_reply.split(",")
    counts = f"samples {samples}, errors {errors}, valid {valid}"
    return f"Avg watts {mean}, min watts {low}, max watts {high}, {counts}"


def ptd_config(analyzer: Analyzer) -> dict[str, object]:
    """How the server was told to run the PTDaemon of one analyzer."""
    channel = [1, analyzer.channels] if analyzer.channels > 1 else None
    channel_words = ["-c", f"1,{analyzer.channels}"] if channel else []
    command = ["ptd-linux-x86", "-l", "ptd_logfile.txt", "-p", "8888", *channel_words]
    return {
        "command": [*command, str(analyzer.device_type), "simulated"],
        "device_type": analyzer.device_type,
        "interface_flag": "",
        "dc_flag": None,
        "device_port": "simulated",
        "channel": channel,
    }
