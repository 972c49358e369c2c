"""The mean power of a node is one that its parts can draw."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from harness.auditing.report import Location
from harness.auditing.rules.base import (
    POWER_SESSION,
    TRAINING_LOGS,
    Rule,
    RuleContext,
    Violation,
    location,
)
from harness.core.errors import shorten
from harness.energy.run import RunEnergy
from harness.formats.reference.accelerators import rated_w
from harness.traces.trace import Trace, Window

COUNT = re.compile(r"\s*(\d{1,4})(?:\.0+)?\s*", re.ASCII)
DEFAULT_SOCKETS = 2.0
"""Sockets of a node whose description does not state them."""
MIN_READINGS_AT_REST = 5
"""Readings outside the window that show how low a node rests."""
REST_QUANTILE = 0.05
"""Share of the readings outside the window that may be lower: a failed read is no rest."""


class NodeParts(NamedTuple):
    """What a node is made of: the rated power of all its accelerators [W], and its sockets."""

    accelerators_w: float
    sockets: float


class OddNode(NamedTuple):
    """A node log with an implausible mean; sorts by how far it is outside, the farthest first."""

    share_of_bound: float
    mean_w: float
    where: Location


def check(context: RuleContext) -> Iterator[Violation]:
    """Report the node log whose mean power is farthest outside what its parts draw."""
    description = context.entry.system_description or {}
    parts = node_parts(description)
    if parts is None:
        yield _unknown_parts(description)
        return
    lowest_w, highest_w = _plausible_range_w(parts, context.limits)
    odd_nodes, log_count = [], 0
    for run in context.runs:
        for where, mean_w in _node_means_w(run):
            log_count += 1
            if not lowest_w <= mean_w <= highest_w:
                share = min(mean_w / lowest_w, highest_w / mean_w) if mean_w > 0 else 0.0
                odd_nodes.append(OddNode(share, mean_w, where))
    yield from _drained_nodes(context, parts)
    if not odd_nodes:
        return
    worst = min(odd_nodes)
    yield Violation(
        worst.where,
        f"a mean of {worst.mean_w:.0f} W over the run, in {len(odd_nodes)} of {log_count} "
        "node logs",
        f"from {lowest_w:.0f} to {highest_w:.0f} W, by the rated power of the accelerators "
        f"({parts.accelerators_w:.0f} W a node)",
        "Say what the meter covers: one supply of several, a part of the node, or several nodes.",
    )


def _drained_nodes(context: RuleContext, parts: NodeParts) -> Iterator[Violation]:
    """Report the node log that falls lowest at rest, if no node of these parts rests so low.

    Readings from which a constant was taken keep their course, and much of their mean.
    """
    least_w = context.limits["rest_share_min"] * parts.accelerators_w
    resting = [
        (resting_w, str(where), where)
        for run in context.runs
        for where, resting_w in _rests_w(run)
        if resting_w < least_w
    ]
    if not resting:
        return
    lowest_w, _, where = min(resting)
    yield Violation(
        where,
        f"{lowest_w:.3g} W at rest, outside the run",
        f"at least {least_w:.3g} W, by the rated power of the accelerators "
        f"({parts.accelerators_w:.0f} W a node)",
        "Say what was taken off the readings, or what else the meter does not cover.",
        status="warn",
    )


def _rests_w(run: RunEnergy) -> Iterator[tuple[Location, float]]:
    """Yield each node log of a run with the power that it falls to outside the window [W]."""
    window = run.run.window
    for reading in run.readings:
        trace = reading.trace
        if window is None or trace.channel.boundary not in ("node", "wall"):
            continue
        if trace.channel.quantity != "power":
            continue
        resting_w = rest_w(trace, window)
        if resting_w is not None:
            yield location(run.run, trace), resting_w


def rest_w(trace: Trace, window: Window) -> float | None:
    """Return the power to which a trace falls outside a window [W]; None from too few readings."""
    first, stop = trace.t_ns.searchsorted([window.start_ns, window.stop_ns])
    outside_w = np.concatenate([trace.value[:first], trace.value[stop:]])
    if len(outside_w) < MIN_READINGS_AT_REST:
        return None
    return float(np.quantile(outside_w, REST_QUANTILE))


def node_parts(description: Mapping[str, Any]) -> NodeParts | None:
    """Return the parts of a node; None where the accelerators are not known."""
    accelerator_w = rated_w(str(description.get("accelerator_model_name", "")))
    accelerators = COUNT.fullmatch(str(description.get("accelerators_per_node", "")))
    sockets = COUNT.fullmatch(str(description.get("host_processors_per_node", "")))
    if accelerator_w is None or accelerators is None or not int(accelerators[1]):
        return None
    socket_count = float(sockets[1]) if sockets else DEFAULT_SOCKETS
    return NodeParts(accelerator_w * int(accelerators[1]), socket_count)


def _unknown_parts(description: Mapping[str, Any]) -> Violation:
    model = shorten(description.get("accelerator_model_name", ""), 80)
    count = shorten(description.get("accelerators_per_node", ""), 80)
    return Violation(
        "system description",
        f"{count!r} accelerators {model!r} a node",
        "a number of accelerators of a known rating",
        "Compare the readings with the data sheets of the parts.",
        status="skip",
    )


def _plausible_range_w(parts: NodeParts, limits: Mapping[str, float]) -> tuple[float, float]:
    """Return the lowest and the highest plausible mean power of a node [W]."""
    lowest_w = limits["accelerator_share_min"] * parts.accelerators_w
    highest_w = limits["accelerator_share_max"] * parts.accelerators_w
    return lowest_w, highest_w + limits["socket_max_w"] * parts.sockets


def _node_means_w(run: RunEnergy) -> Iterator[tuple[Location, float]]:
    """Yield each node log of a run with its mean power over the window [W]."""
    window = run.run.window
    for reading in run.readings:
        if window is None or reading.energy is None:
            continue
        if reading.trace.channel.boundary in ("node", "wall"):
            yield location(run.run, reading.trace), reading.energy.energy_j / window.seconds


RULE = Rule(
    id="power-plausible",
    title="The power of a node fits its parts",
    why="A log in which every reading was halved is a perfect log: only what the machine must "
    "draw gives it away.",
    evidence="Mean power of each node over the run, against the rated power of its accelerators "
    "(system description, and a table of data sheets). A test of plausibility, so it only warns, "
    "and a small cut goes unseen. Means in the shared real data are 1.01 to 1.28 of the "
    "accelerators' rating: no false alarm in 150 node logs; of inference they are "
    "0.84 to 1.18, no false alarm in 13 results. At rest, outside the window, nodes fall to "
    "0.068 to 0.43 of that rating (158 windows of four submitters); half of the lowest is the "
    "limit. Half of the lowest of three submitters raises no alarm for the fourth; half of the "
    "lowest of two does for 15 % of the other two. Skipped, with a message, where the table does "
    "not have the accelerator.",
    remedy="Measure the whole node.",
    limits=("accelerator_share_min", "accelerator_share_max", "rest_share_min", "socket_max_w"),
    applies_to=TRAINING_LOGS | POWER_SESSION,
    check=check,
)
