"""A declared conversion efficiency is one that a power supply can have."""

from collections.abc import Iterator

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    RECORDED_RUNS,
    TRAINING_LOGS,
    Rule,
    RuleContext,
    Violation,
    location,
)
from harness.energy.run import RunEnergy

BEFORE_A_SUPPLY = ("node", "psu", "interconnect")
"""Boundaries where a meter may stand before the supplies of the part that is meant."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the least plausible efficiency of each run."""
    efficiency_min = context.limits["efficiency_min"]
    for run in context.runs:
        yield from _misplaced(run)
        doubtful = _doubtful_efficiencies(run, efficiency_min)
        if not doubtful:
            continue
        efficiency, where = min(doubtful, key=lambda item: (_is_possible(item[0]), item[0]))
        all_possible = all(_is_possible(efficiency) for efficiency, _ in doubtful)
        yield Violation(
            where,
            f"conversion efficiency {efficiency:g}, in {len(doubtful)} logs",
            f"from {efficiency_min:g} to 1",
            "Document the efficiency of the supplies at the operating point, or leave it out.",
            status="warn" if all_possible else None,
        )


def _misplaced(run: RunEnergy) -> Iterator[Violation]:
    """Report efficiencies of channels that are not measured before a power supply."""
    for reading in run.readings:
        channel = reading.trace.channel
        efficiency = channel.conversion_efficiency
        if efficiency is None or efficiency == 1:
            continue
        if channel.boundary not in BEFORE_A_SUPPLY or channel.current == "dc":
            current = "direct current" if channel.current == "dc" else channel.boundary
            yield Violation(
                location(run.run, reading.trace),
                f"conversion efficiency {efficiency:g} of a channel at the boundary "
                f"{channel.boundary} ({current})",
                f"one only of alternating current before a supply: {', '.join(BEFORE_A_SUPPLY)}",
                "Leave the efficiency out; nothing is converted behind this channel's boundary.",
            )


def _doubtful_efficiencies(run: RunEnergy, efficiency_min: float) -> list[tuple[float, Location]]:
    """Return the efficiencies outside the plausible range, each with its log."""
    doubtful = []
    for reading in run.readings:
        efficiency = reading.trace.channel.conversion_efficiency
        if efficiency is not None and not efficiency_min <= efficiency <= 1:
            doubtful.append((efficiency, location(run.run, reading.trace)))
    return doubtful


def _is_possible(efficiency: float) -> bool:
    return 0 < efficiency <= 1


RULE = Rule(
    id="conversion-efficiency",
    title="The conversion efficiency is possible",
    why="It multiplies the energy, and nothing measures it: 0.94 written as 0.5 halves the score.",
    evidence="conversion_eff of each log: a value outside 0 to 1 is impossible, one below the "
    "limit is a warning. On a channel that no supply stands behind, it is impossible too.",
    remedy="State the efficiency of the supply's certificate at the load of the run.",
    limits=("efficiency_min",),
    applies_to=TRAINING_LOGS | RECORDED_RUNS,
    check=check,
)
