"""The scaling factor of a training result is the one that the reference convergence gives."""

from collections.abc import Iterator

from harness.auditing.rules.base import TRAINING_LOGS, Rule, RuleContext, Violation
from harness.core.errors import shorten
from harness.formats.reference.convergence import against_reference, round_of_points

FILE = "scaling.json"
REMOVE = "Remove scaling.json: MLPerf's checker writes it, and removes what it finds."


def check(context: RuleContext) -> Iterator[Violation]:
    """Report a factor that is impossible, or not what the logs and the reference give."""
    if context.entry.task != "training":
        return
    factor, factor_max = context.entry.scaling_factor, context.limits["factor_max"]
    is_open = context.entry.division.lower() == "open"
    if factor is not None and is_open and factor != 1:
        yield Violation(
            FILE,
            f"a factor of {factor:.9g} in the open division",
            "none: only closed is normalised",
            REMOVE,
        )
    elif factor is not None and not 1 <= factor <= factor_max:
        may_be_right = factor > 1 and _has_unknown_points(context)
        yield Violation(
            FILE,
            f"a factor of {factor:.9g}",
            f"from 1 to {factor_max:g}",
            REMOVE,
            status="warn" if may_be_right else None,
        )
    elif not is_open and _has_unknown_points(context):
        yield from _unjudged(context)
    elif not is_open:
        yield from _unexplained(context)


def _has_unknown_points(context: RuleContext) -> bool:
    """Return whether the entry states a round whose reference points are not known here."""
    return context.entry.round not in ("", round_of_points(context.entry, context.round))


def _unjudged(context: RuleContext) -> Iterator[Violation]:
    factor = context.entry.scaling_factor
    if factor is not None and factor != 1:
        yield Violation(
            FILE,
            f"a factor of {factor:.9g}",
            f"reference points of {shorten(context.entry.round, 40)}",
            "Nothing: they are not known here, and those of another round do not apply.",
            status="skip",
        )


def _unexplained(context: RuleContext) -> Iterator[Violation]:
    """Warn of a factor that differs from what the counts of the logs and the reference give."""
    stated_factor = context.entry.scaling_factor
    factor = 1.0 if stated_factor is None else stated_factor
    comparison = against_reference(context.entry, round_of_points(context.entry, context.round))
    if comparison is None:
        if factor != 1:
            yield Violation(
                FILE,
                f"a factor of {factor:.9g} that nothing in the logs explains",
                "the reference mean over the mean of the runs",
                "Name the reference convergence point it comes from.",
                status="warn",
            )
        return
    point, mean_count = comparison
    expected = max(1.0, point.mean / mean_count)
    if abs(factor / expected - 1) > context.limits["relative_max"]:
        yield Violation(
            FILE,
            "no scaling.json" if stated_factor is None else f"a factor of {factor:.9g}",
            f"{expected:.9g}, the reference mean over the mean of the runs",
            "Run MLPerf's package checker, which writes the file.",
            status="warn",
        )


RULE = Rule(
    id="scaling-factor",
    aliases=("planted-scaling",),
    title="The scaling factor follows from the runs",
    why="Time and energy are multiplied by it. MLPerf's own checker keeps what it finds in the "
    "open division.",
    evidence="scaling.json; global_batch_size and the counts at the target in each result log; "
    "the reference convergence points of the round. A factor below 1, above the limit, or in the "
    "open division is a violation; one that the counts do not give, or that is missing, is a "
    "warning. In a round whose points are not known here, a factor above the limit is a warning, "
    "and any other is not judged.",
    remedy="Leave scaling.json to MLPerf's package checker.",
    limits=("factor_max", "relative_max"),
    applies_to=TRAINING_LOGS,
    check=check,
)
