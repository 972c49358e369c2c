"""The runs did not converge faster than the reference can."""

from collections.abc import Iterator

from harness.auditing.rules.base import TRAINING_LOGS, Rule, RuleContext, Violation
from harness.formats.reference.convergence import against_reference, round_of_points


def check(context: RuleContext) -> Iterator[Violation]:
    """Report a mean count to the target that the reference allows to nobody."""
    points_round = round_of_points(context.entry, context.round)
    comparison = against_reference(context.entry, points_round)
    if context.entry.division.lower() == "open" or comparison is None:
        return
    point, mean_count = comparison
    if point.max_speedup is None:
        return
    fastest = point.mean / (point.max_speedup or 1.0)
    if mean_count < fastest * (1 - context.limits["relative_max"]):
        yield Violation(
            context.entry.benchmark,
            f"a mean of {mean_count:.9g} to the target, at a batch size of {point.batch:g}",
            f"at least {fastest:.9g}; the reference of {points_round} needs {point.mean:.9g}",
            "Use the hyperparameters of the reference, or submit a convergence point of your own.",
            status=None if points_round == context.entry.round else "warn",
        )


RULE = Rule(
    id="reference-convergence",
    title="The runs converge no faster than the reference can",
    why="Fewer steps to the target are less energy; MLPerf takes luck out by a t-test against its "
    "reference runs.",
    evidence="Olympic mean of the counts at the target, against the reference convergence point "
    "of the batch size and its largest speed-up. A batch size between two points has no such "
    "limit here; scaling-factor judges it. Points change from round to round: where the entry's "
    "own round has none here, those it is judged by only warn.",
    remedy="Submit consecutive runs, none left out.",
    limits=("relative_max",),
    applies_to=TRAINING_LOGS,
    check=check,
)
