"""The sampler processes of one run: started before it, watched while it lasts, stopped after it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import JoulemarkError, shorten
from harness.meters.base import Unavailable
from harness.meters.registry import MeterSpec
from harness.traces.channel import Channel

READY_S = 20.0
"""How long probing a meter may take [s]."""
STOP_S = 6.0
"""How long a sampler may take to end before it is killed [s]."""
POLL_INTERVAL_S = 0.1
"""Time between two checks that the samplers are alive [s]."""


class SamplingLost(JoulemarkError):
    """A sampler ended during the run: what follows is not measured."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class MeterRequest:
    """A meter to sample.

    Attributes:
        spec: Which meter, with its options.
        interval_s: Time between reads [s].
        journal_prefix: Begin of the name of its journal.
        calibration: File with the calibration of its sensors; "" for none.
        calibration_key: File with the public key of who signed it; "" for none.
    """

    spec: MeterSpec
    interval_s: float
    journal_prefix: str = ""
    calibration: str = ""
    calibration_key: str = ""


class SamplerProcess:
    """One sampler process, seen from the process that started it.

    Attributes:
        request: What it samples.
        journal: The file it writes.
        process: The child process.
        channels: Its channels, once it is ready.
    """

    def __init__(self, request: MeterRequest, journal: Path) -> None:
        self.request, self.journal = request, journal
        self.channels: list[Channel] = []
        self._reason = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.meters.sampler"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._send(
            {
                "meter": request.spec.name,
                "options": dict(request.spec.options),
                "interval_s": request.interval_s,
                "journal": str(journal),
                "calibration": request.calibration,
                "calibration_key": request.calibration_key,
            }
        )

    def ready(self) -> list[Channel]:
        """Wait until sampling has begun, and return the channels.

        Raises:
            Unavailable: The meter cannot be used here, or did not answer in time.
            SamplingLost: The journal cannot be written.
        """
        answer = self._receive(READY_S)
        if "ready" in answer:
            return [Channel.from_header(header) for header in answer["ready"]]
        if "unavailable" in answer:
            parts = {key: str(value) for key, value in answer["unavailable"].items()}
            raise Unavailable(parts.pop("message"), **parts)
        if "lost" in answer:
            raise SamplingLost(
                f"samples cannot be written: {answer['lost']}", where=str(self.journal)
            )
        raise Unavailable(
            f"meter {self.request.spec} did not answer when it was probed",
            got=self._status() or f"silence for {READY_S:g} s",
            expected="its channels",
            fix="Leave it out, or repair it.",
        )

    def check(self) -> None:
        """Check that the process is alive.

        Raises:
            SamplingLost: It has ended.
        """
        if self.process.poll() is not None:
            reason = self._end_reason()
            raise SamplingLost(
                f"the sampler of meter {self.request.spec} ended during the run",
                got=reason,
                fix="Free space on the disk." if "space" in reason else "",
            )

    def close_input(self) -> None:
        """Tell the process to stop, without waiting for it."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()

    def stop(self) -> None:
        """Stop the process. One that does not end is killed; its journal keeps all readings."""
        self.close_input()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self._end_reason()
            self.process.stdout.close()

    def _end_reason(self) -> str:
        """Return why the process ended: its last answer, or its exit status."""
        if not self._reason:
            answer = self._receive(0.0)
            where = answer.get("where") or self.journal
            self._reason = f"{answer['lost']} ({where})" if "lost" in answer else self._status()
        return self._reason

    def _status(self) -> str:
        """Return the exit status, or the signal that killed the process; "" while it runs."""
        status = self.process.poll()
        if status is None:
            return ""
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        return f"exit status {status}"

    def _receive(self, timeout_s: float) -> dict[str, Any]:
        """Return the next answer of the process, or an empty one after a timeout [s]."""
        stream, line = self.process.stdout, b""
        end = time.monotonic() + timeout_s
        while stream is not None and not stream.closed and not line.endswith(b"\n"):
            left_s = max(0.0, end - time.monotonic())
            if not select.select([stream], [], [], left_s)[0]:
                return {}
            chunk = os.read(stream.fileno(), 65536)
            if not chunk:
                return {}
            line += chunk
        try:
            answer: dict[str, Any] = json.loads(line.splitlines()[0])
        except (ValueError, IndexError):
            return {}
        return answer

    def _send(self, message: dict[str, Any]) -> None:
        try:
            if self.process.stdin is not None:
                self.process.stdin.write(json.dumps(message).encode() + b"\n")
                self.process.stdin.flush()
        except OSError as error:
            raise SamplingLost(f"the sampler did not start: {shorten(error)}") from None


class SamplerGroup:
    """All samplers of one run, as a context manager that stops them whatever happens.

    Attributes:
        requests: The meters to sample.
        folder: Where the journals go, one per meter.
        processes: The sampler processes, in the order of the requests.
        channels: All channels, once all samplers are ready.
    """

    def __init__(self, requests: Sequence[MeterRequest], folder: Path) -> None:
        self.requests, self.folder = requests, folder
        self.processes: list[SamplerProcess] = []
        self.channels: list[Channel] = []

    def __enter__(self) -> SamplerGroup:
        try:
            for request, name in zip(self.requests, unique_names(self.requests), strict=True):
                self.processes.append(SamplerProcess(request, self.folder / f"{name}.csv"))
            for process in self.processes:
                process.channels = process.ready()
                self.channels += process.channels
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """Check that all samplers are alive.

        Raises:
            SamplingLost: One has ended.
        """
        for process in self.processes:
            process.check()

    def wait(self, seconds: float) -> None:
        """Let time pass [s] while the meters are sampled.

        Raises:
            SamplingLost: A sampler has ended.
        """
        end = time.monotonic() + seconds
        while (left_s := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left_s, POLL_INTERVAL_S))
        self.check()

    def stop(self) -> None:
        """Stop all samplers, at the same time."""
        for process in self.processes:
            process.close_input()
        for process in self.processes:
            process.stop()


def unique_names(requests: Sequence[MeterRequest]) -> list[str]:
    """Name requests after their meters: `file`, `file-2`, `file-3`."""
    names: list[str] = []
    counts: Counter[str] = Counter()
    for request in requests:
        name = f"{request.journal_prefix}{request.spec.name}"
        counts[name] += 1
        names.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return names
