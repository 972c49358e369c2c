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

import math
from collections.abc import Mapping
from typing import Any

from harness.formats.mlperf.endpoints.fields import count_in, mapping_in, number_in
from harness.formats.mlperf.endpoints.node_set_power import node_set_power
from harness.formats.mlperf.endpoints.provisioned import (
    NEWEST,
    ProvisionedPower,
    other_total_stated,
    overhead_of,
)


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
        return node_set_power(document, cooling, version)
    groups = (mapping_in(document, name) for name in ("cpu", "accelerator", "scale_up_network"))
    if any("tdp_per_unit" in group for group in groups):
        return _first(document)
    return _second(document, cooling, version)


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
    faults += other_total_stated(number_in(document, "provisioned_power_w"), total_w, "W")
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
    overhead = overhead_of(cooling, version)
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
