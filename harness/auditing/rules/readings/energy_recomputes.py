"""A declared energy is what the readings give."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place


def check(case: RuleContext) -> Iterator[Violation]:
    most = case.limits["relative_max"]
    declared = [run for run in case.runs if run.run.declared_energy_j is not None]
    if not declared:
        yield Violation(
            "runs", "no declared energy", "one to compare with", "Nothing to do.", status="skip"
        )
    for run in declared:
        said, found = run.run.declared_energy_j or 0.0, run.energy_j
        if found is None or not abs(said - found) <= most * abs(found):
            yield Violation(
                place(run.run),
                f"{said:.9g} J declared, {'nothing' if found is None else f'{found:.9g} J'} recomputed",
                f"equal within {most:g} of it",
                "Declare what the readings give, or submit the readings it came from.",
            )


RULE = Rule(
    id="energy-recomputes",
    title="A declared energy recomputes",
    why="A number that its own evidence does not give is a claim, not a measurement.",
    evidence="Declared energy of each run against the integral of its trace over its window.",
    remedy="Declare what the readings give.",
    limits=("relative_max",),
    check=check,
)
