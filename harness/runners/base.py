"""The contract of a runner: which command does the work, and what its logs say afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness.documents.errors import JoulemarkError
from harness.formats.base import Quality, Quantity, Work
from harness.traces.trace import Window

OUTPUT = "output.txt"
"""File below the log folder that holds what the command printed."""


class WorkloadFailed(JoulemarkError):
    """The workload did not do its work: it crashed, was killed, or said nothing that can be used."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run to make. log: folder for all it writes; number: of the run, from 1; seed: of its random choices"""

    log: Path
    number: int
    seed: int


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
    """One way to do work."""

    def command(self, job: Job) -> Sequence[str]:
        """The command that does it, logs below `job.log`."""
        ...

    def outcome(self, job: Job, ended: Ended) -> Outcome:
        """What its logs say. Raises WorkloadFailed."""
        ...
