"""Any program: timed from the MLLOG line `run_start` to `run_stop` that it prints, or over its whole life."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.documents.errors import UnreadableError
from harness.documents.files import read_bytes
from harness.formats.base import Work
from harness.formats.mllog import Line, number, read_all
from harness.runners.base import OUTPUT, Ended, Job, Outcome, WorkloadFailed
from harness.traces.trace import Window

MS = 1_000_000
"""Nanoseconds in a millisecond; MLLOG stamps are milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments."""

    argv: tuple[str, ...]

    def command(self, job: Job) -> Sequence[str]:  # noqa: ARG002 - the same in each run
        """The program as it is."""
        return self.argv

    def outcome(self, job: Job, ended: Ended) -> Outcome:
        """Window and work from the lines it printed. Raises WorkloadFailed."""
        try:
            lines, _ = read_all(read_bytes(job.log / OUTPUT))
        except UnreadableError as error:
            raise WorkloadFailed(error.message, where=error.where) from None
        window = marked_window(lines)
        whole = Window(ended.start_ns, ended.stop_ns)
        return Outcome(
            window=window or whole,
            success=stop_status(lines) if window else True,
            work=Work(1.0, "run"),
            facts={"window_from": "run_start and run_stop" if window else "the life of the program",
                   "cpu_s": ended.cpu_s},
        )  # fmt: skip


def marked_window(lines: Sequence[Line]) -> Window | None:
    """From the first `run_start` to the last `run_stop`; None where there are none. Raises WorkloadFailed."""
    start = next((at for line in lines if line.key == "run_start" and (at := number(line.time_ms))), None)
    stops = [at for line in lines if line.key == "run_stop" and (at := number(line.time_ms))]
    if start is None and not stops:
        return None
    if start is None or not stops or stops[-1] <= start:
        raise WorkloadFailed(
            "the MLLOG lines mark no window", got=f"run_start {start}, run_stop {stops[-1] if stops else None}",
            expected="a run_start, and a later run_stop, each with time_ms",
        )  # fmt: skip
    return Window(round(start * MS), round(stops[-1] * MS))


def stop_status(lines: Sequence[Line]) -> bool | None:
    """Whether the last `run_stop` says success; None where it has no status."""
    last = next((line for line in reversed(lines) if line.key == "run_stop"), None)
    metadata = last.metadata if last is not None and isinstance(last.metadata, dict) else {}
    status = metadata.get("status")
    return None if status is None else status == "success"
