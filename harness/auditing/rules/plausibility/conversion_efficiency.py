"""A declared conversion efficiency is one that a supply can have."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place


def check(case: RuleContext) -> Iterator[Violation]:
    least = case.limits["efficiency_min"]
    for run in case.runs:
        odd = [
            (factor, place(run.run, reading.trace))
            for reading in run.readings
            for factor in [reading.trace.channel.conversion_efficiency]
            if factor is not None and not least <= factor <= 1
        ]
        if odd:  # the worst of a run: it multiplies the energy, and nothing measures it
            factor, where = min(odd, key=lambda item: (0 < item[0] <= 1, item[0]))
            possible = all(0 < factor <= 1 for factor, _ in odd)
            yield Violation(
                where,
                f"conversion efficiency {factor:g}, in {len(odd)} logs",
                f"from {least:g} to 1",
                "Document the efficiency of the supplies at the operating point, or leave it out.",
                status="warn" if possible else None,
            )


RULE = Rule(
    id="conversion-efficiency",
    title="The conversion efficiency is possible",
    why="It multiplies the energy, and nothing measures it: 0.94 written as 0.5 halves the score.",
    evidence="conversion_eff of each log: outside 0 to 1 none is possible; below the limit it is a warning.",
    remedy="State the efficiency of the supply's certificate at the load of the run.",
    limits=("efficiency_min",),
    check=check,
)
