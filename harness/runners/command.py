"""Any program, timed between the MLLOG lines it prints, or else over its whole life."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.core.errors import UnreadableError
from harness.core.files import read_bytes
from harness.formats.base import Work
from harness.formats.mlperf.mllog import read_all
from harness.formats.run_directory import SAMPLES
from harness.runners.base import (
    OUTPUT,
    CommandResult,
    Job,
    Outcome,
    Step,
    WorkloadFailed,
    marked_window,
    stop_status,
)
from harness.runners.endpoint.events import EVENTS
from harness.runners.endpoint.runner import endpoint_outcome


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments.

    Attributes:
        argv: Program and arguments.
        environment: Variables in addition to the user's.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def steps(self, folder: Path) -> Iterator[Step]:  # noqa: ARG002
        """Return no steps: a program needs no preparation."""
        return iter(())

    def command(self, job: Job) -> Sequence[str]:  # noqa: ARG002 - the same in each run
        """Return the program as it is."""
        return self.argv

    def outcome(self, job: Job, result: CommandResult) -> Outcome:
        """Read window and success from what the program logged.

        That is the event log of an LLM client below the log folder, else the lines it printed.
        """
        event_logs = sorted(job.log.rglob(EVENTS))
        if event_logs:
            return endpoint_outcome(event_logs[0].parent, job.log.parent / SAMPLES)
        outcome = printed_outcome([job.log / OUTPUT], result)
        success = True if outcome.window == result.life else outcome.success
        return replace(outcome, success=success, work=Work(1.0, "run"))


def printed_outcome(logs: Sequence[Path], result: CommandResult) -> Outcome:
    """Return the window and the success that a program printed; its life where it marked none.

    Args:
        logs: Files with its MLLOG lines.
        result: How it ended.

    Raises:
        WorkloadFailed: A log cannot be read, or the marks are no window.
    """
    try:
        lines = [line for path in logs for line in read_all(read_bytes(path))[0]]
    except UnreadableError as error:
        raise WorkloadFailed(error.message, where=error.where) from None
    window = marked_window(lines)
    return Outcome(
        window=window or result.life,
        success=stop_status(lines) if window else None,
        facts={
            "window_from": "run_start and run_stop" if window else "the life of the program",
            "cpu_s": result.cpu_s,
        },
    )
