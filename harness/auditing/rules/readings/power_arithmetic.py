"""Power is voltage times current times power factor."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, for_session
from harness.formats.ptdaemon.power_session import FOLDERS, MODES, Session


@for_session
def check(case: RuleContext, session: Session) -> Iterator[Violation]:
    relative, absolute_w = case.limits["relative_max"], case.limits["absolute_max_w"]
    for mode in MODES:
        electric = session.electric.get(mode)
        if electric is None:
            continue
        bad = electric.off_w > np.minimum(absolute_w, relative * electric.of_w)
        if bad.any():
            at = int(
                np.argmax(np.where(bad, electric.off_w / np.maximum(electric.of_w, 1e-9), 0.0))
            )
            got = f"{electric.of_w[at]:.6g} against {electric.off_w[at]:.4g} more or less by V A PF, beyond their digits"
            yield Violation(
                f"performance/{FOLDERS[mode]}/spl.txt, line {at + 1}",
                f"{got}; {int(bad.sum())} of {electric.lines} readings differ",
                f"equal within {relative:g} of it and {absolute_w:g}",
                "Submit the file as it was written.",
                "W",
            )


RULE = Rule(
    id="power-arithmetic",
    title="Power is voltage times current times power factor",
    why="Who edits the power of a line and not the rest of it leaves a line that contradicts itself.",
    evidence="Each reading of both runs: W against V A PF, of an analyzer of one channel and of each of several; "
    "allowed is what the rounding of the printed digits makes, and the smaller of the two limits. The total of n "
    "channels has their sum of power, their mean of voltage and current, and the power factor of their vectors' sum, "
    "in which leading current undoes lagging: its W is at most n V A PF. Where its channels are there, channel-sum "
    "judges it too.",
    remedy="Submit the file the analyzer wrote.",
    limits=("relative_max", "absolute_max_w"),
    check=check,
)
