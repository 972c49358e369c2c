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
    CommandResult,
    Job,
    Outcome,
    Step,
    WorkloadFailed,
    marked_window,
    stop_status,
)


@dataclass(frozen=True)
class Training:
    """The training program of a workload.

    Attributes:
        folder: Folder of the workload.
        spec: Its workload.yaml.
        options: Arguments that the user sets.
    """

    folder: Path
    spec: Mapping[str, Any]
    options: Mapping[str, str]

    def __post_init__(self) -> None:
        arguments = self.spec["runner"].get("arguments", {})
        unknown = [name for name in self.options if name not in arguments]
        if unknown:
            raise UsageError(
                f"{self.spec['name']} has no such setting",
                got=shorten(", ".join(unknown)),
                expected=", ".join(arguments) or "none",
            )

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables that the program gets in addition to the user's."""
        variables: Mapping[str, str] = self.spec["runner"].get("environment", {})
        return variables

    def result(self, job: Job) -> Path:
        """Return the path of a run's result log."""
        return job.log / f"result_{job.number}.txt"

    def steps(self, folder: Path) -> Iterator[Step]:  # noqa: ARG002
        """Return no steps: training needs no preparation."""
        return iter(())

    def command(self, job: Job) -> Sequence[str]:
        """Return the program with its seed, result log, and what spec and user set."""
        runner = self.spec["runner"]
        arguments: dict[str, Any] = {"seed": job.seed, "result": self.result(job)}
        arguments |= runner.get("arguments", {})
        arguments |= self.options
        data_sha256 = (self.spec["data"] or {}).get("sha256")
        if data_sha256:
            arguments["data-sha256"] = data_sha256
        command = [sys.executable, str(self.folder / runner["program"])]
        for name, value in arguments.items():
            command += [f"--{name}", str(value)]
        return command

    def outcome(self, job: Job, result: CommandResult) -> Outcome:
        """Read window, quality and what it took from the result log."""
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
        values = {name: _last_value(lines, name) for name in LOGGED_NAMES}
        trainings = values["trainings"] or 1.0
        facts: dict[str, Any] = {name: v for name, v in values.items() if v is not None}
        facts |= {
            "settings": dict(self.options),
            "mllog_lines_broken": broken,
            "cpu_s": result.cpu_s,
        }
        return Outcome(
            window=window,
            seconds=window.seconds,
            success=success,
            work=Work(trainings, "run"),
            performance=Quantity(window.seconds / trainings / 60, "min", "time to train"),
            quality=quality,
            advice=tuple(_advice(quality, success)),
            facts=facts,
        )

    def _quality(self, lines: Sequence[Line]) -> Quality | None:
        target = self.spec["quality"]
        reached = _last_value(lines, target["metric"]) if target else None
        if target is None or reached is None:
            return None
        return Quality(target["metric"], reached, target["target"], better=target["better"])


def _last_value(lines: Sequence[Line], key: str) -> float | None:
    return next((number(line.value) for line in reversed(lines) if line.key == key), None)


def _advice(quality: Quality | None, success: bool | None) -> list[str]:
    if success is False:
        return ["the target was not reached: the run does not count"]
    if quality is None:
        return ["the result log states no final quality"]
    if quality.misses_target:
        return [
            f"{quality.metric} {quality.value:.4g} misses the target of {quality.target:g}:"
            " the run does not count"
        ]
    return []
