"""The interconnect is declared at a power that switches have, and for this run."""

from collections.abc import Iterator

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import TRAINING_LOGS, Rule, RuleContext, Violation, location
from harness.core.timestamps import NS, to_iso
from harness.energy.run import RunEnergy

YEAR_NS = 365 * 86400 * NS


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the lowest power for each node, and the oldest estimate."""
    yield from _low_power(context)
    yield from _old_estimates(context)


def _low_power(context: RuleContext) -> Iterator[Violation]:
    node_min_w = context.limits["node_min_w"]
    low_runs = []
    for run in context.runs:
        node_count = _node_count(run)
        power_w = _interconnect_power_w(run)
        if node_count > 1 and 0 < power_w < node_count * node_min_w:
            low_runs.append((power_w / node_count, location(run.run)))
    if not low_runs:
        return
    power_per_node_w, where = min(low_runs)
    yield Violation(
        where,
        f"{power_per_node_w:.3g} W for each node, in {len(low_runs)} of {len(context.runs)} runs",
        f"at least {node_min_w:g}",
        "Declare the rated power of all links the run used.",
        "W",
    )


def _node_count(run: RunEnergy) -> int:
    channels = [reading.trace.channel for reading in run.readings]
    return len({channel.node for channel in channels if channel.boundary == "node"})


def _interconnect_power_w(run: RunEnergy) -> float:
    """Return the power of the interconnect, declared and measured [W]."""
    power_w = sum(part.power_w for part in run.run.rated)
    for reading in run.readings:
        if reading.trace.channel.boundary == "interconnect" and len(reading.trace):
            power_w += float(np.mean(reading.trace.value))
    return power_w


def _old_estimates(context: RuleContext) -> Iterator[Violation]:
    years_max = context.limits["years_max"]
    old_estimates = []
    for run in context.runs:
        window, training = run.run.window, run.run.evidence.training
        if window is None or training is None:
            continue
        for name, t_ns in sorted(training.rated_stamps.items()):
            if t_ns is None:
                continue
            if abs(t_ns - window.start_ns) > years_max * YEAR_NS:
                old_estimates.append(
                    (t_ns, Location(run=run.run.id, channel=name), window.start_ns)
                )
    if not old_estimates:
        return
    t_ns, where, start_ns = min(old_estimates)
    years = abs(start_ns - t_ns) / YEAR_NS
    yield Violation(
        where,
        f"stamped {to_iso(t_ns)[:10]}, {years:.1f} years from the run, "
        f"in {len(old_estimates)} logs",
        f"at most {years_max:g}",
        "Declare the interconnect of this run; this looks copied.",
        "year" if years_max == 1 else "years",
    )


RULE = Rule(
    id="interconnect-plausible",
    title="The interconnect has a plausible power, and belongs to this run",
    why="An estimate is written by hand: a few watts for a rack of switches, or a line copied "
    "from an example.",
    evidence="Declared or measured power of the interconnect for each node (one 400 Gb/s port "
    "with its optics draws about 10 W on either side), and the timestamp of the estimate against "
    "the run.",
    remedy="Declare the rated power of each switch, times the share of its ports that the run "
    "used.",
    limits=("node_min_w", "years_max"),
    applies_to=TRAINING_LOGS,
    check=check,
)
