"""The energy of a machine fits the processor time that its workload used."""

from collections.abc import Iterator

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.formats.mlperf.mllog import number

WHOLE = frozenset({"package", "socket", "node", "wall", "psu"})
"""Boundaries that hold the processors."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Warn of runs whose energy is too little for the time that the processors worked."""
    lowest_j = context.limits["core_second_min_j"]
    skipped = True
    for run in context.runs:
        used_s = number(run.run.evidence.extra.get("cpu_s"))
        boundaries = {item.trace.channel.boundary for item in run.readings}
        if used_s is None or run.energy_j is None or not boundaries & WHOLE:
            continue
        skipped = False
        if run.energy_j < lowest_j * used_s:
            yield Violation(
                location(run.run),
                f"{run.energy_j:.4g} J for {used_s:.4g} s of processor time",
                f"at least {lowest_j:g} J for each second of a core",
                "Measure the machine that did the work, and name the processors that did it.",
                status="warn",
            )
    if skipped:
        yield Violation(
            "result",
            "no processor time beside the energy of a machine",
            "what joulemark run records",
            "Compare the energy with other counters of the machine.",
            status="skip",
        )


RULE = Rule(
    id="energy-per-processor-time",
    title="The energy fits the processor time of the workload",
    why="The operating system counts how long the processors worked. A trace of another, smaller "
    "machine, or one that was scaled, has too few joules for that time.",
    evidence="Processor time of the workload (cpu_s in the run record) against the energy of a "
    "boundary that holds the processors. The limit is far below any processor, so only gross "
    "contradictions are found; a warning. False alarms: none in the runs that the tests record; "
    "the shared real data hold no processor time.",
    remedy="Measure the machine that did the work.",
    limits=("core_second_min_j",),
    applies_to=RECORDED_RUNS,
    check=check,
)
