"""The contract of a runner: which command does the work, and what its logs say afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness.core.errors import JoulemarkError
from harness.formats.base import Quality, Quantity, Work
from harness.formats.mlperf.mllog import Line, number
from harness.traces.trace import Window

OUTPUT = "output.txt"
"""File below the log folder that holds what the command printed."""

MS = 1_000_000
"""Nanoseconds in a millisecond; MLLOG stamps are milliseconds since 1970."""


class WorkloadFailed(JoulemarkError):
    """The workload did not do its work: it crashed, was killed, or said nothing that can be used."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run to make. log: folder for all it writes; number: of the run, from 1; seed: of its random choices"""

    log: Path
    number: int
    seed: int


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do before the timed runs, unmeasured: a name, a command, and a folder for what it writes."""

    name: str
    command: Sequence[str]
    log: Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How the command ended.

    start_ns, stop_ns: its whole life [ns UTC]; status: exit status; cpu_s: its processor time, children included [s]
    """

    start_ns: int
    stop_ns: int
    status: int
    cpu_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did, from its own logs.

    window: the timed part; seconds: its length by the workload's own clock [s]
    success: whether the run ended as its benchmark demands; None where it does not say; advice: where it does not
    facts: further values, under their names in the logs
    """

    window: Window
    seconds: float | None = None
    success: bool | None = None
    work: Work | None = None
    performance: Quantity | None = None
    quality: Quality | None = None
    advice: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


class Runner(Protocol):
    """One way to do work. environment: what its command finds in its environment"""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables of the environment, by name."""
        ...

    def steps(self, folder: Path) -> Iterator[Step]:
        """What to do once, before the timed runs, each when the one before has ended. Raises WorkloadFailed."""
        ...

    def command(self, job: Job) -> Sequence[str]:
        """The command that does it, logs below `job.log`."""
        ...

    def outcome(self, job: Job, ended: Ended) -> Outcome:
        """What its logs say. Raises WorkloadFailed."""
        ...


def marked_window(lines: Sequence[Line]) -> Window | None:
    """From the first `run_start` to the last `run_stop`; None where there are none. Raises WorkloadFailed."""
    start = next(
        (at for line in lines if line.key == "run_start" and (at := number(line.time_ms))), None
    )
    stops = [at for line in lines if line.key == "run_stop" and (at := number(line.time_ms))]
    if start is None and not stops:
        return None
    if start is None or not stops or stops[-1] <= start:
        raise WorkloadFailed(
            "the MLLOG lines mark no window",
            got=f"run_start {start}, run_stop {stops[-1] if stops else None}",
            expected="a run_start, and a later run_stop, each with time_ms",
        )
    return Window(round(start * MS), round(stops[-1] * MS))


def stop_status(lines: Sequence[Line]) -> bool | None:
    """Whether the last `run_stop` says success; None where it has no status."""
    last = next((line for line in reversed(lines) if line.key == "run_stop"), None)
    metadata = last.metadata if last is not None and isinstance(last.metadata, dict) else {}
    status = metadata.get("status")
    return None if status is None else status == "success"
