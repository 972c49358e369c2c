"""What is drawn behind the supplies is no more than what goes into them."""

from collections.abc import Iterator

from harness.auditing.rules.base import Rule, RuleContext, Violation


def check(case: RuleContext) -> Iterator[Violation]:
    twins = [twin for twin in case.cross_entry.twins.get(case.entry.id, ()) if twin.of]
    above, of = sum(twin.above for twin in twins), sum(twin.of for twin in twins)
    if of and above / of > case.limits["above_max"]:
        worst = max(twins, key=lambda twin: (twin.above / twin.of, twin.run))
        ratios = sorted(twin.ratio for twin in twins)
        yield Violation(
            worst.run,
            f"{above / of:.4f} of {of} readings above those of {worst.other} at the same stamp; over a run the mean is "
            f"{ratios[0]:.4f} to {ratios[-1]:.4f} of it",
            f"at most {case.limits['above_max']:g}",
            "Say how the two channels were read: one of them is late, or is averaged differently.",
            "share of the readings",
        )


RULE = Rule(
    id="dc-within-ac",
    aliases=("dc-above-ac",),
    title="Power behind the supplies is below power before them",
    why="A supply gives out less than it takes in. Readings that say otherwise are not of the same moment, or not of "
    "the same place.",
    evidence="Two packages that hold the same runs (equal benchmark and window), of which one is named or marked AC "
    "and the other DC: share of readings with equal stamps at which DC exceeds AC. Seen only where both are audited "
    "together.",
    remedy="Read both channels in one sweep, or state the averaging of each.",
    limits=("above_max",),
    check=check,
)
