"""The energy run is as fast as the performance run."""

from collections.abc import Iterator

from harness.auditing.rules.base import TINY_WINDOWS, Rule, RuleContext, Violation, location


def check(context: RuleContext) -> Iterator[Violation]:
    """Compare the throughput of both runs; all windows of an entry state the same."""
    run = next(iter(context.entry.runs), None)
    tiny = run.evidence.tiny if run else None
    if run is None or tiny is None or not tiny.throughput or not tiny.energy_throughput:
        yield Violation(
            "performance/results.txt",
            "no throughput of one of the runs",
            "one of the performance run, one of the energy run",
            "Submit both.",
            status="skip",
        )
        return
    change = tiny.energy_throughput / tiny.throughput - 1
    relative_max = context.limits["relative_max"]
    if abs(change) > relative_max:
        yield Violation(
            location(run),
            f"{tiny.energy_throughput:g} inferences/s, {100 * change:+.1f} % of the "
            f"{tiny.throughput:g} of the performance run",
            f"equal within {100 * relative_max:g} %",
            "Measure energy and performance with the same code at the same clock.",
        )


RULE = Rule(
    id="throughput-matches-performance",
    title="The energy run is as fast as the performance run",
    why="Energy and throughput of a result stand side by side. A board that is slowed down for one "
    "run, or sped up, is two systems.",
    evidence="Median throughput of the energy run, as it is printed or as its windows have it, "
    "against that of the performance run. In nine published results the two differ by 1.2 % at "
    "most, and in one by 19 %: a warning, as no round compared them.",
    remedy="Measure both with the same code at the same clock.",
    limits=("relative_max",),
    applies_to=TINY_WINDOWS,
    check=check,
)
