"""Measure: a workload and meters in, a run directory out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.documents.errors import UsageError
from harness.execution import execute
from harness.formats.base import Entry, Run
from harness.formats.native import SAMPLES
from harness.recording import PREPARED, complete, recorded, unwritable
from harness.runners.base import Job, Outcome, Runner
from harness.sampling import Asked, Sampling
from harness.traces.trace import Window

LOG = "log"
"""Folder of what the workload writes, in a run directory."""
IDLE_S = 3.0
"""Idle time recorded before and after the workload by default [s]."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and how.

    entry: what all runs share; its directory is where the run directories go
    idle_s: recorded before the workload starts and after it ended [s]; seeds: one for each run
    """

    entry: Entry
    runner: Runner
    meters: Sequence[Asked]
    seeds: Sequence[int]
    idle_s: tuple[float, float] = (IDLE_S, IDLE_S)


@dataclass(frozen=True, slots=True)
class Measured:
    """One run that was recorded to its end."""

    folder: Path
    run: Run
    outcome: Outcome


def measure(plan: Plan, say: Callable[[str], None] = lambda _: None) -> Iterator[Measured]:
    """Make all runs of a plan, one after the other; say: told what goes on. Raises JoulemarkError.

    All folders are looked at before the first run: nothing that exists is written over.
    """
    folders = [plan.entry.directory / f"run-{number}" for number in range(1, len(plan.seeds) + 1)]
    for folder in folders:
        if folder.exists():
            raise UsageError(
                "there is a run already", where=str(folder), fix="Choose another --out; nothing there was changed."
            )
    prepare(plan, say)
    for number, (folder, seed) in enumerate(zip(folders, plan.seeds, strict=True), 1):
        yield measure_once(plan, folder, Job(folder / LOG, number, seed), say)


def prepare(plan: Plan, say: Callable[[str], None]) -> None:
    """What the workload needs once before its timed runs, unmeasured. Raises JoulemarkError."""
    folder = plan.entry.directory / PREPARED
    try:
        for step in plan.runner.steps(folder):
            say(f"before the runs: {step.name}")
            execute(step.command, step.log, lambda: None, plan.runner.environment)
    except OSError as error:
        raise unwritable(folder, error) from None


def measure_once(plan: Plan, folder: Path, job: Job, say: Callable[[str], None]) -> Measured:
    """One run: idle, the workload with its window, idle; then the record. Raises JoulemarkError."""
    before, after = plan.idle_s
    with recorded(folder, plan.entry):
        with Sampling(plan.meters, folder / SAMPLES) as sampling:
            say(f"run {job.number}: idle for {before:g} s")
            began = time.time_ns()
            sampling.wait(before)
            say(f"run {job.number}: the workload runs")
            environment = {"JOULEMARK_LOG": str(job.log.absolute()), "JOULEMARK_SEED": str(job.seed)}
            ended = execute(
                plan.runner.command(job), job.log, sampling.check, environment | dict(plan.runner.environment)
            )
            say(f"run {job.number}: idle for {after:g} s")
            sampling.wait(after)
        outcome = plan.runner.outcome(job, ended)
        idle = {"before": Window(began, ended.start_ns), "after": Window(ended.stop_ns, time.time_ns())}
        run = complete(folder, plan.entry, outcome, idle)
    return Measured(folder, run, outcome)
