"""Each run has a seed of its own."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.core.errors import shorten
from harness.formats.base import Run


def check(case: RuleContext) -> Iterator[Violation]:
    if case.entry.task != "training":
        return
    without, same = [], defaultdict(list)
    for run in case.entry.runs:
        seeds = _seeds(run)
        if seeds:
            same[tuple(sorted(map(repr, seeds)))].append(run)
        elif run.evidence.training and run.evidence.training.seeds is not None:
            without.append(run)
    for runs in same.values():
        if len(runs) > 1:
            yield Violation(
                place(runs[0]),
                f"the same seeds in {len(runs)} runs: {shorten(', '.join(run.id for run in runs))}",
                "seeds of its own in each run",
                "Submit each run once, each with another seed.",
            )
    if without:
        yield Violation(
            place(without[0]),
            f"no seed, in {len(without)} of {len(case.entry.runs)} result logs",
            "at least one in each",
            "Log the seed: without it nobody can tell two runs from one.",
        )


def _seeds(run: Run) -> Sequence[Any]:
    """Return all seeds of a result log, or the one in the record of a live run."""
    training, recording = run.evidence.training, run.evidence.recording
    if training and training.seeds:
        return training.seeds
    seed = recording.logged.get("seed") if recording else None
    return () if seed is None else (seed,)


RULE = Rule(
    id="run-seeds",
    title="No two runs have the same seeds",
    why="One run that is entered twice under two names weighs twice in the mean.",
    evidence="All seeds of each result log, as a set; only whole sets are compared. Of a live run, the seed in "
    "its record.",
    remedy="Start each run with a seed of its own, and log it.",
    check=check,
)
