"""A part draws no more than the whole that contains it."""

from collections.abc import Iterator

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.core.errors import shorten
from harness.energy.run import exceeds


def check(context: RuleContext) -> Iterator[Violation]:
    """Report channels with more energy in the window than the channel that contains them."""
    for run in context.runs:
        channels = {trace.channel.id: trace.channel for trace in run.run.traces}
        for trace in run.run.traces:
            part = trace.channel
            if part.part_of is None:
                continue
            if part.part_of not in channels or part.part_of == part.id:
                yield Violation(
                    location(run.run, trace),
                    f"part of {shorten(repr(part.part_of))}, which is no other channel of the run",
                    "a channel that contains it, or none",
                    "Leave part_of out, or add the whole: its energy is missing.",
                )
                continue
            whole = channels[part.part_of]
            part_j, whole_j = run.channels_j.get(part.id), run.channels_j.get(whole.id)
            if part_j is None or whole_j is None:
                continue
            if exceeds(part_j, part, whole_j, whole, context.limits["slack"]):
                yield Violation(
                    location(run.run, trace),
                    f"{part_j:.4g} J, and {whole_j:.4g} J in {whole.id}, which contains it",
                    "at most the energy of the whole",
                    "Correct which channel contains which, or leave the wrong one out.",
                )


RULE = Rule(
    id="part-within-whole",
    title="A part draws no more than its whole",
    why="A channel that contains others is the one whose energy counts. A dead meter, or one of "
    "another machine, declared to contain the real one, hides its energy.",
    evidence="Energy in the window of every channel and of the one that contains it, each with the "
    "limits that its meter states. Machines whose sensors disagree by less than these limits pass. "
    "A channel that is part of one that is not there is counted nowhere, and fails as well.",
    remedy="Correct which channel contains which.",
    limits=("slack",),
    applies_to=RECORDED_RUNS,
    check=check,
)
