"""An estimate over all nodes of a served system of which meters see only some.

MLPerf Endpoints provisions N nodes, of which some serve a point and some wait. Where meters see
only M of them, the result is the sum over those M, and beside it, never in its place, stands an
estimate over all N:

- At a rated power of a node, where the description states one. It is an upper limit: the node drew
  between `NODE_IDLE_SHARE` of it and all of it. It covers the whole node, so it is added only to
  nodes that were measured whole.
- Else nodes that serve are held to draw the mean of the measured ones. That takes at least two of
  them, because one does not show how nodes differ; the scale of the difference is itself estimated,
  so its error is Student's t. Nodes that do not serve draw less, and no one has seen how much: for
  them there is no estimate without a rated power.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from harness.energy.evaluation import Evaluation
from harness.energy.missing_nodes import MissingNodes, stated_nodes
from harness.energy.run import RunEnergy
from harness.scoring.endpoint.nodes import (
    measured_nodes,
    rated_power_w,
    sees_all_nodes,
    serving_nodes,
)
from harness.scoring.result import Result
from harness.scoring.score import score_all
from harness.uncertainty.components import MeteredEnergy, UncertaintyComponent
from harness.uncertainty.estimate import Estimate

NODE_IDLE_SHARE = 0.1
"""Lowest plausible share of the rated power of a node that is on: an assumption, wide."""
WHOLE_NODES = ("wall", "node")
"""Boundaries of nodes that were measured whole."""
AT_RATED_POWER, LIKE_MEASURED = "at rated power", "like the measured nodes"


@dataclass(frozen=True, slots=True, kw_only=True)
class AllNodes:
    """The estimate over all nodes of a system.

    Attributes:
        measured: Nodes that meters saw, the fewest of the runs.
        serving: Nodes that served, as the description states; all of them where it does not.
        nodes: Nodes of the system, as the description states.
        method: How nodes without a meter were filled in; "" where they could not be.
        energy: Energy of a run over all nodes; without a value where there is no estimate.
        energy_per_unit: The same per unit of work.
        mean_power: Mean power of all nodes.
        estimated_share: Share of the energy that was not measured, 0 to 1.
    """

    measured: int
    serving: int
    nodes: int
    method: str
    energy: Estimate
    energy_per_unit: Estimate
    mean_power: Estimate
    estimated_share: float


def all_nodes(result: Result) -> AllNodes | None:
    """Return the estimate over all nodes; ``None`` where meters saw all, or it is no endpoint.

    Args:
        result: A load on an LLM endpoint.
    """
    entry, description = result.entry, result.entry.system_description or {}
    is_endpoint = any(run.evidence.endpoint is not None for run in entry.runs)
    node_count = stated_nodes(entry)
    measured = [measured_nodes(run) for run in result.runs if run.energy_j is not None]
    if not is_endpoint or not measured or not all(measured):
        return None
    if min(map(len, measured)) >= node_count:
        return None
    if any(sees_all_nodes(run) for run in result.runs):
        return None
    serving = serving_nodes(description, node_count)
    power_w = rated_power_w(description)
    if power_w is not None and result.boundary not in WHOLE_NODES:
        reason = f"a rated power covers a whole node, and meters saw its {result.boundary} alone"
    else:
        reason = _obstacle(measured, serving, node_count, power_w)
    if reason:
        return _without_estimate(result, min(map(len, measured)), serving, node_count, reason)
    filled = tuple(_filled(run, node_count, power_w, entry.id) for run in result.runs)
    evaluation = Evaluation(filled)
    (scored,) = score_all([entry], level=result.energy.level, evaluations=[evaluation])
    method = LIKE_MEASURED if power_w is None else AT_RATED_POWER
    return AllNodes(
        measured=min(map(len, measured)),
        serving=serving,
        nodes=node_count,
        method=method,
        energy=scored.energy,
        energy_per_unit=scored.energy_per_unit,
        mean_power=scored.mean_power,
        estimated_share=scored.estimated_share,
    )


def _obstacle(
    measured: Sequence[Mapping[str, float]], serving: int, node_count: int, power_w: float | None
) -> str:
    """Return why there is no estimate; "" where there is one."""
    fewest = min(map(len, measured))
    if power_w is not None:
        return ""
    if node_count > max(serving, fewest):
        return "no meter and no rated power of the nodes that do not serve"
    if fewest < 2:
        return "one measured node does not show how nodes differ, and no rated power is stated"
    return ""


def _without_estimate(
    result: Result, measured: int, serving: int, node_count: int, reason: str
) -> AllNodes:
    def nothing(estimate: Estimate) -> Estimate:
        return Estimate(None, None, None, estimate.unit, estimate.level, reason)

    return AllNodes(
        measured=measured,
        serving=serving,
        nodes=node_count,
        method="",
        energy=nothing(result.energy),
        energy_per_unit=nothing(result.energy_per_unit),
        mean_power=nothing(result.mean_power),
        estimated_share=0.0,
    )


def _filled(run: RunEnergy, node_count: int, power_w: float | None, entry_id: str) -> RunEnergy:
    """Return the energy of a run with that of the nodes that no meter saw."""
    energies = list(measured_nodes(run).values())
    missing_count = node_count - len(energies)
    if run.energy_j is None or run.run.window is None or missing_count <= 0:
        return run
    if power_w is not None:
        missing = _at_rated_power(missing_count, power_w, run.run.window.seconds, entry_id)
    else:
        missing = _like_measured(energies, node_count, run.parts, entry_id)
    return replace(
        run,
        energy_j=run.energy_j + missing.energy_j,
        estimated_j=run.estimated_j + missing.energy_j,
        nodes=(len(energies), node_count),
        parts=(*run.parts, *missing.parts),
        terms=(*run.terms, *missing.components),
    )


def _at_rated_power(count: int, power_w: float, seconds: float, entry_id: str) -> MissingNodes:
    """Return the energy of nodes at their rated power, which is an upper limit."""
    energy_j = count * power_w * seconds
    span_j = energy_j * (1 - NODE_IDLE_SHARE)
    key, source = f"rated nodes|{entry_id}", f"{count} nodes at a rated power of {power_w:g} W"
    component = UncertaintyComponent("rated nodes", -span_j, -span_j, "uniform", key, source)
    return MissingNodes(energy_j, (MeteredEnergy(key, energy_j, 0.0, source=source),), (component,))


def _like_measured(
    energies: Sequence[float], node_count: int, parts: Sequence[MeteredEnergy], entry_id: str
) -> MissingNodes:
    """Return the energy of nodes like the measured ones, whose meters' limits it shares.

    u^2 = N^2 (1 - M/N) s^2 / M with M of N nodes measured, and standard deviation s between them.
    """
    count = len(energies)
    missing_count = node_count - count
    energy_j = missing_count * math.fsum(energies) / count
    scale = node_count * math.sqrt((1 - count / node_count) / count) * statistics.stdev(energies)
    source = f"{missing_count} of {node_count} nodes not measured"
    component = UncertaintyComponent(
        "missing nodes", scale, -scale, "normal", f"missing nodes|{entry_id}", source, count - 1
    )
    share = missing_count / count
    scaled = tuple(
        replace(part, energy=part.energy * share, offset_mpe_j=part.offset_mpe_j * share)
        for part in parts
    )
    return MissingNodes(energy_j, scaled, (component,))
