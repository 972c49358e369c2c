"""The interconnect is declared at a power that switches have, and for this run."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.rules.base import Rule, RuleContext, Violation, place
from harness.core.timestamps import NS, to_iso
from harness.energy.run import RunEnergy

YEAR_NS = 365 * 86400 * NS


def check(case: RuleContext) -> Iterator[Violation]:
    low, stale = [], []
    for run in case.runs:
        nodes = len(
            {r.trace.channel.node for r in run.readings if r.trace.channel.boundary == "node"}
        )
        power = _power_w(run)
        if nodes > 1 and 0 < power < nodes * case.limits["node_min_w"]:
            low.append((power / nodes, place(run.run)))
        training = run.run.evidence.training
        for name, t_ns in sorted(training.rated_stamps.items()) if training else ():
            window = run.run.window
            if (
                window
                and t_ns is not None
                and abs(t_ns - window.start_ns) > case.limits["years_max"] * YEAR_NS
            ):
                stale.append((t_ns, f"{run.run.id}/{name}", window.start_ns))
    if low:
        power, where = min(low)
        yield Violation(
            where,
            f"{power:.3g} for each node, in {len(low)} of {len(case.runs)} runs",
            f"at least {case.limits['node_min_w']:g}",
            "Declare the rated power of all links the run used.",
            "W",
        )
    if stale:
        t_ns, where, start = min(stale)
        yield Violation(
            where,
            f"stamped {to_iso(t_ns)[:10]}, {abs(start - t_ns) / YEAR_NS:.1f} years from the run, in "
            f"{len(stale)} logs",
            f"at most {case.limits['years_max']:g}",
            "Declare the interconnect of this run; this looks copied.",
            "a",
        )


def _power_w(run: RunEnergy) -> float:
    """Power of the interconnect, declared or measured [W]."""
    measured = [
        float(np.mean(r.trace.value))
        for r in run.readings
        if r.trace.channel.boundary == "interconnect" and len(r.trace)
    ]
    return sum(part.power_w for part in run.run.rated) + sum(measured)


RULE = Rule(
    id="interconnect-plausible",
    title="The interconnect has a plausible power, and is of this run",
    why="An estimate is written by hand: a few watts for a rack of switches, or a line copied from an example.",
    evidence="Declared or measured power of the interconnect for each node (one 400 Gb/s port with its optics draws "
    "about 10 W on either side), and the stamp of the estimate against the run.",
    remedy="Rated power of each switch, times the share of its ports that the run used.",
    limits=("node_min_w", "years_max"),
    check=check,
)
