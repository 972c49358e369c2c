"""The interconnect of several machines is measured or declared."""

from collections.abc import Iterator, Mapping

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.formats.base import Run
from harness.live.sensors.shared_equipment import is_shared

BOUNDARY = "interconnect"


def check(context: RuleContext) -> Iterator[Violation]:
    """Report runs on several machines whose switches are neither measured nor declared."""
    nodes_min = context.limits["nodes_min"]
    for run in context.entry.runs:
        nodes = _node_count(run)
        if nodes >= nodes_min and not _has_interconnect(run):
            yield Violation(
                location(run),
                f"{nodes} machines and no interconnect, measured or declared",
                "a meter of the switches, or their rated power times the share of this run",
                "Add --shared-meter or --shared-power to the command of rank 0.",
            )


def _node_count(run: Run) -> int:
    """Return the number of machines, by the ranks of a live run."""
    recording = run.evidence.recording
    ranks = (recording.ranks if recording else None) or ()
    return len({item.get("node") for item in ranks if isinstance(item, Mapping)})


def _has_interconnect(run: Run) -> bool:
    """Return whether shared equipment is measured or declared; a rack contains its switches."""
    if any(part.boundary == BOUNDARY and part.power_w > 0 for part in run.rated):
        return True
    return any(
        trace.channel.boundary == BOUNDARY or is_shared(trace.channel) for trace in run.traces
    )


RULE = Rule(
    id="interconnect-declared",
    title="The interconnect of several machines is measured or declared",
    why="Switches draw power for the run as its machines do. What is neither measured nor "
    "declared counts as zero.",
    evidence="Ranks of live runs and the machines they ran on; channels of shared equipment; rated "
    "parts.",
    remedy="Measure the switches, or declare their rated power times the share of the run.",
    limits=("nodes_min",),
    applies_to=RECORDED_RUNS,
    check=check,
)
