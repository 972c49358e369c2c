"""As many nodes are measured as the system description states."""

import re
from collections.abc import Iterator, Mapping

from harness.auditing.rules.base import (
    RECORDED_RUNS,
    TRAINING_LOGS,
    Rule,
    RuleContext,
    Violation,
    location,
)
from harness.core.errors import shorten
from harness.energy.run import RunEnergy
from harness.live.sensors.shared_equipment import CONTAINING, is_shared
from harness.scoring.endpoint.nodes import measured_nodes, sees_all_nodes, serving_nodes

COUNT = re.compile(r"(\d{1,9})(?:\.0+)?(?: +nodes?)?", re.ASCII | re.IGNORECASE)
"""A number of nodes, like `8`, `8.0` or `8 nodes`."""


def check(context: RuleContext) -> Iterator[Violation]:
    """Report runs with more or fewer node logs than the system has nodes.

    Of a load on an LLM endpoint too few of those that serve are a failure, and too few of all a
    warning: the estimate over all stands apart. Too many are neither: the description may be that
    of the client.
    """
    is_training = context.entry.task == "training"
    if not is_training and not _is_endpoint(context):
        return
    description = context.entry.system_description or {}
    stated_text = str(description.get("number_of_nodes", "")).strip()
    match = COUNT.fullmatch(stated_text)
    if match is None and not is_training:
        return
    if match is None:
        yield Violation(
            "system description",
            f"number_of_nodes {shorten(repr(stated_text))}",
            "a whole number",
            "Complete the system description.",
            status="skip",
        )
        return
    stated_count = int(match[1])
    if not is_training:
        yield from _unmetered_nodes(context, int(match[1]) if match else 0)
        return
    for run in context.runs:
        nodes = _measured_nodes(run)
        if stated_count == 1 and not nodes and _is_one_own_machine(context, run):
            continue
        if len(nodes) != stated_count:
            yield Violation(
                location(run.run),
                f"{len(nodes)} nodes with a power log",
                f"{match[1]} nodes, as the system description says",
                "Submit the power log of every node of the run.",
            )


def _unmetered_nodes(context: RuleContext, node_count: int) -> Iterator[Violation]:
    """Report loads on an endpoint where meters saw fewer nodes than served, or than there are."""
    serving = serving_nodes(context.entry.system_description or {}, node_count)
    for run in context.runs:
        count = len(measured_nodes(run))
        if not count or count >= node_count or sees_all_nodes(run):
            continue
        serves = "" if serving == node_count else f", {serving} of which serve"
        yield Violation(
            location(run.run),
            f"{count} nodes with a power log",
            f"{node_count} nodes{serves}, as the system description says",
            "Meter every node; `score` shows an estimate over all, which is never ranked.",
            status="fail" if count < serving else "warn",
        )


def _is_endpoint(context: RuleContext) -> bool:
    return any(run.run.evidence.endpoint is not None for run in context.runs)


def _measured_nodes(run: RunEnergy) -> set[str]:
    """Return the nodes with a log at their boundary, else those that any channel names.

    Shared equipment that feeds the machines of a live run measures all of them.
    """
    channels = [reading.trace.channel for reading in run.readings]
    if any(is_shared(channel) and channel.boundary in CONTAINING for channel in channels):
        recording = run.run.evidence.recording
        ranks = (recording.ranks if recording else None) or ()
        return {str(item["node"]) for item in ranks if isinstance(item, Mapping) and "node" in item}
    whole_nodes = {str(channel.node) for channel in channels if channel.boundary == "node"}
    return whole_nodes or {channel.node for channel in channels if channel.node}


def _is_one_own_machine(context: RuleContext, run: RunEnergy) -> bool:
    """Return whether a run is one machine's, measured at its wall or by its parts."""
    return bool(run.readings) and not context.entry.origin.startswith("mlperf")


RULE = Rule(
    id="node-count",
    title="Every node of the run is measured",
    why="The sum of half the nodes is half the energy; MLPerf's own tools add up what they find.",
    evidence="Node logs of each run against number_of_nodes in the system description.",
    remedy="Submit the power log of every node.",
    applies_to=TRAINING_LOGS | RECORDED_RUNS,
    check=check,
)
