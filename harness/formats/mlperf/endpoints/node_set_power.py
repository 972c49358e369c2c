"""Provisioned power from node sets: the third generation of ``system_power.json``.

The formulas are in `harness.formats.mlperf.endpoints.power`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.formats.mlperf.endpoints.fields import (
    count_in,
    list_in,
    mapping_in,
    number_in,
    text_in,
    value_in,
)
from harness.formats.mlperf.endpoints.provisioned import (
    NodeSet,
    ProvisionedPower,
    constants,
    other_total_stated,
    overhead_of,
)

UNITS_W = {"value_w": 1.0, "value_kw": 1000.0}
"""Fields of a sourced power, and their unit [W]."""
ESTIMATED = "mlc_default"
"""Source type of a default of Appendix D."""


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


def node_set_power(document: Mapping[str, Any], cooling: str, version: str) -> ProvisionedPower:
    """Return the provisioned power that a document of the third generation states."""
    collector = _Collector()
    faults = collector.faults

    # 1. The overhead, which both files must agree on.
    stated_cooling = text_in(document, "cooling")
    overhead = overhead_of(stated_cooling, version)
    if overhead is None:
        faults.append("cooling is neither liquid nor air")
    elif cooling and overhead_of(cooling, version) not in (None, overhead):
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
        faults += other_total_stated(number_in(document, *path), _kw(derived_w), "kW")
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
