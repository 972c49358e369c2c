"""Each run has a seed of its own."""

from collections import defaultdict
from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.core.errors import shorten


def check(case: RuleContext) -> Iterator[Violation]:
    if case.entry.task != "training":
        return
    without, same = [], defaultdict(list)
    for run in case.entry.runs:
        alone = run.facts.get("seed")
        seeds = sorted(map(repr, run.facts.get("seeds") or ([] if alone is None else [alone])))
        if seeds:
            same[tuple(seeds)].append(run)
        elif "seeds" in run.facts:
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


RULE = Rule(
    id="run-seeds",
    title="No two runs have the same seeds",
    why="One run that is entered twice under two names weighs twice in the mean.",
    evidence="All seeds of each result log, as a set; only whole sets are compared. Of a live run, the seed in "
    "its record.",
    remedy="Start each run with a seed of its own, and log it.",
    check=check,
)
