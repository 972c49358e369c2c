"""A declared energy is what the readings give."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, location


def check(context: RuleContext) -> Iterator[Violation]:
    """Report declared energies that differ from the integral of the readings."""
    relative_max = context.limits["relative_max"]
    declaring_runs = [run for run in context.runs if run.run.declared_energy_j is not None]
    if not declaring_runs:
        yield Violation(
            "runs", "no declared energy", "one to compare with", "Nothing to do.", status="skip"
        )
    for run in declaring_runs:
        declared_j, recomputed_j = run.run.declared_energy_j or 0.0, run.energy_j
        if run.run.evidence.tiny is not None and not run.run.traces:
            yield Violation(
                location(run.run),
                "no raw trace of the window",
                "one to compare with",
                "Submit the trace.",
                status="skip",
            )
            continue
        if recomputed_j is None:
            recomputed = "nothing"
        elif abs(declared_j - recomputed_j) <= relative_max * abs(recomputed_j):
            continue
        else:
            recomputed = f"{recomputed_j:.9g} J"
        yield Violation(
            location(run.run),
            f"{declared_j:.9g} J declared, {recomputed} recomputed",
            f"equal within {relative_max:g} of it",
            "Declare what the readings give, or submit the readings it came from.",
        )


RULE = Rule(
    id="energy-recomputes",
    title="A declared energy can be recomputed",
    why="A number that its own evidence does not give is a claim, not a measurement.",
    evidence="Declared energy of each run against the integral of its trace over its window.",
    remedy="Declare what the readings give.",
    limits=("relative_max",),
    check=check,
)
