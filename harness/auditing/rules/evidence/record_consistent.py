"""The record of a live run does not contradict itself, its journals, or its workload."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    RECORDED_RUNS,
    Rule,
    RuleContext,
    Violation,
    location,
    recorded_runs,
    run_folder,
)
from harness.core.errors import JoulemarkError
from harness.core.timestamps import NS
from harness.formats.base import Quality, Run
from harness.formats.defects import DefectCode
from harness.formats.mlperf.mllog import number
from harness.formats.run_directory import SAMPLES
from harness.live.distributed.rank_windows import window_of_rank_0
from harness.runners.workload import find_workloads
from harness.traces.journal.reader import Samples

FIX = "Submit the record as joulemark wrote it."
DURATION_SLACK = 0.01
"""Relative difference of the declared duration and the window that is none: they are two clocks."""
TRAINING_TIME_SLACK = 0.001
"""Relative difference of the time to train and the window that is none."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report contradictions in the records of the live runs of an entry."""
    runs = recorded_runs(context.entry)
    if not runs:
        yield Violation(
            "result", "no live run here", "its record", "Audit the original run.", status="skip"
        )
        return
    yield from _foreign_parts(context)
    yield from _missing_runs([run.id for run in runs])
    for run in runs:
        yield from _unfinished(run)
        yield from _wrong_durations(context, run)
        yield from _changed_target(context, run)
        yield from _compare_with_journals(context, run)


def _foreign_parts(context: RuleContext) -> Iterator[Violation]:
    """Report what joulemark never writes into the record of a live run."""
    scaling_factor, ranging = context.entry.scaling_factor, context.entry.ranging
    if scaling_factor is not None:
        got = f"a scaling factor of {scaling_factor:g}"
        yield Violation("result", got, "none in a live run", FIX)
    if ranging is not None:
        expected = "timed: a live run has no ranging run"
        yield Violation(ranging.id, "role ranging", expected, FIX)


def _missing_runs(names: Sequence[str]) -> Iterator[Violation]:
    """Warn of numbers that no run has: runs are numbered as they are made."""
    numbers = set()
    for name in names:
        if match := re.fullmatch(r"run-(\d{1,6})", name):
            numbers.add(int(match[1]))
    last_number = max(numbers, default=0)
    missing = sorted(set(range(1, last_number)) - numbers)
    if missing and len(names) > 1:
        yield Violation(
            f"run-{missing[0]}",
            f"{len(missing)} of {last_number} runs are not here",
            "each run that was made",
            "Submit them all, or say why a run was left out.",
            status="warn",
        )


def _unfinished(run: Run) -> Iterator[Violation]:
    if run.evidence.recording and run.evidence.recording.incomplete:
        yield Violation(
            Location(run=run.id, file=f"{run.id}/run.json"),
            "a record of a run that was not complete",
            "incomplete.json",
            "Leave this run out.",
        )


def _wrong_durations(context: RuleContext, run: Run) -> Iterator[Violation]:
    """Report durations that differ from the length of the window."""
    if run.window is None:
        return
    where, window_s = f"{run.id}/run.json", run.window.seconds
    if run.seconds is not None and abs(run.seconds - window_s) > DURATION_SLACK * window_s:
        expected = f"{window_s:g} s, the length of its window"
        yield Violation(where, f"{run.seconds:g} s", expected, FIX)
    is_training = context.entry.task == "training" and run.evidence.endpoint is None
    trainings = _trainings(run)
    if is_training and run.work is not None and run.work.count != trainings:
        expected = "1: one training" if trainings == 1 else f"{trainings:g}, as the log counts them"
        yield Violation(where, f"{run.work.count:g} runs of work", expected, FIX)
    performance = run.performance
    if performance is None or performance.unit != "min":
        return
    recording = run.evidence.recording
    timed = window_of_rank_0(recording.ranks if recording else None) or run.window
    training_s = timed.seconds / trainings
    if abs(performance.value * 60 - training_s) > TRAINING_TIME_SLACK * training_s:
        expected = f"{training_s / 60:g}, the length of its window"
        if trainings > 1:
            expected += f" for each of {trainings:g} trainings"
        yield Violation(where, f"{performance.value:g} min to train", expected, FIX)


def _trainings(run: Run) -> float:
    """Return how many trainings a run did one after the other, by its record: mostly one."""
    recording = run.evidence.recording
    stated = number(recording.logged.get("trainings")) if recording else None
    return stated if stated is not None and stated >= 1 else 1.0


@functools.cache
def _bundled_targets() -> Mapping[str, Mapping[str, Any]]:
    """Return the quality that each bundled workload asks for, by its name."""
    return {
        item.name: item.spec["quality"] for item in find_workloads() if item.spec.get("quality")
    }


