"""Nodes of a system that nobody measured.

Nodes without a trace are held to draw the mean of the measured ones. Nodes of which there is only a
model, beside others that are measured, keep the model's energy, with a wide limit of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.energy.components import Measured
from harness.formats.base import Entry
from harness.uncertainty.components import MeteredEnergy, UncertaintyComponent

MAX_NODES = 1_000_000
"""A description that states more nodes states none; the largest systems have 160 thousand."""

MODEL_FACTOR = 2.0
"""Machines differ from a model of their processors by such a factor (Cloud Carbon Footprint)."""


@dataclass(frozen=True, slots=True)
class MissingNodes:
    """The energy of nodes without a trace.

    Attributes:
        energy_j: Energy assumed for them [J].
        parts: That energy, with the meter error of the measured nodes.
        components: How far it may be off.
    """

    energy_j: float = 0.0
    parts: tuple[MeteredEnergy, ...] = ()
    components: tuple[UncertaintyComponent, ...] = ()


def missing_nodes(measured: Measured, expected_count: int, entry_id: str) -> MissingNodes:
    """Return the energy of nodes without a trace, from the mean of the others.

    u^2 = N^2 (1 - M/N) s^2 / M with M of N nodes measured, and standard deviation s between them. A
    node that is missed is missed in every run, so the component is shared by the runs of an entry.

    Args:
        measured: Channels with their energies.
        expected_count: Nodes of the system.
        entry_id: The entry, which shares the component between its runs.
    """
    nodes: dict[str | None, float] = {}
    channel = None
    for readings, channel_energy in measured:
        if readings.trace.channel.boundary == "node":
            channel = readings.trace.channel
            energy_j = channel_energy.energy_j * readings.factor
            nodes[channel.node] = nodes.get(channel.node, 0.0) + energy_j
    count = len(nodes)
    missing_count = expected_count - count
    if channel is None or missing_count <= 0:
        return MissingNodes()
    energies = list(nodes.values())
    mean_j = math.fsum(energies) / count
    spread_j = float(np.std(energies, ddof=1)) if count > 1 else mean_j
    scale = expected_count * math.sqrt((1 - count / expected_count) / count) * spread_j
    energy_j = missing_count * mean_j
    part = MeteredEnergy(
        channel.calibration_id,
        energy_j,
        channel.accuracy.gain_mpe,
        source="nodes without a trace",
    )
    component = UncertaintyComponent.symmetric(
        "missing nodes",
        scale,
        correlation_key=f"missing nodes|{entry_id}",
        source=f"{missing_count} of {expected_count} nodes not measured",
    )
    return MissingNodes(energy_j, (part,), (component,))


def modelled_nodes(measured: Measured) -> list[str]:
    """Return the nodes that only a model speaks for, where others are measured; else none."""
    kinds: dict[str, set[bool]] = {}
    for readings, _ in measured:
        channel = readings.trace.channel
        if channel.node is not None:
            kinds.setdefault(channel.node, set()).add(channel.kind == "estimate")
    modelled = [node for node, estimates in kinds.items() if estimates == {True}]
    return modelled if len(modelled) < len(kinds) else []


def model_limits(measured: Measured, entry_id: str) -> MissingNodes:
    """Return how far nodes that are only modelled may be off.

    A model knows the processors' time and nothing of boards or memory. The energy of such a node
    lies between the model's divided by `MODEL_FACTOR` and the largest of a measured node, or the
    model's, times `MODEL_FACTOR`. The error is the same in every run of an entry.

    Args:
        measured: Channels with their energies.
        entry_id: The entry, which shares the component between its runs.
    """
    nodes = modelled_nodes(measured)
    if not nodes:
        return MissingNodes()
    energies: dict[str, float] = {}
    for readings, channel_energy in measured:
        node = readings.trace.channel.node
        if node is not None:
            energy_j = channel_energy.energy_j * readings.factor
            energies[node] = energies.get(node, 0.0) + energy_j
    largest_j = max(energy_j for node, energy_j in energies.items() if node not in nodes)
    components = []
    for node in nodes:
        energy_j = energies[node]
        above_j = MODEL_FACTOR * max(energy_j, largest_j) - energy_j
        below_j = energy_j - energy_j / MODEL_FACTOR
        components.append(
            UncertaintyComponent(
                "modelled nodes",
                above_j,
                -below_j,
                "uniform",
                f"modelled|{node}|{entry_id}",
                f"{node} is modelled, and may draw twice what a measured node draws",
            )
        )
    modelled_j = math.fsum(energies[node] for node in nodes)
    return MissingNodes(modelled_j, (), tuple(components))


def stated_nodes(entry: Entry) -> int:
    """Return how many nodes the system description states; 0 where it states none."""
    description = entry.system_description or {}
    try:
        stated = int(str(description.get("number_of_nodes", 0)))
    except ValueError:
        return 0
    return stated if stated <= MAX_NODES else 0
