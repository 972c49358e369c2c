"""Provisioned power of a system, from the three generations of ``system_power.json``.

1. ``count`` and ``tdp_per_unit`` of CPUs, accelerators and switches, with ``overhead_fraction``.
2. ``num_cpu``, ``tdp_per_cpu`` and so on; the overhead follows from ``cooling`` in
   ``system_desc.json``; a rack may stand for its nodes.
3. Node sets with a power method each, sourced values, counted network cards, scale-out switches::

       major     = sum over sets of parts: nodes x (CPUs + accelerators + scale-up), and cards
       other     = overhead x major, 0.30 for liquid cooling and 0.50 for air
       published = nodes x published power, or published rack power x nodes / nodes in the rack
       total     = major + other + published + scale-out switches

Nothing here was measured. The total is rounded once, to 0.01 kW (checker, system_power.py).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.formats.mlperf.endpoints.fields import (
    count_in,
    list_in,
    mapping_in,
    number_in,
    text_in,
    value_in,
)

CONSTANTS = Path(__file__).with_name("power_constants.yaml")
NEWEST = "1.1"
"""Version of the constants for packages that state none."""
UNITS_W = {"value_w": 1.0, "value_kw": 1000.0}
"""Fields of a sourced power, and their unit [W]."""
ESTIMATED = "mlc_default"
"""Source type of a default of Appendix D."""


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
            node_set.power_w * engaged[node_set.id] / node_set.nodes for node_set in self.node_sets
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


def provisioned_power(
    document: Mapping[str, Any], cooling: str = "", version: str = NEWEST
) -> ProvisionedPower:
    """Return the provisioned power that a document states, whatever its generation.

    Args:
        document: ``system_power.json``.
        cooling: Cooling as ``system_desc.json`` states it, in free text.
        version: Version of the constants.
    """
    if "node_sets" in document:
        return _third(document, cooling, version)
    groups = (mapping_in(document, name) for name in ("cpu", "accelerator", "scale_up_network"))
    if any("tdp_per_unit" in group for group in groups):
        return _first(document)
    return _second(document, cooling, version)


# First and second generation


def _first(document: Mapping[str, Any]) -> ProvisionedPower:
    parts: list[float] = []
    faults: list[str] = []
    for name in ("cpu", "accelerator", "scale_up_network", "scale_out_network"):
        if name in document:
            power_w = _product(document[name], "count", "tdp_per_unit")
            faults += [] if power_w is not None else [f"{name} has no count and power"]
            parts.append(power_w or 0.0)
    overhead = number_in(document, "overhead_fraction")
    if overhead is None or overhead < 0:
        faults.append("overhead_fraction is missing")
    total_w = None if faults else math.fsum(parts) * (1 + (overhead or 0.0))
    faults += _stated_otherwise(number_in(document, "provisioned_power_w"), total_w, "W")
    return ProvisionedPower(
        generation=1,
        total_w=total_w,
        accelerators=count_in(document, "accelerator", "count"),
        faults=tuple(faults),
    )


SECOND_FIELDS = {
    "cpu": ("num_cpu", "tdp_per_cpu"),
    "accelerator": ("num_accelerator", "tdp_per_accelerator"),
    "scale_up_network": ("num_switches", "tdp_per_switch"),
    "scale_out_network": ("num_switches", "tdp_per_switch"),
}


def _second(document: Mapping[str, Any], cooling: str, version: str) -> ProvisionedPower:
    accelerators = count_in(document, "accelerator", "num_accelerator")
    rack_w, rack_nodes = number_in(document, "rack_power_w"), count_in(document, "rack_nodes")
    submitted = count_in(document, "submitted_nodes")
    if rack_w is not None:
        whole = rack_nodes and submitted and submitted <= rack_nodes
        share = submitted / rack_nodes if whole and submitted and rack_nodes else None
        faults = () if share is not None else ("rack_nodes and submitted_nodes do not fit",)
        total_w = None if share is None else rack_w * share
        return ProvisionedPower(
            generation=2, total_w=total_w, accelerators=accelerators, faults=faults
        )
    parts: list[float] = []
    missing: list[str] = []
    for name, fields in SECOND_FIELDS.items():
        if name in document:
            power_w = _product(document[name], *fields)
            missing += [] if power_w is not None else [f"{name} has no count and power"]
            parts.append(power_w or 0.0)
    if not parts:
        missing.append("it is of no known form")
    overhead = _overhead(cooling, version)
    if overhead is None:
        missing.append("system_desc.json names neither liquid nor air cooling")
    total_w = None if missing else math.fsum(parts) * (1 + (overhead or 0.0))
    return ProvisionedPower(
        generation=2, total_w=total_w, accelerators=accelerators, faults=tuple(missing)
    )


def _product(group: object, *fields: str) -> float | None:
    """Return a count times a power; ``None`` where one is missing or negative."""
    values = [number_in(group, name) for name in fields]
    numbers = [value for value in values if value is not None and value >= 0]
    return math.prod(numbers) if len(numbers) == len(values) else None


def _overhead(cooling: str, version: str) -> float | None:
    """Return the share that is added for what is not listed; ``None`` without known cooling."""
    names = [name for name in ("liquid", "air") if name in cooling.casefold()]
    return number_in(constants(version), "overhead", names[0]) if len(names) == 1 else None


# Third generation


@dataclass(slots=True)
class _Collector:
    """What is met while a document of the third generation is read."""

    faults: list[str] = field(default_factory=list)
    low_ratings: list[str] = field(default_factory=list)
    estimated: bool = False
    accelerators: int = 0

    def power_w(self, value: object, name: str) -> float:
        """Return a sourced power [W]; 0 and a fault where it states none."""
        units = [unit for unit in UNITS_W if value_in(value, unit) is not None]
        number = number_in(value, units[0]) if len(units) == 1 else None
        if number is None or number < 0 or value_in(value, "value_pj") is not None:
            self.faults.append(f"{name} has no single power")
            return 0.0
        self.estimated |= text_in(value, "source_type") == ESTIMATED
        return number * UNITS_W[units[0]]

    def count(self, document: object, name: str, where: str) -> int:
        """Return a count; 0 and a fault where there is none."""
        count = count_in(document, name)
        if count is None:
            self.faults.append(f"{where} has no {name}")
        return count or 0


def _third(document: Mapping[str, Any], cooling: str, version: str) -> ProvisionedPower:
    collector = _Collector()
    faults = collector.faults

    # 1. The overhead, which both files must agree on.
    stated_cooling = text_in(document, "cooling")
    overhead = _overhead(stated_cooling, version)
    if overhead is None:
        faults.append("cooling is neither liquid nor air")
    elif cooling and _overhead(cooling, version) not in (None, overhead):
        faults.append(f"cooling is {stated_cooling} here and {cooling} in system_desc.json")

    # 2. The power of each node set.
    sets = [_node_set(item, overhead or 0.0, version, collector) for item in _sets(document)]
    if not sets:
        faults.append("there is no node set")
    if len({node_set.id for node_set in sets}) < len(sets):
        faults.append("a node_set_id stands for two sets")

    # 3. Network cards and switches between nodes.
    cards_w = _network_cards(document, collector) * (1 + (overhead or 0.0))
    scale_out_w = _scale_out_switches(document, collector)
    nodes = sum(node_set.nodes for node_set in sets)
    total_w = math.fsum(node_set.power_w for node_set in sets) + cards_w + scale_out_w
    if nodes and cards_w:
        sets = [
            NodeSet(id=s.id, nodes=s.nodes, power_w=s.power_w + cards_w * s.nodes / nodes)
            for s in sets
        ]

    # 4. A declared total replaces the sum; a computed one must agree with it.
    declared = value_in(document, "declared_provisioned_power")
    if declared is not None:
        total_w = collector.power_w(declared, "declared_provisioned_power")
    derived_w = None if faults else total_w
    for path in (("computed", "provisioned_power_kw"), ("provisioned_power_kw",)):
        faults += _stated_otherwise(number_in(document, *path), _kw(derived_w), "kW")
    return ProvisionedPower(
        generation=3,
        total_w=derived_w,
        node_sets=tuple(sets),
        scale_out_w=scale_out_w,
        accelerators=collector.accelerators,
        estimated=collector.estimated,
        faults=tuple(faults),
        low_ratings=tuple(collector.low_ratings),
    )


def _sets(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in list_in(document, "node_sets"):
        if isinstance(item, Mapping):
            yield item


def _kw(power_w: float | None) -> float | None:
    return None if power_w is None else round(power_w / 1000, 2)


def _node_set(
    item: Mapping[str, Any], overhead: float, version: str, collector: _Collector
) -> NodeSet:
    """Return the power of one node set by its method."""
    name = f"node set {value_in(item, 'node_set_id')}"
    nodes = collector.count(item, "nodes_provisioned", name)
    method = text_in(item, "power_method")
    power_w = 0.0
    if method == "component_sum":
        power_w = nodes * _node_w(item, nodes, version, collector) * (1 + overhead)
    elif method == "published_system":
        power_w = nodes * collector.power_w(item.get("published_power"), name)
    elif method == "node_scaling":
        in_rack = collector.count(item, "nodes_in_published_rack", name)
        rack_w = collector.power_w(item.get("published_power"), name)
        if in_rack > nodes:
            power_w = rack_w * nodes / in_rack
        else:
            collector.faults.append(f"{name} scales a rack of {in_rack} nodes to {nodes}")
    else:
        collector.faults.append(f"{name} has no known power_method")
    return NodeSet(id=str(value_in(item, "node_set_id")), nodes=nodes, power_w=power_w)


def _node_w(item: Mapping[str, Any], nodes: int, version: str, collector: _Collector) -> float:
    """Return the power of one node by the sum of its parts, without overhead [W]."""
    parts = mapping_in(item, "components")
    combined = "combined_cpu_accelerator" in parts
    names = ("combined_cpu_accelerator",) if combined else ("cpu", "accelerator")
    total_w = 0.0
    for name in names:
        part = mapping_in(parts, name)
        count = collector.count(part, "count_per_node", name)
        unit_w = collector.power_w(part.get("tdp_per_unit"), name)
        total_w += count * unit_w
        if name != "cpu":
            collector.accelerators += nodes * count
            collector.low_ratings += _low_rating(text_in(part, "model"), unit_w, version)
    return total_w + _scale_up_w(mapping_in(parts, "scale_up_network"), version, collector)


def _low_rating(model: str, unit_w: float, version: str) -> Iterator[str]:
    """Yield that an accelerator declares less than its default in Appendix D."""
    table = mapping_in(constants(version), "accelerators_w")
    names = [name for name in table if name.casefold() in model.casefold()]
    if names and 0 < unit_w < table[max(names, key=len)]:
        default_w = table[max(names, key=len)]
        yield f"{model} is rated at {unit_w:g} W; the default of Appendix D is {default_w} W"


def _scale_up_w(network: Mapping[str, Any], version: str, collector: _Collector) -> float:
    """Return the power of the network inside a node [W]."""
    method = text_in(network, "method") or "none"
    if method == "declared_tdp":
        switches = collector.count(network, "switch_count", "scale_up_network")
        return switches * collector.power_w(network.get("tdp_per_switch"), "scale_up_network")
    if method == "bandwidth_estimate":
        terabytes_per_s = number_in(network, "aggregate_bandwidth_tbps")
        picojoule = network.get("energy_per_bit_pj")
        per_bit = number_in({"n": picojoule}, "n") or number_in(picojoule, "value_pj")
        if terabytes_per_s is None or per_bit is None or min(terabytes_per_s, per_bit) < 0:
            collector.faults.append("scale_up_network has no bandwidth and energy per bit")
            return 0.0
        return terabytes_per_s * float(constants(version)["bits_per_byte"]) * per_bit
    if method != "none":
        collector.faults.append("scale_up_network has no known method")
    return 0.0


def _network_cards(document: Mapping[str, Any], collector: _Collector) -> float:
    """Return the power of counted network cards, without overhead [W].

    They count on nodes that are summed from parts, and on others only where the published power
    is shown to exclude them.
    """
    cards = mapping_in(document, "scale_out", "nics")
    if cards.get("counted") is not True:
        return 0.0
    excluded = bool(cards.get("excluded_from_published_power"))
    nodes = 0
    for item in _sets(document):
        if text_in(item, "power_method") == "component_sum" or excluded:
            nodes += count_in(item, "nodes_provisioned") or 0
    per_node = collector.count(cards, "count_per_node", "nics")
    return nodes * per_node * collector.power_w(cards.get("tdp_per_nic"), "nics")


def _scale_out_switches(document: Mapping[str, Any], collector: _Collector) -> float:
    """Return the power of the switches between nodes [W]."""
    if value_in(document, "scale_out", "present") is not True:
        return 0.0
    power_w = 0.0
    for switch in list_in(document, "scale_out", "switches"):
        count = collector.count(switch, "count", "a switch")
        power_w += count * collector.power_w(value_in(switch, "power_per_switch"), "a switch")
    return power_w


def _stated_otherwise(stated: float | None, derived: float | None, unit: str) -> Iterator[str]:
    """Yield that a stated total is not the derived one."""
    if stated is not None and derived is not None and abs(stated - derived) > 0.005:
        yield f"{stated:g} {unit} are stated, {derived:g} {unit} follow from the parts"
