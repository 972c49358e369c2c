"""Training to a quality target: a program that logs MLLOG lines, once for each seed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import UnreadableError, UsageError, shorten
from harness.core.files import read_bytes
from harness.formats.base import Quality, Quantity, Work
from harness.formats.evidence import LOGGED_NAMES
from harness.formats.mlperf.mllog import Line, number, read_all
from harness.runners.base import (
    Ended,
    Job,
    Outcome,
    Step,
    WorkloadFailed,
    marked_window,
    stop_status,
)


@dataclass(frozen=True)
class Training:
    """A training program of a workload. folder, spec: of the workload; options: arguments that the user sets"""

    folder: Path
    spec: Mapping[str, Any]
    options: Mapping[str, str]

    def __post_init__(self) -> None:
        known = self.spec["runner"].get("arguments", {})
        unknown = [name for name in self.options if name not in known]
        if unknown:
            raise UsageError(
                f"{self.spec['name']} has no such setting",
                got=shorten(", ".join(unknown)),
                expected=", ".join(known) or "none",
            )

    @property
    def environment(self) -> Mapping[str, str]:
        """What the program finds in its environment."""
        found: Mapping[str, str] = self.spec["runner"].get("environment", {})
        return found

    def result(self, job: Job) -> Path:
        """The result log of a run."""
        return job.log / f"result_{job.number}.txt"

    def steps(self, folder: Path) -> Iterator[Step]:  # noqa: ARG002
        """Nothing."""
        return iter(())

    def command(self, job: Job) -> Sequence[str]:
        """The program, with its seed, its result log, and what the spec and the user set."""
        runner = self.spec["runner"]
        arguments = (
            {"seed": job.seed, "result": self.result(job)}
            | runner.get("arguments", {})
            | dict(self.options)
        )
        if (self.spec["data"] or {}).get("sha256"):
            arguments["data-sha256"] = self.spec["data"]["sha256"]
        written = [part for name, value in arguments.items() for part in (f"--{name}", str(value))]
        return [sys.executable, str(self.folder / runner["program"]), *written]

    def outcome(self, job: Job, ended: Ended) -> Outcome:
        """Window, quality and what it took, from the result log. Raises WorkloadFailed."""
        path = self.result(job)
        try:
            lines, broken = read_all(read_bytes(path))
        except UnreadableError as error:
            raise WorkloadFailed(
                "the training wrote no result log", where=str(path), got=error.message
            ) from None
        window = marked_window(lines)
        if window is None:
            raise WorkloadFailed("the result log has no run_start and run_stop", where=str(path))
        quality, success = self._quality(lines), stop_status(lines)
        facts = {name: value for name in LOGGED_NAMES if (value := _last(lines, name)) is not None}
        return Outcome(
            window=window,
            seconds=window.seconds,
            success=success,
            work=Work(1.0, "run"),
            performance=Quantity(window.seconds / 60, "min", "time to train"),
            quality=quality,
            advice=tuple(_advice(quality, success)),
            facts=facts
            | {"settings": dict(self.options), "mllog_lines_broken": broken, "cpu_s": ended.cpu_s},
        )

    def _quality(self, lines: Sequence[Line]) -> Quality | None:
        asked = self.spec["quality"]
        reached = _last(lines, asked["metric"]) if asked else None
        return None if reached is None else Quality(asked["metric"], reached, asked["target"])


def _last(lines: Sequence[Line], key: str) -> float | None:
    return next((number(line.value) for line in reversed(lines) if line.key == key), None)


def _advice(quality: Quality | None, success: bool | None) -> list[str]:
    if success is False:
        return ["the target was not reached: the run does not count"]
    if quality is None:
        return ["the result log states no final quality"]
    if quality.target is not None and quality.value < quality.target:
        return [
            f"{quality.metric} {quality.value:.4g} misses the target of {quality.target:g}: the run does not count"
        ]
    return []
