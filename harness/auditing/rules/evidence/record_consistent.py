"""The record of a live run does not contradict itself, its journals, or its workload."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.auditing.rules.base import Rule, RuleContext, Violation, live_runs, place, run_folder
from harness.core.errors import JoulemarkError
from harness.core.timestamps import NS
from harness.formats.base import Run
from harness.formats.defects import DefectCode
from harness.formats.run_directory import SAMPLES
from harness.live.merge_ranks import journal_folders
from harness.runners.workload import workloads
from harness.traces.journal_reader import Samples, readable

FIX = "Submit the record as joulemark wrote it."


def check(case: RuleContext) -> Iterator[Violation]:
    live = live_runs(case.entry)
    if not live:
        yield Violation(
            "result", "no live run here", "its record", "Audit the original run.", status="skip"
        )
        return
    if case.entry.scaling_factor is not None:
        yield Violation(
            "result",
            f"a scaling factor of {case.entry.scaling_factor:g}",
            "none in a live run",
            FIX,
        )
    if case.entry.ranging is not None:
        yield Violation(
            case.entry.ranging.id, "role ranging", "timed: a live run has no ranging run", FIX
        )
    yield from _series([run.id for run in live])
    for run in live:
        yield from _itself(case, run)
        yield from _target(case, run)
        yield from _journals(case, run)


def _series(names: list[str]) -> Iterator[Violation]:
    """Runs are numbered as they are made: one that is not there was left out."""
    numbers = {int(match[1]) for name in names if (match := re.fullmatch(r"run-(\d{1,6})", name))}
    lost = sorted(set(range(1, max(numbers, default=0))) - numbers)
    if lost and len(names) > 1:
        yield Violation(
            f"run-{lost[0]}",
            f"{len(lost)} of {max(numbers)} runs are not here",
            "each run that was made",
            "Submit them all, or say why a run was left out.",
            status="warn",
        )


def _itself(case: RuleContext, run: Run) -> Iterator[Violation]:
    where, seconds = f"{run.id}/run.json", run.window.seconds if run.window else None
    if run.evidence.recording and run.evidence.recording.incomplete:
        yield Violation(
            where,
            "a record of a run that was not complete",
            "incomplete.json",
            "Leave this run out.",
        )
    if seconds is None:
        return
    if run.seconds is not None and abs(run.seconds - seconds) > 0.01 * seconds:
        yield Violation(
            where, f"{run.seconds:g} s", f"{seconds:g} s, the length of its window", FIX
        )
    if case.entry.task == "training" and run.work is not None and run.work.count != 1:
        yield Violation(where, f"{run.work.count:g} runs of work", "1: one training", FIX)
    speed = run.performance
    if (
        speed is not None
        and speed.unit == "min"
        and abs(speed.value * 60 - seconds) > 0.001 * seconds
    ):
        yield Violation(
            where,
            f"{speed.value:g} min to train",
            f"{seconds / 60:g}, the length of its window",
            FIX,
        )


@functools.cache
def _asked() -> Mapping[str, Mapping[str, Any]]:
    """Quality that each bundled workload asks for, by its name."""
    return {item.name: item.spec["quality"] for item in workloads() if item.spec.get("quality")}


def _target(case: RuleContext, run: Run) -> Iterator[Violation]:
    asked, said = _asked().get(case.entry.benchmark), run.quality
    if (
        asked is not None
        and said is not None
        and said.metric == asked["metric"]
        and said.target != asked["target"]
    ):
        yield Violation(
            f"{run.id}/run.json",
            f"a target of {said.target}",
            f"{asked['target']:g}, as the workload asks",
            FIX,
        )


def _journals(case: RuleContext, run: Run) -> Iterator[Violation]:
    try:
        folders = journal_folders(run_folder(case.entry, run), run)
    except JoulemarkError:
        return  # traces-from-journals says so
    found = [samples for folder in folders for samples in readable(folder)]
    yield from _counts(run, found)
    for samples in found:
        if samples.about.get("simulated") and not case.entry.simulated:
            yield Violation(
                f"{run.id}/run.json",
                "not simulated",
                f"simulated, as {Path(samples.path).name} says",
                FIX,
            )
        if samples.steps() and not case.defects(DefectCode.CLOCK_STEP):
            yield Violation(
                f"{run.id}/run.json",
                "no clock-step",
                f"the {len(samples.steps())} that its journal shows",
                FIX,
            )
        if (
            Path(samples.path).parent == folders[0]
        ):  # idle times are those of the first rank, by its clock
            yield from _rest(run, samples)


def _counts(run: Run, found: Sequence[Samples]) -> Iterator[Violation]:
    """What the record says of each sampler against its journal; those of one meter are in the order of the ranks."""
    said: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for item in run.evidence.samplers:
        said[str(item.get("meter"))].append(item)
    for samples in found:
        told, kept = samples.statistics(), said[str(samples.about.get("meter"))]
        stated = kept.pop(0) if kept else {}
        for name in ("reads", "missed", "failed"):
            if told[name] != stated.get(name):
                got = f"{name} of {told['meter']}: {stated.get(name)}"
                yield Violation(
                    f"{run.id}/run.json", got, f"{told[name]}, as its journal holds", FIX
                )
    for name in sorted(name for name, left in said.items() if left and found):
        yield Violation(
            f"{run.id}/{SAMPLES}", f"no journal of {name}", "one of each meter that was read", FIX
        )


def _rest(run: Run, samples: Samples) -> Iterator[Violation]:
    """What the machine drew at rest before and after the run is in the journal, where the record says it was taken."""
    spans = (run.evidence.recording.idle if run.evidence.recording else None) or {}
    clocks = samples.clocks[:, 0]
    for name, span in spans.items() if len(clocks) else ():
        if span.start_ns < int(clocks[0]) - NS or span.stop_ns > int(clocks[-1]) + NS:
            yield Violation(
                place(run),
                f"idle time {name} the run outside the journal",
                "readings of it",
                FIX,
                status="warn",
            )


RULE = Rule(
    id="record-consistent",
    aliases=("record-sound",),
    title="The run record does not contradict itself, its journals or its workload",
    why="A target that was lowered, a run that was left out, a played trace that is called real: each makes a better "
    "result of the same joules.",
    evidence="Duration and time to train against the window; the leavings of an incomplete run; role and scaling of a "
    "live run; numbers of the runs (a gap is a warning); the target against the bundled workload of that name; what "
    "the sampler counted, whether it was simulated, and its idle times, against the journals.",
    remedy="Submit the record and the journals of each run that was made.",
    check=check,
)
