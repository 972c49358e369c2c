"""The power limits that were seen are those that were declared, the same in every run."""

from collections.abc import Iterator, Mapping

from harness.auditing.rules.base import (
    RECORDED_RUNS,
    Rule,
    RuleContext,
    Violation,
    location,
)
from harness.core.numbers import stated_number
from harness.formats.base import Run
from harness.meters.context import POWER_LIMIT
from harness.scoring.endpoint.nodes import POWER_CAP

FIX = "Set the limit before the first run, leave it, and declare it: two limits are two systems."


def check(context: RuleContext) -> Iterator[Violation]:
    """Report limits unlike the declared one, unlike in two runs, or not seen at all."""
    tolerance = context.limits["relative_max"]
    declared_w = _declared_w(context)
    source = "in the first run" if declared_w is None else "declared"
    expected_w: dict[str, float] = {}
    for run in context.entry.runs:
        for channel, limits_w in sorted(_limits_seen(run).items()):
            first_w = limits_w[0] if declared_w is None else declared_w
            limit_w = expected_w.setdefault(channel, first_w)
            unlike = [seen for seen in limits_w if abs(seen - limit_w) > tolerance * limit_w]
            if unlike:
                yield Violation(
                    location(run),
                    f"{channel}: a power limit of {unlike[0]:g} W",
                    f"{limit_w:g} W, {source}",
                    FIX,
                )
    if declared_w is not None and not expected_w:
        yield Violation(
            "system description",
            f"a power limit of {declared_w:g} W, which no meter shows",
            "a meter that records the limit, such as nvml or amdsmi",
            "Add such a meter, or keep public evidence of the limit.",
            status="warn",
        )


def _declared_w(context: RuleContext) -> float | None:
    """Return the power limit that the system description declares [W]; ``None`` without one."""
    stated_w = stated_number((context.entry.system_description or {}).get(POWER_CAP))
    return stated_w if stated_w is not None and stated_w > 0 else None


def _limits_seen(run: Run) -> dict[str, tuple[float, float]]:
    """Return the least and the largest power limit of each channel [W], as meters recorded them."""
    recording = run.evidence.recording
    limits = {}
    for sampler in (recording.samplers if recording else None) or ():
        seen = sampler.get("context")
        for channel, names in (seen if isinstance(seen, Mapping) else {}).items():
            values = names.get(POWER_LIMIT) if isinstance(names, Mapping) else None
            ends = values if isinstance(values, Mapping) else {}
            low_w, high_w = stated_number(ends.get("min")), stated_number(ends.get("max"))
            if low_w is not None and high_w is not None and 0 < low_w <= high_w:
                limits[str(channel)] = low_w, high_w
    return limits


RULE = Rule(
    id="power-cap",
    title="Power limits are as declared, and one in all runs",
    why="A part that is limited below its rated power is another system: a limit other than the "
    "declared one changes energy and speed, and the reader is not told.",
    evidence="Power limits that meters recorded through each run, against accelerator_power_cap_w "
    "of the system description.",
    remedy=FIX,
    applies_to=RECORDED_RUNS,
    check=check,
    limits=("relative_max",),
)
