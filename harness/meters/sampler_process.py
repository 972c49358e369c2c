"""The samplers of one run: started before it, watched while it lasts, stopped after it."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import JoulemarkError, shorten
from harness.meters import MeterSpec
from harness.meters.base import Unavailable
from harness.traces.channel import Channel

READY_S = 20.0
"""How long a meter may take to be found [s]."""
STOP_S = 6.0
"""How long a sampler may take to end [s]; then it is killed."""


class SamplingLost(JoulemarkError):
    """A sampler ended before it was told to: what follows is not measured."""


@dataclass(frozen=True, slots=True)
class MeterRequest:
    """One meter to sample. interval_s: time between its reads [s]"""

    spec: MeterSpec
    interval_s: float


class SamplerProcess:
    """One sampler, as the process that started it sees it."""

    def __init__(self, asked: MeterRequest, journal: Path) -> None:
        self.asked, self.journal, self._said = asked, journal, ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.meters.sampler"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, _paths()))},
        )
        job = {"meter": asked.spec.name, "options": dict(asked.spec.options)}
        self._tell(job | {"interval_s": asked.interval_s, "journal": str(journal)})

    def ready(self) -> list[Channel]:
        """Its channels, once it has begun. Raises Unavailable, SamplingLost."""
        answer = self._answer(READY_S)
        if "ready" in answer:
            return [Channel.from_header(header) for header in answer["ready"]]
        if "unavailable" in answer:
            said = {key: str(value) for key, value in answer["unavailable"].items()}
            raise Unavailable(said.pop("message"), **said)
        if "lost" in answer:
            raise SamplingLost(
                f"samples cannot be written: {answer['lost']}", where=str(self.journal)
            )
        raise Unavailable(
            f"meter {self.asked.spec} did not answer when it was probed",
            got=self._status() or f"silence for {READY_S:g} s",
            expected="its channels",
            fix="Leave it out, or mend it.",
        )

    def check(self) -> None:
        """Raise SamplingLost if it has ended."""
        if self.process.poll() is not None:
            raise SamplingLost(
                f"the sampler of meter {self.asked.spec} ended during the run",
                got=self._reason(),
                fix="Free space on the disk." if "space" in self._reason() else "",
            )

    def stop(self) -> None:
        """End it; a sampler that does not end is killed, and its journal keeps all that was read."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self._reason()
            self.process.stdout.close()

    def _reason(self) -> str:
        """Why it ended: what it said last, or the signal that killed it."""
        if not self._said:
            answer = self._answer(0.0)
            where = answer.get("where") or self.journal
            self._said = f"{answer['lost']} ({where})" if "lost" in answer else self._status()
        return self._said

    def _status(self) -> str:
        status = self.process.poll()
        if status is None:
            return ""
        return (
            f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        )

    def _answer(self, seconds: float) -> dict[str, Any]:
        """The next line it says, or nothing."""
        stream, line, end = self.process.stdout, b"", time.monotonic() + seconds
        while stream is not None and not stream.closed and not line.endswith(b"\n"):
            if not select.select([stream], [], [], max(0.0, end - time.monotonic()))[0]:
                return {}
            more = os.read(stream.fileno(), 65536)
            if not more:
                return {}
            line += more
        try:
            found: dict[str, Any] = json.loads(line.splitlines()[0])
        except (ValueError, IndexError):
            return {}
        return found

    def _tell(self, job: dict[str, Any]) -> None:
        try:
            if self.process.stdin is not None:
                self.process.stdin.write(json.dumps(job).encode() + b"\n")
                self.process.stdin.flush()
        except OSError as error:
            raise SamplingLost(f"the sampler did not start: {shorten(error)}") from None


def _paths() -> list[str]:
    """Where the sampler finds this package and meters of others: as this process does."""
    return [path for path in sys.path if path]


class SamplerGroup:
    """All samplers of one run, as a context: they are stopped at its end, whatever happens."""

    def __init__(self, meters: Sequence[MeterRequest], folder: Path) -> None:
        self.meters, self.folder = meters, folder
        self.processes: list[SamplerProcess] = []
        self.channels: list[Channel] = []

    def __enter__(self) -> SamplerGroup:
        try:
            for number, asked in enumerate(self.meters):
                again = sum(other.spec.name == asked.spec.name for other in self.meters[:number])
                name = f"{asked.spec.name}-{again + 1}" if again else asked.spec.name
                self.processes.append(SamplerProcess(asked, self.folder / f"{name}.csv"))
            self.channels = [channel for process in self.processes for channel in process.ready()]
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def check(self) -> None:
        """Raise SamplingLost if one has ended."""
        for process in self.processes:
            process.check()

    def wait(self, seconds: float) -> None:
        """Let time pass [s] while they sample. Raises SamplingLost."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, 0.1))
        self.check()

    def stop(self) -> None:
        """Stop all of them."""
        for process in self.processes:
            if process.process.stdin is not None and not process.process.stdin.closed:
                process.process.stdin.close()
        for process in self.processes:
            process.stop()
