"""A part draws no more than the whole that contains it."""

from collections.abc import Iterator

from harness.auditing.rules.base import RECORDED_RUNS, Rule, RuleContext, Violation, location
from harness.energy.integrate import energy
from harness.formats.base import Run

MAX_RELATIVE_LIMIT = 0.95
"""A meter is taken to be wrong by no more than this share of its reading."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report channels with more energy in the window than the channel that contains them."""
    for run in context.entry.runs:
        energies = dict(_energies(run))
        for trace in run.traces:
            whole = trace.channel.part_of
            if whole not in energies or trace.channel.id not in energies:
                continue
            part_j, part_limit = energies[trace.channel.id]
            whole_j, whole_limit = energies[whole]
            if part_j * (1 - part_limit) > whole_j * (1 + whole_limit + context.limits["slack"]):
                yield Violation(
                    location(run, trace),
                    f"{part_j:.4g} J, and {whole_j:.4g} J in {whole}, which contains it",
                    "at most the energy of the whole",
                    "Correct which channel contains which, or leave the wrong one out.",
                )


def _energies(run: Run) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield the id of each channel with its energy in the window [J] and its relative limit."""
    if run.window is None or run.window.seconds <= 0:
        return
    for trace in run.traces:
        result = energy(trace, run.window)
        if result is not None:
            relative_limit = min(trace.channel.accuracy.reading_limit_pct / 100, MAX_RELATIVE_LIMIT)
            yield trace.channel.id, (result.energy_j, relative_limit)


RULE = Rule(
    id="part-within-whole",
    title="A part draws no more than its whole",
    why="A channel that contains others is the one whose energy counts. A dead meter, or one of "
    "another machine, declared to contain the real one, hides its energy.",
    evidence="Energy in the window of every channel and of the one that contains it, each with the "
    "limits that its meter states. Machines whose sensors disagree by less than these limits pass.",
    remedy="Correct which channel contains which.",
    limits=("slack",),
    applies_to=RECORDED_RUNS,
    check=check,
)
