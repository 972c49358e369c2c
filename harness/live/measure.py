"""Measure the runs of a plan: a workload and meters in, run directories out.

One run, in order:

1. Create the run directory, marked incomplete.
2. Start the samplers; with several machines, meet the other ranks and compare clocks.
3. Idle; run the workload under supervision; idle.
4. Stop the samplers, turn their journals into traces, and write the record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.errors import UsageError
from harness.formats.base import Entry, Rated, Run
from harness.formats.run_directory import RECORD, SAMPLES
from harness.live.anchor import Anchor
from harness.live.disk import DiskWatch
from harness.live.distributed.clock_offset import Clock
from harness.live.distributed.coordinator import Coordinator
from harness.live.distributed.launcher import SINGLE_RANK, ProcessRank
from harness.live.distributed.placement import Sight, visible_devices
from harness.live.distributed.rank_windows import rank_span_facts
from harness.live.distributed.rendezvous import (
    POINT_LIMIT_S,
    RECORD_LIMIT_S,
    SINGLE_PROCESS,
    WORK_LIMIT_S,
    Rendezvous,
)
from harness.live.distributed.slurm_energy import StepEnergy
from harness.live.distributed.worker import Worker
from harness.live.merge_ranks import RANKS, machine_count, merge
from harness.live.monitor.display import LiveDisplay
from harness.live.recording import (
    LEFT_PROCESSES,
    PREPARED,
    RunFailed,
    finalise,
    mark_incomplete,
    not_writable,
    recording,
)
from harness.live.run_plan import commit, job_identity
from harness.live.sensors.announcement import announcement
from harness.meters.sampler_process import MeterRequest, SamplerGroup
from harness.runners.base import OUTPUT, CommandResult, Job, Outcome, Runner
from harness.runners.command import printed_outcome
from harness.runners.process import execute
from harness.runners.progress_file import ProgressFile
from harness.signing.plans import PLAN
from harness.traces.trace import Window

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SET_ASIDE = ".incomplete"
"""Folder in an entry for runs that `resume` set aside; hidden, so that nobody takes it for runs."""
LOG = "log"
"""Folder in a run directory for what the workload writes."""
DEFAULT_IDLE_S = 3.0
"""Idle time recorded before and after the workload [s]."""
Notify = Callable[[str], None]
"""Called with a line for the user when something happens."""


def silent(_: str) -> None:
    """Notify nobody."""


class Listeners(NamedTuple):
    """Who is told what happens.

    Attributes:
        notify: Called with a line for the user when something happens.
        watch: Called once a second with the power and energy so far.
    """

    notify: Notify
    watch: Notify


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure, and how.

    Attributes:
        entry: What all runs share; its directory is where the run directories go.
        runner: Starts the workload and reads its logs.
        meters: Meters to sample.
        seeds: One for each run.
        idle_s: Idle time recorded before and after the workload [s].
        process: Which process of a run on several machines this is.
        meet: HOST:PORT where rank 0 waits; "" for an invitation in the run directory.
        anchor: File or address that takes the heads of the journals' chains; "" for none.
        authority: Address of an authority that stamps them with its time; "" for none.
        plan_key: Private key that signs the plan; None for none.
        resume: Keep the complete runs that are there, and make the missing ones.
        shared_meters: Meters of equipment that all machines share; rank 0 samples them.
        rated: Parts that nobody measures, by their rated power.
        work_limit_s: How long a rank whose work has ended waits for that of the others [s].
        described: Fields of the system description that the user states.
    """

    entry: Entry
    runner: Runner
    meters: Sequence[MeterRequest]
    seeds: Sequence[int]
    idle_s: tuple[float, float] = (DEFAULT_IDLE_S, DEFAULT_IDLE_S)
    process: ProcessRank = SINGLE_RANK
    meet: str = ""
    anchor: str = ""
    authority: str = ""
    plan_key: Ed25519PrivateKey | None = None
    resume: bool = False
    shared_meters: Sequence[MeterRequest] = ()
    rated: Sequence[Rated] = ()
    work_limit_s: float = WORK_LIMIT_S
    described: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run that was recorded to its end, or one rank's part of it.

    Attributes:
        folder: Its run directory.
        run: What was recorded.
        outcome: What the workload's logs state.
        nodes: Number of machines that took part.
        waits_for: What is still missing of a run whose ranks share no folder; "" for a whole run.
    """

    folder: Path
    run: Run
    outcome: Outcome
    nodes: int = 1
    waits_for: str = ""


def measure(plan: Plan, notify: Notify = silent, watch: Notify = silent) -> Iterator[RecordedRun]:
    """Make all runs of a plan, one after the other.

    All folders are checked before the first run, so nothing that exists is overwritten. A rank
    other than 0 yields its own part of each run.

    Args:
        plan: What to measure.
        notify: Called with a line for the user when something happens.
        watch: Called once a second with the power and energy so far.

    Raises:
        JoulemarkError: A run cannot be made, or was not recorded to its end.
    """
    rank, is_distributed = plan.process.rank, plan.process.world_size > 1
    folders = [plan.entry.directory / f"run-{n}" for n in range(1, len(plan.seeds) + 1)]
    for folder in folders:
        if plan.resume and not is_distributed:
            _set_aside_incomplete(folder, notify)
        else:
            _refuse_existing(folder / RANKS / str(rank) if rank else folder)
    commitments: dict[str, Any] = {}
    if not rank:
        plan_sha256 = _commit(plan)
        anchor = Anchor(plan.anchor, "", (), plan.authority)
        anchor.add(PLAN, plan_sha256)
        commitments = {"plan_sha256": plan_sha256}
        if anchor.lines:
            commitments["plan_anchors"] = anchor.lines
    prepare(plan, notify)
    sight = visible_devices(request.spec for request in plan.meters) if is_distributed else {}
    for number, (folder, seed) in enumerate(zip(folders, plan.seeds, strict=True), 1):
        if plan.resume and (folder / RECORD).is_file():
            notify(f"run {number}: is there already")
            continue
        job = Job(folder / LOG, number, seed, commitments)
        if rank:
            yield measure_as_worker(plan, folder, job, Listeners(notify, watch), sight)
        elif is_distributed:
            yield measure_as_coordinator(plan, folder, job, Listeners(notify, watch), sight)
        else:
            yield measure_run(plan, folder, job, Listeners(notify, watch))


def _commit(plan: Plan) -> str:
    """Write the plan before the first run; return its hash."""
    try:
        return commit(plan)
    except OSError as error:
        raise not_writable(plan.entry.directory, error) from None


def _refuse_existing(folder: Path) -> None:
    if folder.exists():
        raise UsageError(
            "there is a run already",
            where=str(folder),
            fix="Choose another --out; nothing there was changed.",
        )


def _set_aside_incomplete(folder: Path, notify: Notify) -> None:
    """Move a run that was not recorded to its end out of the way; nothing is deleted."""
    if not folder.exists() or (folder / RECORD).is_file():
        return
    aside = folder.parent / SET_ASIDE
    aside.mkdir(exist_ok=True)
    attempt = 1
    while (target := aside / f"{folder.name}-{attempt}").exists():
        attempt += 1
    folder.rename(target)
    notify(f"{folder} was not recorded to its end; it is now {target}")


def prepare(plan: Plan, notify: Notify) -> None:
    """Do once, unmeasured, what the workload needs before its timed runs.

    Raises:
        JoulemarkError: A step fails or its folder cannot be written.
    """
    folder = plan.entry.directory / PREPARED
    try:
        for step in plan.runner.steps(folder):
            notify(f"before the runs: {step.name}")
            execute(step.command, step.log, lambda: None, plan.runner.environment)
    except OSError as error:
        raise not_writable(folder, error) from None


def measure_run(
    plan: Plan,
    folder: Path,
    job: Job,
    listeners: Listeners,
    rendezvous: Rendezvous = SINGLE_PROCESS,
) -> RecordedRun:
    """Record one run: idle, the workload with its window, idle.

    Args:
        plan: What to measure.
        folder: Run directory to create.
        job: Number, seed and log folder of the run.
        listeners: Who is told what happens.
        rendezvous: The other ranks, if any; the record is then of this rank's part.

    Raises:
        JoulemarkError: The run was not recorded to its end; its folder says why.
    """
    with recording(folder, plan.entry):
        before = rendezvous.compare_clocks("met", lambda: None)
        is_worker = rendezvous.process.rank > 0
        meters = [request for request in plan.meters if rendezvous.reads(request.spec)]
        meters += [] if is_worker else plan.shared_meters
        step_energy = StepEnergy(is_used=not is_worker)
        with SamplerGroup(meters, folder / SAMPLES) as samplers:
            journals = [process.journal for process in samplers.processes]
            anchor = Anchor(plan.anchor, folder.name, journals, plan.authority)
            for line in announcement(samplers.channels) if job.number == 1 else ():
                listeners.notify(line)
            result, idle_start_ns = _run_workload(
                plan, job, rendezvous, samplers, listeners, anchor
            )
            after = rendezvous.compare_clocks("compared", samplers.check)
            step_energy.read_after()
            listeners.notify(f"run {job.number}: idle for {plan.idle_s[1]:g} s")
            samplers.wait(plan.idle_s[1])
        anchor.set()  # after the last words of the samplers
        idle = {
            "before": Window(idle_start_ns, result.start_ns),
            "after": Window(result.stop_ns, time.time_ns()),
        }
        outcome = _worker_outcome(job, result) if is_worker else plan.runner.outcome(job, result)
        facts = _commitments(job, anchor) | step_energy.facts()
        if rendezvous.placement:
            clock = Clock.compared(before, after).facts() if before and after else None
            spans = rank_span_facts(outcome.window, result.life)
            facts["rank"] = rendezvous.facts() | {"clock": clock} | spans
        outcome = replace(outcome, facts=dict(outcome.facts) | facts)
        if result.left:
            texts = _left(result)
            left_facts = dict(outcome.facts) | {LEFT_PROCESSES: texts}
            outcome = replace(outcome, facts=left_facts, advice=(*outcome.advice, *texts))
        run = finalise(folder, plan.entry, outcome, idle, () if is_worker else plan.rated)
    return RecordedRun(folder, run, outcome)


def _left(result: CommandResult) -> list[str]:
    """Say which processes the workload left behind, and what became of them."""
    stopped = ", ".join(str(process) for process in result.left if process.stopped)
    running = ", ".join(str(process) for process in result.left if not process.stopped)
    texts = [f"the workload left processes, which were stopped: {stopped}"] if stopped else []
    if running:
        texts.append(f"the workload left processes that go on and draw power: {running}")
    return texts


def _commitments(job: Job, anchor: Anchor) -> dict[str, object]:
    """Return what binds a run from outside: its plan, and the anchors of its journals."""
    facts: dict[str, object] = dict(job.commitments)
    if anchor.lines:
        facts["anchors"] = anchor.lines
    return facts


def _run_workload(
    plan: Plan,
    job: Job,
    rendezvous: Rendezvous,
    samplers: SamplerGroup,
    listeners: Listeners,
    anchor: Anchor,
) -> tuple[CommandResult, int]:
    """Idle, then run the workload on all machines at once.

    Returns:
        How the workload ended, and when the idle time began [ns UTC].
    """
    notify = listeners.notify
    progress = ProgressFile(job.log, lambda text: notify(f"run {job.number}: {text}"))
    disk = DiskWatch(job.log.parent, samplers.folder)
    live = LiveDisplay(samplers, lambda text: listeners.watch(f"run {job.number}: {text}"))

    def check() -> None:
        samplers.check()
        rendezvous.check()
        progress.report()
        disk.check()
        anchor.check()
        live.update()

    notify(f"run {job.number}: idle for {plan.idle_s[0]:g} s")
    idle_start_ns = time.time_ns()
    samplers.wait(plan.idle_s[0])
    rendezvous.wait_for_all("ready", samplers.check, POINT_LIMIT_S + plan.idle_s[0])
    notify(f"run {job.number}: the workload runs")
    environment = {"JOULEMARK_LOG": str(job.log.absolute()), "JOULEMARK_SEED": str(job.seed)}
    environment |= dict(rendezvous.environment) | dict(plan.runner.environment)
    result = execute(plan.runner.command(job), job.log, check, environment)
    rendezvous.wait_for_all("ended", samplers.check, plan.work_limit_s)
    return result, idle_start_ns


def _worker_outcome(job: Job, result: CommandResult) -> Outcome:
    """Return what a rank other than 0 states: when its work ran, by its own marks if it has any."""
    results = sorted(job.log.glob("result_*.txt"))
    return printed_outcome([job.log / OUTPUT, *results], result)


def measure_as_coordinator(
    plan: Plan, folder: Path, job: Job, listeners: Listeners, sight: Sight
) -> RecordedRun:
    """Record one run on several machines as rank 0: its own part, then all parts merged.

    Where the parts of other ranks lie on other machines, the run stays incomplete until they are
    copied here.
    """
    with recording(folder, plan.entry):
        listeners.notify(f"run {job.number}: waiting for {plan.process.world_size} ranks")
        part_folder = folder / RANKS / "0"
        part_job = replace(job, log=part_folder / LOG)
        identity = job_identity(plan, job.number)
        with Coordinator(plan.process, folder, plan.meet, identity, sight) as rendezvous:
            part = measure_run(plan, part_folder, part_job, listeners, rendezvous)
            rendezvous.wait_for_all("recorded", lambda: None, RECORD_LIMIT_S)
        try:
            run = merge(folder)
        except RunFailed as error:
            ranks_share_a_folder = not plan.meet
            if ranks_share_a_folder:
                raise
            mark_incomplete(folder, plan.entry, str(error))
            waits_for = f"Copy the folders {RANKS}/N of the other ranks into {folder / RANKS}"
            return RecordedRun(folder, part.run, part.outcome, rendezvous.nodes, waits_for)
    outcome = replace(part.outcome, window=run.window or part.outcome.window, success=run.success)
    return RecordedRun(folder, run, outcome, machine_count(run))


def measure_as_worker(
    plan: Plan, folder: Path, job: Job, listeners: Listeners, sight: Sight
) -> RecordedRun:
    """Record the part of a rank other than 0."""
    part_folder = folder / RANKS / str(plan.process.rank)
    part_job = replace(job, log=part_folder / LOG)
    identity = job_identity(plan, job.number)
    with Worker(plan.process, folder, plan.meet, identity, sight) as rendezvous:
        part = measure_run(plan, part_folder, part_job, listeners, rendezvous)
        rendezvous.wait_for_all("recorded", lambda: None, RECORD_LIMIT_S)
    return part
