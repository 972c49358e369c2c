"""Whatever was not measured is declared, and whatever was measured is counted."""

from collections.abc import Iterator

from harness.auditing.report import Location
from harness.auditing.rules.base import Rule, RuleContext, Violation, from_training_logs, location
from harness.energy.run import RunEnergy
from harness.traces.trace import Trace


def check(context: RuleContext) -> Iterator[Violation]:
    """Report parts without power, and warn of a measured switch that MLPerf's score leaves out.

    Live runs on several machines are judged by `interconnect-declared`.
    """
    for run in context.runs:
        node_traces = _traces_at("node", run)
        interconnect_traces = _traces_at("interconnect", run)
        recording = run.run.evidence.recording
        is_live = recording is not None and recording.ranks is not None
        has_interconnect = bool(interconnect_traces or run.run.rated)
        if len(node_traces) > 1 and not has_interconnect and not is_live:
            yield Violation(
                location(run.run),
                f"{len(node_traces)} nodes and no interconnect, measured or estimated",
                "interconnect_power_est, or a measured switch",
                "Declare the rated power of the links the run used.",
            )
        for part in run.run.rated:
            if part.power_w <= 0:
                yield Violation(
                    Location(run=run.run.id, channel=part.id),
                    f"{part.power_w:g}",
                    "above 0",
                    "Declare the rated power.",
                    "W",
                )
        if interconnect_traces and from_training_logs(context.entry):
            yield Violation(
                location(run.run, interconnect_traces[0]),
                f"a measured interconnect under power_reading, in {len(interconnect_traces)} logs",
                "interconnect_power_est, the only key that MLPerf's code reads there",
                "Nothing for joulemark, which counts it; MLPerf's score leaves it out.",
                status="warn",
            )


def _traces_at(boundary: str, run: RunEnergy) -> list[Trace]:
    return [r.trace for r in run.readings if r.trace.channel.boundary == boundary]


RULE = Rule(
    id="estimates-declared",
    title="Estimated parts are declared",
    why="A part that is neither measured nor estimated counts as zero, and an estimate of zero is "
    "no estimate.",
    evidence="Interconnect of runs on several nodes; rated parts.",
    remedy="Measure the interconnect, or declare its rated power times the share provisioned to "
    "the run.",
    check=check,
)
