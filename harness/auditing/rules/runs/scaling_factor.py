"""The scaling factor of a training result is the one that the reference convergence gives."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation
from harness.core.errors import shorten
from harness.formats.reference.convergence import against_reference, round_of_points

FILE = "scaling.json"
REMOVE = "Remove scaling.json: MLPerf's checker writes it, and removes what it finds."


def check(case: RuleContext) -> Iterator[Violation]:
    factor, most = case.entry.scaling_factor, case.limits["factor_max"]
    if case.entry.task != "training":
        return
    if factor is not None and case.entry.division.lower() == "open" and factor != 1:
        yield Violation(
            FILE,
            f"a factor of {factor:.9g} in the open division",
            "none: only closed is normalised",
            REMOVE,
        )
    elif factor is not None and not 1 <= factor <= most:
        other = factor > 1 and _foreign_points(case)
        yield Violation(
            FILE,
            f"a factor of {factor:.9g}",
            f"from 1 to {most:g}",
            REMOVE,
            status="warn" if other else None,
        )
    elif case.entry.division.lower() != "open":
        yield from _explained(case, 1.0 if factor is None else factor)


def _foreign_points(case: RuleContext) -> bool:
    """Whether the entry states a round whose reference points are not known here."""
    return case.entry.round not in ("", round_of_points(case.entry, case.round))


def _explained(case: RuleContext, factor: float) -> Iterator[Violation]:
    """Whether the counts of the logs and the reference give this factor."""
    if _foreign_points(case):
        if factor != 1:
            yield Violation(
                FILE,
                f"a factor of {factor:.9g}",
                f"reference points of {shorten(case.entry.round, 40)}",
                "Nothing: they are not known here, and those of another round say nothing of it.",
                status="skip",
            )
        return
    found = against_reference(case.entry, round_of_points(case.entry, case.round))
    expected = None if found is None else max(1.0, found[0].mean / found[1])
    if expected is None:
        if factor != 1:
            yield Violation(
                FILE,
                f"a factor of {factor:.9g} that nothing in the logs explains",
                "the reference mean over the mean of the runs",
                "Name the reference convergence point it comes from.",
                status="warn",
            )
    elif abs(factor / expected - 1) > case.limits["relative_max"]:
        said = (
            f"a factor of {factor:.9g}"
            if case.entry.scaling_factor is not None
            else "no scaling.json"
        )
        yield Violation(
            FILE,
            said,
            f"{expected:.9g}, the reference mean over the mean of the runs",
            "Run MLPerf's package checker, which writes the file.",
            status="warn",
        )


RULE = Rule(
    id="scaling-factor",
    aliases=("planted-scaling",),
    title="The scaling factor follows from the runs",
    why="Time and energy are multiplied by it. MLPerf's own checker keeps what it finds in the open division.",
    evidence="scaling.json; global_batch_size and the counts at the target in each result log; the reference "
    "convergence points of the round. Below 1, above the limit, or in the open division it is a breach; one that the "
    "counts do not give, or that is missing, is a warning. Of a round whose points are not known here a factor above "
    "the limit is a warning, and any other is not judged.",
    remedy="Leave scaling.json to MLPerf's package checker.",
    limits=("factor_max", "relative_max"),
    check=check,
)
