"""The nodes of a served system: those that meters saw, and what the description states of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.numbers import stated_number
from harness.energy.missing_nodes import MAX_NODES
from harness.energy.run import RunEnergy
from harness.meters.topology import subject_of
from harness.traces.channel import Channel

NODES_USED, NODE_POWER = "nodes_used", "node_rated_power_w"
"""Fields of a system description: nodes that serve, and the rated power of a node [W]."""
POWER_CAP = "accelerator_power_cap_w"
"""Field of a system description: the power limit that is set on each accelerator [W]."""
MAX_NODE_POWER_W = 1e6
"""A description that states more for one node states none [W]; racks of today draw 0.2 MW."""
WHOLE_PARTS = frozenset({"wall", "outlet", "node", "psu", "psu-output"})
"""Parts whose sensors name the machine that they measure."""
SHARED_PARTS = frozenset({"facility", "rack", "pdu"})
"""Parts that feed all nodes."""


def measured_nodes(run: RunEnergy) -> dict[str, float]:
    """Return the energy of each machine that meters saw [J], by its name.

    A machine has the name that its channels state; channels that state none are of one machine.
    """
    energies: dict[str, float] = {}
    for readings in run.readings:
        if readings.energy is not None:
            name = _machine(readings.trace.channel)
            energy_j = readings.energy.energy_j * readings.factor
            energies[name] = energies.get(name, 0.0) + energy_j
    return energies


def sees_all_nodes(run: RunEnergy) -> bool:
    """Return whether a meter stands before all nodes, such as that of their rack."""
    return any(item.trace.channel.boundary in SHARED_PARTS for item in run.readings)


def serving_nodes(description: Mapping[str, Any], node_count: int) -> int:
    """Return how many nodes serve, as a description states; all of them where it does not."""
    stated = stated_number(description.get(NODES_USED))
    if stated is None or not stated.is_integer() or not 1 <= stated <= MAX_NODES:
        return node_count
    return min(int(stated), node_count)


def rated_power_w(description: Mapping[str, Any]) -> float | None:
    """Return the rated power of a node that a description states [W]; ``None`` without one."""
    power_w = stated_number(description.get(NODE_POWER))
    is_power = power_w is not None and 0 < power_w <= MAX_NODE_POWER_W
    return power_w if is_power else None


def _machine(channel: Channel) -> str:
    """Return the name of the machine that a channel measures; "" where nothing states it."""
    if channel.node:
        return channel.node
    subject = subject_of(channel)
    return subject.instance.partition(":")[0] if subject.part in WHOLE_PARTS else ""
