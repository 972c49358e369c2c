"""What was not measured is declared, and what was measured is not passed over."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation, place


def check(case: RuleContext) -> Iterator[Violation]:
    for run in case.runs:
        nodes = [r for r in run.readings if r.trace.channel.boundary == "node"]
        links = [r for r in run.readings if r.trace.channel.boundary == "interconnect"]
        if len(nodes) > 1 and not links and not run.run.rated:
            yield Violation(
                place(run.run),
                f"{len(nodes)} nodes and no interconnect, measured or estimated",
                "interconnect_power_est, or a measured switch",
                "Declare the rated power of the links the run used.",
            )
        for part in run.run.rated:
            if part.power_w <= 0:
                yield Violation(
                    f"{run.run.id}/{part.id}",
                    f"{part.power_w:g}",
                    "above 0",
                    "Declare the rated power.",
                    "W",
                )
        if links and case.entry.family == "mlperf-training":
            yield Violation(
                place(run.run, links[0].trace),
                f"a measured interconnect under power_reading, in {len(links)} logs",
                "interconnect_power_est, the only key that MLPerf's code reads there",
                "Nothing for joulemark, which counts it; MLPerf's score leaves it out.",
                "",
                "warn",
            )


RULE = Rule(
    id="estimates-declared",
    title="Estimated parts are declared",
    why="A part that is neither measured nor estimated counts as zero, and an estimate of zero is no estimate.",
    evidence="Interconnect of runs on several nodes; rated parts.",
    remedy="Measure the interconnect, or declare its rated power times the share provisioned to the run.",
    check=check,
)
