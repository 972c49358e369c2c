"""Power is voltage times current times power factor."""

from collections.abc import Iterator, Mapping

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.electric import Electric
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Session

TINY_W = 1e-9
"""Keeps the relative difference finite where a reading is 0 W."""


@for_session
def check(context: RuleContext, session: Session) -> Iterator[Violation]:
    """Report the reading of each mode that contradicts its V, A and PF most."""
    for mode in MODES:
        electric = session.electric.get(mode)
        if electric is not None:
            where = f"performance/{FOLDERS[mode]}/spl.txt"
            yield from _contradictions(electric, where, context.limits)


def _contradictions(
    electric: Electric, where: str, limits: Mapping[str, float]
) -> Iterator[Violation]:
    relative_max, absolute_max_w = limits["relative_max"], limits["absolute_max_w"]
    allowed_w = np.minimum(absolute_max_w, relative_max * electric.mismatch_power_w)
    differs = electric.mismatch_w > allowed_w
    if not differs.any():
        return
    relative_difference = electric.mismatch_w / np.maximum(electric.mismatch_power_w, TINY_W)
    worst = int(np.argmax(np.where(differs, relative_difference, 0.0)))
    yield Violation(
        Location(file=where, line=worst + 1),
        f"{electric.mismatch_power_w[worst]:.6g} W against {electric.mismatch_w[worst]:.4g} W more "
        f"or less by V A PF, "
        f"beyond their digits; {int(differs.sum())} of {electric.lines} readings differ",
        f"equal within {relative_max:g} of it and {absolute_max_w:g}",
        "Submit the file as it was written.",
        "W",
    )


RULE = Rule(
    id="power-arithmetic",
    title="Power is voltage times current times power factor",
    why="Editing the power of a line, but not the rest of it, leaves a line that contradicts "
    "itself.",
    evidence="Each reading of both runs: W against V A PF, of an analyzer of one channel and of "
    "each of several; allowed is what rounding the printed digits makes, and the smaller of the "
    "two limits. The total of n channels has their sum of power, their mean of voltage and "
    "current, and the power factor of the sum of their vectors, in which leading current cancels "
    "lagging: its W is at most n V A PF. Where its channels are there, channel-sum judges it too.",
    remedy="Submit the file the analyzer wrote.",
    limits=("relative_max", "absolute_max_w"),
    applies_to=POWER_SESSION,
    check=check,
)
