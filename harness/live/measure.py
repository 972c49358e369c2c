"""Measure: a workload and meters in, a run directory out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.errors import UsageError
from harness.formats.base import Entry, Run
from harness.formats.run_directory import INCOMPLETE, SAMPLES
from harness.live.distributed.clock_offset import Clock
from harness.live.distributed.coordinator import Coordinator
from harness.live.distributed.launcher import ALONE, Rank
from harness.live.distributed.rendezvous import SINGLE_PROCESS, Rendezvous
from harness.live.distributed.worker import Worker
from harness.live.merge_ranks import RANKS, merge
from harness.live.recording import PREPARED, RunFailed, complete, recorded, tell, unwritable
from harness.meters.sampler_process import MeterRequest, SamplerGroup
from harness.runners.base import Ended, Job, Outcome, Runner
from harness.runners.process import execute
from harness.runners.progress_file import Headway
from harness.traces.trace import Window

LOG = "log"
"""Folder of what the workload writes, in a run directory."""
Say = Callable[[str], None]
IDLE_S = 3.0
"""Idle time recorded before and after the workload by default [s]."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and how.

    entry: what all runs share; its directory is where the run directories go
    idle_s: recorded before the workload starts and after it ended [s]; seeds: one for each run
    rank: which of the processes of a run on several machines we are; meet: where rank 0 waits, "" for an invitation
    """

    entry: Entry
    runner: Runner
    meters: Sequence[MeterRequest]
    seeds: Sequence[int]
    idle_s: tuple[float, float] = (IDLE_S, IDLE_S)
    rank: Rank = ALONE
    meet: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run that was recorded to its end, or one rank's part of it. nodes: machines it ran on"""

    folder: Path
    run: Run
    outcome: Outcome
    nodes: int = 1


def measure(plan: Plan, say: Say = lambda _: None) -> Iterator[Measured]:
    """Make all runs of a plan, one after the other; say: told what goes on. Raises JoulemarkError.

    All folders are looked at before the first run: nothing that exists is written over.
    A rank that is not the first yields its own part of each run.
    """
    number, several = plan.rank.number, plan.rank.of > 1
    runs = [plan.entry.directory / f"run-{n}" for n in range(1, len(plan.seeds) + 1)]
    ours = [run / RANKS / str(number) if number else run for run in runs]
    for folder in ours:
        if folder.exists():
            raise UsageError(
                "there is a run already",
                where=str(folder),
                fix="Choose another --out; nothing there was changed.",
            )
    prepare(plan, say)
    once = measure_part if number else measure_together if several else measure_once
    for n, (folder, seed) in enumerate(zip(runs, plan.seeds, strict=True), 1):
        yield once(plan, folder, (n, seed), say)
    if waiting := [folder for folder in runs if not number and (folder / INCOMPLETE).is_file()]:
        raise RunFailed(
            f"{len(waiting)} runs wait for what other ranks recorded",
            where=str(waiting[0]),
            fix=f"Copy their folders {RANKS}/N into each run, then: joulemark merge RUN ...",
        )


def prepare(plan: Plan, say: Say) -> None:
    """What the workload needs once before its timed runs, unmeasured. Raises JoulemarkError."""
    folder = plan.entry.directory / PREPARED
    try:
        for step in plan.runner.steps(folder):
            say(f"before the runs: {step.name}")
            execute(step.command, step.log, lambda: None, plan.runner.environment)
    except OSError as error:
        raise unwritable(folder, error) from None


def measure_once(
    plan: Plan, folder: Path, which: tuple[int, int], say: Say, meeting: Rendezvous = SINGLE_PROCESS
) -> Measured:
    """One run: idle, the workload with its window, idle; then the record. Raises JoulemarkError.

    which: number and seed; meeting: the other ranks, where there are any; then the record is of this rank's part
    """
    job = Job(folder / LOG, *which)
    with recorded(folder, plan.entry):
        before = meeting.compare("met", lambda: None)
        with SamplerGroup(plan.meters if meeting.samples else (), folder / SAMPLES) as sampling:
            ended, began = _work(plan, job, meeting, sampling, say)
            after = meeting.compare("compared", sampling.check)
            say(f"run {job.number}: idle for {plan.idle_s[1]:g} s")
            sampling.wait(plan.idle_s[1])
        idle = {
            "before": Window(began, ended.start_ns),
            "after": Window(ended.stop_ns, time.time_ns()),
        }
        outcome = _life(ended) if meeting.rank.number else plan.runner.outcome(job, ended)
        if meeting.seat:
            clock = Clock(before, after).facts() if before and after else None
            outcome = replace(
                outcome, facts=dict(outcome.facts) | {"rank": meeting.facts() | {"clock": clock}}
            )
        run = complete(folder, plan.entry, outcome, idle)
    return Measured(folder, run, outcome)


def _work(
    plan: Plan, job: Job, meeting: Rendezvous, sampling: SamplerGroup, say: Say
) -> tuple[Ended, int]:
    """Idle, then the workload, on all machines at once. How it ended, and when the idle time began [ns UTC]."""
    environment = {"JOULEMARK_LOG": str(job.log.absolute()), "JOULEMARK_SEED": str(job.seed)}

    headway = Headway(job.log, lambda text: say(f"run {job.number}: {text}"))

    def check() -> None:
        sampling.check()
        meeting.check()
        headway.look()

    say(f"run {job.number}: idle for {plan.idle_s[0]:g} s")
    began = time.time_ns()
    sampling.wait(plan.idle_s[0])
    meeting.together("ready", sampling.check)
    say(f"run {job.number}: the workload runs")
    given = environment | dict(meeting.environment) | dict(plan.runner.environment)
    ended = execute(plan.runner.command(job), job.log, check, given)
    meeting.together("ended", sampling.check)
    return ended, began


def _life(ended: Ended) -> Outcome:
    """What a rank says that is not the first: that its program ran, and when."""
    return Outcome(window=Window(ended.start_ns, ended.stop_ns), facts={"cpu_s": ended.cpu_s})


def measure_together(plan: Plan, folder: Path, which: tuple[int, int], say: Say) -> Measured:
    """One run on several machines, as rank 0 has it: its own part, then all parts made one. Raises JoulemarkError."""
    with recorded(folder, plan.entry):
        say(f"run {which[0]}: waiting for {plan.rank.of} ranks")
        with Coordinator(plan.rank, folder, plan.meet) as meeting:
            part = measure_once(plan, folder / RANKS / "0", which, say, meeting)
            meeting.together("recorded", lambda: None)
        try:
            run = merge(folder)
        except RunFailed as error:
            if not plan.meet:  # all ranks write to one folder
                raise
            tell(folder, plan.entry, str(error))
            return Measured(folder, part.run, part.outcome, meeting.nodes)
    return Measured(folder, run, part.outcome, meeting.nodes)


def measure_part(plan: Plan, folder: Path, which: tuple[int, int], say: Say) -> Measured:
    """The part of one run that is of a rank other than the first. Raises JoulemarkError."""
    with Worker(plan.rank, folder, plan.meet) as meeting:
        part = measure_once(plan, folder / RANKS / str(plan.rank.number), which, say, meeting)
        meeting.together("recorded", lambda: None)
    return part
