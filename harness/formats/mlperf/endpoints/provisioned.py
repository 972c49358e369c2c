"""Provisioned power of a system, as all generations of ``system_power.json`` give it.

Nothing here was measured.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.formats.mlperf.endpoints.fields import count_in, mapping_in, number_in, value_in

CONSTANTS = Path(__file__).with_name("power_constants.yaml")
NEWEST = "1.1"
"""Version of the constants for packages that state none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSet:
    """Provisioned power of the nodes of one kind.

    Attributes:
        id: Its ``node_set_id``.
        nodes: Nodes provisioned.
        power_w: Power of all its nodes, overhead included [W].
    """

    id: str
    nodes: int
    power_w: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedPower:
    """Provisioned power of a system.

    Attributes:
        generation: Which of the three forms the document has.
        total_w: The total [W]; ``None`` where it cannot be derived.
        node_sets: Share of each node set; empty before the third generation.
        scale_out_w: Power of the switches between nodes [W].
        accelerators: Accelerators that are provisioned; ``None`` where the document does not say.
        estimated: Whether a default of Appendix D reaches the total.
        faults: Why the total cannot be derived, or what contradicts it.
        low_ratings: Accelerators that declare less than their default, in words.
    """

    generation: int
    total_w: float | None
    node_sets: tuple[NodeSet, ...] = ()
    scale_out_w: float = 0.0
    accelerators: int | None = None
    estimated: bool = False
    faults: tuple[str, ...] = ()
    low_ratings: tuple[str, ...] = ()

    @property
    def total_kw(self) -> float | None:
        """The total as the checker rounds it [kW]."""
        return None if self.total_w is None else round(self.total_w / 1000, 2)

    def point_kw(self, nodes_used: object) -> float | None:
        """Return the power of the nodes that a point engages [kW].

        Args:
            nodes_used: The field of ``point.yaml``: nodes by node set, or a number for a system of
                one set; ``None`` for all nodes.
        """
        if nodes_used is None or self.total_w is None:
            return self.total_kw
        engaged = _engaged_nodes(nodes_used, self.node_sets)
        nodes = sum(node_set.nodes for node_set in self.node_sets)
        if engaged is None or not nodes:
            return None
        shares = [
            node_set.power_w * engaged[node_set.id] / node_set.nodes
            for node_set in self.node_sets
            if node_set.nodes
        ]
        scale_out_w = self.scale_out_w * sum(engaged.values()) / nodes
        return (math.fsum(shares) + scale_out_w) / 1000


def _engaged_nodes(nodes_used: object, sets: tuple[NodeSet, ...]) -> dict[str, int] | None:
    """Return the engaged nodes of each set; ``None`` where the field is none of its forms."""
    if isinstance(nodes_used, Mapping):
        stated = {str(key): count_in({"n": value}, "n") for key, value in nodes_used.items()}
    elif isinstance(nodes_used, list):
        stated = {
            str(value_in(item, "node_set_id")): count_in(item, "nodes_used") for item in nodes_used
        }
    else:
        stated = {sets[0].id: count_in({"n": nodes_used}, "n")} if len(sets) == 1 else {}
    engaged: dict[str, int] = {}
    for node_set in sets:
        count = stated.get(node_set.id)
        if count is None or count > node_set.nodes:
            return None
        engaged[node_set.id] = count
    return engaged


@functools.cache
def constants(version: str = NEWEST) -> Mapping[str, Any]:
    """Return the constants of a version of the checker."""
    import yaml  # slow to import: only packages that state their power pay for it

    table: Mapping[str, Any] = yaml.safe_load(CONSTANTS.read_text("utf-8"))
    return mapping_in(table, version)


def overhead_of(cooling: str, version: str) -> float | None:
    """Return the share that is added for what is not listed; ``None`` without known cooling."""
    names = [name for name in ("liquid", "air") if name in cooling.casefold()]
    return number_in(constants(version), "overhead", names[0]) if len(names) == 1 else None


def other_total_stated(stated: float | None, derived: float | None, unit: str) -> Iterator[str]:
    """Yield that a stated total is not the derived one."""
    if stated is not None and derived is not None and abs(stated - derived) > 0.005:
        yield f"{stated:g} {unit} are stated, {derived:g} {unit} follow from the parts"
