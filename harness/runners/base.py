"""The contract of a runner: which command does the work, and what its logs state afterwards."""

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
"""File in the log folder that holds what the command printed."""
NS_PER_MS = 1_000_000
"""Stamps of MLLOG lines are milliseconds since 1970."""


class WorkloadFailed(JoulemarkError):
    """The workload crashed, was killed, or wrote no usable result."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run to make.

    Attributes:
        log: Folder for all that the workload writes.
        number: Number of the run, from 1.
        seed: Seed of the run's random choices.
        commitments: Hash of the committed plan and its anchors, for the record of the run.
    """

    log: Path
    number: int
    seed: int
    commitments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """Something done once before the timed runs, unmeasured.

    Attributes:
        name: For the user.
        command: Program and arguments.
        log: Folder for what it writes.
    """

    name: str
    command: Sequence[str]
    log: Path


@dataclass(frozen=True, slots=True)
class LeftProcess:
    """A process that a command left behind.

    Attributes:
        pid: Its number.
        name: Name of its program.
        stopped: Whether it was in the command's process group, which is stopped; others go on.
    """

    pid: int
    name: str
    stopped: bool

    def __str__(self) -> str:
        return f"{self.pid} {self.name}"


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended.

    Attributes:
        start_ns: Start of its life [ns UTC].
        stop_ns: End of its life [ns UTC].
        status: Exit status.
        cpu_s: Processor time, children included [s].
        left: Processes that it left behind.
    """

    start_ns: int
    stop_ns: int
    status: int
    cpu_s: float
    left: tuple[LeftProcess, ...] = ()

    @property
    def life(self) -> Window:
        """The life of the command."""
        return Window(self.start_ns, self.stop_ns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run did, by its own logs.

    Attributes:
        window: The timed part.
        seconds: Its length by the workload's own clock [s]; None where it states none.
        success: Whether the run ended as its benchmark demands; None where it is not stated.
        work: Amount of work done in the window.
        performance: The benchmark's own figure.
        quality: Quality reached, and its target.
        advice: For a run without success: why, and what to change.
        facts: Further values, under their names in the logs.
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
    """One way to do work."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that its command gets in addition to the user's."""
        ...

    def steps(self, folder: Path) -> Iterator[Step]:
        """Yield what to do once before the timed runs; each step follows the end of the last.

        Args:
            folder: Where the steps write.

        Raises:
            WorkloadFailed: A step did not give what the next one needs.
        """
        ...

    def command(self, job: Job) -> Sequence[str]:
        """Return program and arguments of a run."""
        ...

    def outcome(self, job: Job, result: CommandResult) -> Outcome:
        """Read what the logs of a run state.

        Raises:
            WorkloadFailed: The logs do not state what happened.
        """
        ...


def marked_window(lines: Sequence[Line]) -> Window | None:
    """Return the window from the first `run_start` to the last `run_stop`.

    Returns:
        None where the log has neither mark.

    Raises:
        WorkloadFailed: One of the marks is missing or they are in the wrong order.
    """
    starts_ms, stops_ms = _stamps(lines, "run_start"), _stamps(lines, "run_stop")
    if not starts_ms and not stops_ms:
        return None
    start_ms = starts_ms[0] if starts_ms else None
    stop_ms = stops_ms[-1] if stops_ms else None
    if start_ms is None or stop_ms is None or stop_ms <= start_ms:
        raise WorkloadFailed(
            "the MLLOG lines mark no window",
            got=f"run_start {start_ms}, run_stop {stop_ms}",
            expected="a run_start, and a later run_stop, each with time_ms",
        )
    return Window(round(start_ms * NS_PER_MS), round(stop_ms * NS_PER_MS))


def _stamps(lines: Sequence[Line], key: str) -> list[float]:
    """Return the stamps of the lines with a key [ms]; lines without a stamp are left out."""
    stamps = [number(line.time_ms) for line in lines if line.key == key]
    return [stamp for stamp in stamps if stamp]


def stop_status(lines: Sequence[Line]) -> bool | None:
    """Return whether the last `run_stop` states success; None where it has no status."""
    last = next((line for line in reversed(lines) if line.key == "run_stop"), None)
    metadata = last.metadata if last is not None and isinstance(last.metadata, dict) else {}
    status = metadata.get("status")
    return None if status is None else status == "success"
