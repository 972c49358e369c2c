"""Read Apple silicon through macOS's `powermetrics`, which must run as root."""

from __future__ import annotations

import math
import os
import re
import select
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import ClassVar

from harness.core.errors import UsageError
from harness.meters.arrangement import arrange, placed
from harness.meters.base import ReadFailed, Reading, Unavailable
from harness.meters.topology import Subject, classify
from harness.traces.calibration import calibration_id
from harness.traces.channel import Channel
from harness.traces.instruments import instrument

MILLI = 1e-3
"""powermetrics prints milliwatts."""
LINES = {
    "combined": re.compile(r"^Combined Power \(CPU \+ GPU \+ ANE\): (\d+) mW", re.MULTILINE),
    "cpu": re.compile(r"^CPU Power: (\d+) mW", re.MULTILINE),
    "gpu": re.compile(r"^GPU Power: (\d+) mW", re.MULTILINE),
    "ane": re.compile(r"^ANE Power: (\d+) mW", re.MULTILINE),
}
"""The line of each channel, which stands once in each sample."""
SAMPLE_END = re.compile(r"^\*\*\* Sampled system activity", re.MULTILINE)
"""First line of each sample: what stands before it is complete."""
COMMAND = "powermetrics --samplers cpu_power,gpu_power,ane_power --sample-rate {interval_ms}"
FIRST_SAMPLE_S = 10.0
"""How long the first sample may take [s]."""


class Powermetrics:
    """Power of an Apple chip as macOS estimates it: CPU, GPU and neural engine (needs root).

    The figures are Apple's estimates; display, memory of some chips, storage and the losses of the
    supply are not among them.

    Attributes:
        command: The command to run; `{interval_ms}` stands for the time between samples.
        interval_ms: Time between samples [ms].
    """

    simulated = False
    automatic: ClassVar[Mapping[str, str]] = {}
    source_options: ClassVar[Sequence[str]] = ("command",)

    def __init__(self, command: str = COMMAND, interval_ms: str = "200") -> None:
        if not interval_ms.isdigit() or not 50 <= int(interval_ms) <= 60_000:
            raise UsageError(
                "is not an interval",
                where="--meter powermetrics:interval_ms",
                got=interval_ms,
                expected="milliseconds, 50 to 60000",
            )
        self.interval_ms = int(interval_ms)
        self.command = shlex.split(command.format(interval_ms=interval_ms))
        self._process: subprocess.Popen[bytes] | None = None
        self._text = ""
        self._labels: tuple[str, ...] = ()

    def probe(self) -> Sequence[Channel]:
        """Start powermetrics and return the channels of its first sample.

        Raises:
            Unavailable: This is not macOS, or powermetrics gives no sample.
        """
        if self.command[0] == "powermetrics" and sys.platform != "darwin":
            raise Unavailable(
                "powermetrics is a program of macOS",
                where="powermetrics",
                got=sys.platform,
                expected="darwin",
                fix="Use another meter.",
            )
        self.close()
        sample = self._first_sample()
        self._labels = tuple(label for label, line in LINES.items() if line.search(sample))
        if not self._labels:
            raise Unavailable(
                "powermetrics gives no power",
                where="powermetrics",
                got=sample[:80] or "nothing",
                expected="lines like `CPU Power: 1234 mW`",
                fix="Run joulemark as root (sudo), on Apple silicon.",
            )
        channels = [self._channel(label) for label in self._labels]
        return list(placed(channels, arrange(channels)))

    def read(self) -> Sequence[Reading]:
        """Return the powers of the samples that were completed since the last call [W].

        Raises:
            ReadFailed: powermetrics has ended.
        """
        if self._process is None:
            raise ReadFailed("not probed")
        alive = self._receive(0.0)
        *samples, self._text = SAMPLE_END.split(self._text)
        readings = [reading for sample in samples for reading in self._readings(sample)]
        if not readings and not alive:
            raise ReadFailed("powermetrics has ended")
        return readings

    def close(self) -> None:
        """Stop powermetrics."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
        self._process, self._text = None, ""

    def _first_sample(self) -> str:
        """Start the program and return its first complete sample, or what there is of it."""
        try:
            self._process = subprocess.Popen(self.command, stdout=subprocess.PIPE)
        except OSError as error:
            raise Unavailable(
                f"powermetrics cannot be started: {error.strerror}",
                where=self.command[0],
                fix="Run joulemark as root (sudo), on Apple silicon.",
            ) from None
        while len(SAMPLE_END.findall(self._text)) < 2 and self._receive(FIRST_SAMPLE_S):
            pass
        _, *samples = SAMPLE_END.split(self._text)
        if len(samples) < 2:
            return self._text
        self._text = samples[-1]
        return samples[0]

    def _receive(self, timeout_s: float) -> bool:
        """Take what the program printed, waiting for it if need be; return whether it is alive."""
        stream = self._process.stdout if self._process is not None else None
        if stream is None:
            return False
        while select.select([stream], [], [], timeout_s)[0]:
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                return False
            self._text += chunk.decode("utf-8", "replace")
            if timeout_s:
                return True
        return not timeout_s

    def _readings(self, sample: str) -> list[Reading]:
        """Return the powers of one sample; a channel that it lacks is a fault."""
        readings = []
        for label in self._labels:
            match = LINES[label].search(sample)
            if match:
                readings.append(Reading(label, int(match[1]) * MILLI))
            else:
                readings.append(Reading(label, math.nan, fault="no such line in the sample"))
        return readings

    def _channel(self, label: str) -> Channel:
        subject: Subject = classify("powermetrics", label)
        return Channel(
            id=label,
            kind="estimate",  # Apple says that these are estimates
            boundary=subject.boundary,
            meter="declared-model",
            calibration_id=calibration_id("powermetrics", label),
            accuracy=instrument("declared-model").accuracy(),
            nominal_interval_s=self.interval_ms * MILLI,
            clock="system",
            clock_error_s=self.interval_ms * MILLI / 2,
            current="dc",
            resolution=MILLI,
            extra=subject.header(),
        )


METER = Powermetrics
