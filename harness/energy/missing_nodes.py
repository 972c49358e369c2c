"""Nodes of a system that nobody measured.

They are held to draw the mean of the measured ones, and it is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from harness.energy.components import Measured
from harness.formats.base import Entry
from harness.uncertainty.budget import MeteredEnergy, UncertaintyComponent

MAX_NODES = 1_000_000
"""A description that states more nodes states none; the largest systems have 160 thousand."""


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


def stated_nodes(entry: Entry) -> int:
    """Return how many nodes the system description states; 0 where it states none."""
    description = entry.system_description or {}
    try:
        stated = int(str(description.get("number_of_nodes", 0)))
    except ValueError:
        return 0
    return stated if stated <= MAX_NODES else 0
