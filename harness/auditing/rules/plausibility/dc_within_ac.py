"""What is drawn behind the power supplies is no more than what goes into them."""

from collections.abc import Iterator

from harness.auditing.cross_entry import AcDcPair
from harness.auditing.rules.base import TRAINING_LOGS, Rule, RuleContext, Violation


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the share of DC readings that exceed the AC readings of the same timestamps."""
    pairs = context.cross_entry.ac_dc_pairs.get(context.entry.id, ())
    comparable_pairs = [pair for pair in pairs if pair.readings_compared]
    above = sum(pair.readings_above for pair in comparable_pairs)
    readings = sum(pair.readings_compared for pair in comparable_pairs)
    above_max = context.limits["above_max"]
    if not readings or above / readings <= above_max:
        return
    worst_pair = max(comparable_pairs, key=lambda pair: (_share_above(pair), pair.run))
    ratios = sorted(pair.mean_ratio for pair in comparable_pairs)
    yield Violation(
        worst_pair.run,
        f"{above / readings:.4f} of {readings} readings above those of {worst_pair.ac_entry} "
        f"at the same stamp; over a run the mean is {ratios[0]:.4f} to {ratios[-1]:.4f} of it",
        f"at most {above_max:g}",
        "Say how the two channels were read: one of them is late, or is averaged differently.",
        "share of the readings",
    )


def _share_above(pair: AcDcPair) -> float:
    return pair.readings_above / pair.readings_compared


RULE = Rule(
    id="dc-within-ac",
    aliases=("dc-above-ac",),
    title="Power behind the supplies is below power in front of them",
    why="A supply gives out less than it takes in. Readings that say otherwise are not of the "
    "same moment, or not of the same place.",
    evidence="Two packages that hold the same runs (equal benchmark and window), of which one is "
    "named or marked AC and the other DC: the share of readings with equal timestamps at which DC "
    "exceeds AC. Seen only where both are audited together.",
    remedy="Read both channels in one sweep, or state the averaging of each.",
    limits=("above_max",),
    applies_to=TRAINING_LOGS,
    check=check,
)
