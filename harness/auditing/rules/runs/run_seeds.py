"""Each run has a seed of its own."""

from collections import defaultdict
from collections.abc import Iterator

from harness.auditing.rules.base import (
    RECORDED_RUNS,
    TRAINING_LOGS,
    Rule,
    RuleContext,
    Violation,
    location,
)
from harness.core.errors import shorten
from harness.formats.base import Run


def check(context: RuleContext) -> Iterator[Violation]:
    """Report runs that share their seeds, and result logs without a seed."""
    if context.entry.task != "training":
        return
    runs_by_seeds: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    unseeded_runs = []
    for run in context.entry.runs:
        seeds = _seeds(run)
        if seeds:
            runs_by_seeds[seeds].append(run)
        elif run.evidence.training and run.evidence.training.seeds is not None:
            unseeded_runs.append(run)
    for runs in runs_by_seeds.values():
        if len(runs) > 1:
            names = shorten(", ".join(run.id for run in runs))
            yield Violation(
                location(runs[0]),
                f"the same seeds in {len(runs)} runs: {names}",
                "seeds of its own in each run",
                "Submit each run once, each with another seed.",
            )
    if unseeded_runs:
        yield Violation(
            location(unseeded_runs[0]),
            f"no seed, in {len(unseeded_runs)} of {len(context.entry.runs)} result logs",
            "at least one in each",
            "Log the seed: without it nobody can tell two runs from one.",
        )


def _seeds(run: Run) -> tuple[str, ...]:
    """Return all seeds of a result log, or the one in the record of a live run."""
    training, recording = run.evidence.training, run.evidence.recording
    if training is not None and training.seeds:
        return tuple(sorted(map(repr, training.seeds)))
    seed = recording.logged.get("seed") if recording is not None else None
    return () if seed is None else (repr(seed),)


RULE = Rule(
    id="run-seeds",
    title="No two runs have the same seeds",
    why="One run that is entered twice under two names counts twice in the mean.",
    evidence="All seeds of each result log, as a set; only whole sets are compared. Of a live "
    "run, the seed in its record.",
    remedy="Start each run with a seed of its own, and log it.",
    applies_to=TRAINING_LOGS | RECORDED_RUNS,
    check=check,
)
