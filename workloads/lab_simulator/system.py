"""The system description a submission carries, in the form of MLPerf's `systems/<system>.json`."""

from __future__ import annotations

HW_NOTES = "SIMULATED by joulemark's lab simulator"
EMPTY = (
    "accelerator_frequency",
    "accelerator_host_interconnect",
    "accelerator_interconnect",
    "accelerator_interconnect_topology",
    "accelerator_memory_capacity",
    "accelerator_memory_configuration",
    "accelerator_on-chip_memories",
    "framework_name",
    "host_memory_capacity",
    "host_memory_configuration",
    "host_network_card_count",
    "host_networking",
    "host_networking_topology",
    "host_processor_caches",
    "host_processor_core_count",
    "host_processor_frequency",
    "host_processor_interconnect",
    "host_processor_vcpu_count",
    "host_storage_capacity",
    "host_storage_type",
    "sw_notes",
)
"""Fields that say nothing of a system that does not exist."""


def system_description(submitter: str, system: str, nodes: int, status: str) -> dict[str, object]:
    """The description of a simulated system of `nodes` nodes; `status` is its availability."""
    stated: dict[str, object] = {
        "accelerator_model_name": "simulated accelerator",
        "accelerators_per_node": "1",
        "cooling": "air",
        "division": "closed",
        "framework": "none",
        "host_processor_model_name": "simulated processor",
        "host_processors_per_node": "1",
        "hw_notes": HW_NOTES,
        "number_of_nodes": str(nodes),
        "operating_system": "none",
        "other_software_stack": {},
        "status": status,
        "submitter": submitter,
        "system_name": system,
        "system_type": "datacenter",
    }
    return dict(sorted({**dict.fromkeys(EMPTY, ""), **stated}.items()))