def _changed_target(context: RuleContext, run: Run) -> Iterator[Violation]:
    bundled = _bundled_targets().get(context.entry.benchmark)
    if bundled is None:
        return
    stated = None if run.quality is None else _of_metric(run.quality, bundled["metric"])
    if stated is None:
        yield Violation(
            Location(run=run.id, file=f"{run.id}/run.json"),
            "no quality",
            f"{bundled['metric']}, which the workload measures in each run",
            FIX,
        )
    elif stated.target != bundled["target"]:
        yield Violation(
            Location(run=run.id, file=f"{run.id}/run.json"),
            f"a target of {stated.target}",
            f"{bundled['target']:g}, as the workload asks",
            FIX,
        )
    elif stated.better != bundled["better"]:
        yield Violation(
            Location(run=run.id, file=f"{run.id}/run.json"),
            f"{stated.better} {stated.metric} is better",
            f"{bundled['better']}, as the workload says",
            FIX,
        )


def _of_metric(quality: Quality, metric: str) -> Quality | None:
    return next((item for item in quality.all if item.metric == metric), None)


def _compare_with_journals(context: RuleContext, run: Run) -> Iterator[Violation]:
    # Imported late: `rules` lists the rules without what records runs.
    from harness.live.merge_ranks import journal_folders

    try:
        folders = journal_folders(run_folder(context.entry, run), run)
    except JoulemarkError:
        return  # reported by traces-from-journals
    journals = [journal for folder in folders for journal in context.journals.readable(folder)]
    yield from _wrong_counts(run, journals)
    for journal in journals:
        if journal.about.get("simulated") and not context.entry.simulated:
            yield Violation(
                Location(run=run.id, file=f"{run.id}/run.json"),
                "not simulated",
                f"simulated, as {Path(journal.path).name} says",
                FIX,
            )
        clock_steps = journal.steps()
        if clock_steps and not context.defects(DefectCode.CLOCK_STEP):
            yield Violation(
                Location(run=run.id, file=f"{run.id}/run.json"),
                "no clock-step",
                f"the {len(clock_steps)} that its journal shows",
                FIX,
            )
        is_first_rank = Path(journal.path).parent == folders[0]
        if is_first_rank:  # idle times are stated by the clock of the first rank
            yield from _unmeasured_rest(run, journal)


def _wrong_counts(run: Run, journals: Sequence[Samples]) -> Iterator[Violation]:
    """Report counts of a sampler that its journal does not hold.

    Samplers of one meter are recorded in the order of the ranks.
    """
    recorded_by_meter: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for sampler in run.evidence.samplers:
        recorded_by_meter[str(sampler.get("meter"))].append(sampler)
    for journal in journals:
        counts = journal.statistics()
        recorded_samplers = recorded_by_meter[str(journal.about.get("meter"))]
        recorded = recorded_samplers.pop(0) if recorded_samplers else {}
        for name in ("reads", "missed", "failed"):
            if counts[name] != recorded.get(name):
                got = f"{name} of {counts['meter']}: {recorded.get(name)}"
                expected = f"{counts[name]}, as its journal holds"
                yield Violation(Location(run=run.id, file=f"{run.id}/run.json"), got, expected, FIX)
    if not journals:
        return
    for meter, samplers in sorted(recorded_by_meter.items()):
        if samplers:
            got = f"no journal of {meter}"
            yield Violation(f"{run.id}/{SAMPLES}", got, "one of each meter that was read", FIX)


def _unmeasured_rest(run: Run, journal: Samples) -> Iterator[Violation]:
    """Warn of a time of rest, before or after the run, that the journal does not cover."""
    recording = run.evidence.recording
    clocks_ns = journal.clocks[:, 0]
    if recording is None or not recording.idle or not len(clocks_ns):
        return
    first_ns, last_ns = int(clocks_ns[0]), int(clocks_ns[-1])
    for name, rest in recording.idle.items():
        if rest.start_ns < first_ns - NS or rest.stop_ns > last_ns + NS:
            got = f"idle time {name} the run outside the journal"
            yield Violation(location(run), got, "readings of it", FIX, status="warn")


RULE = Rule(
    id="record-consistent",
    aliases=("record-sound",),
    title="The run record does not contradict itself, its journals or its workload",
    why="A lowered target, a run that was left out, a replayed trace that is called real: each "
    "improves the result for the same energy.",
    evidence="Duration and time to train against the window; the remains of an incomplete run; "
    "role and scaling of a live run; numbers of the runs (a gap is a warning); the target against "
    "the bundled workload of that name; what the sampler counted, whether it was simulated, and "
    "its idle times, against the journals.",
    remedy="Submit the record and the journals of each run that was made.",
    applies_to=RECORDED_RUNS,
    check=check,
)
