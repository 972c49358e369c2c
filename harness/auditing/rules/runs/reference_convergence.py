"""The runs did not converge faster than the reference can."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation
from harness.formats.reference.convergence import against_reference, round_of_points


def check(case: RuleContext) -> Iterator[Violation]:
    source = round_of_points(case.entry, case.round)
    found = against_reference(case.entry, source)
    if case.entry.division.lower() == "open" or found is None or found[0].max_speedup is None:
        return
    point, mean = found
    fastest = point.mean / (point.max_speedup or 1.0)
    if mean < fastest * (1 - case.limits["relative_max"]):
        yield Violation(
            case.entry.benchmark,
            f"a mean of {mean:.9g} to the target, at a batch size of {point.batch:g}",
            f"at least {fastest:.9g}; the reference of {source} needs {point.mean:.9g}",
            "Use the hyperparameters of the reference, or submit a convergence point of your own.",
            status=None if source == case.entry.round else "warn",
        )


RULE = Rule(
    id="reference-convergence",
    title="The runs converge no faster than the reference can",
    why="Fewer steps to the target are less energy; MLPerf takes luck out by a t-test against its reference runs.",
    evidence="Olympic mean of the counts at the target, against the reference convergence point of the batch size and "
    "its largest speed-up. A batch size between two points has no such limit here; scaling-factor judges it. Points "
    "change from round to round: where the entry's own has none here, those it is judged by only warn.",
    remedy="Submit consecutive runs, none left out.",
    limits=("relative_max",),
    check=check,
)
