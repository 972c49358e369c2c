"""Annex XI of the EU AI Act: computational resources, training time, energy of the model.

Source: Regulation (EU) 2024/1689, Annex XI, section 1, point 2, (d) and (e). The other points of
the annex describe the model and its data, and no measurement answers them.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.render.disclosure.statements import (
    Facts,
    Statement,
    estimated_part,
    in_kwh,
    recorded_total,
    unknown,
)
from harness.scoring.result import Result

REFERENCE = "Regulation (EU) 2024/1689, Annex XI, section 1, point 2 (d) and (e)"
_RESOURCES = "Annex XI, 1, 2 (d)"
_ENERGY = "Annex XI, 1, 2 (e)"


def statements(result: Result, facts: Facts) -> list[Statement]:
    """State the resources, time and energy of a result."""
    training = result.entry.task == "training"
    stage = "one training run" if training else "one inference run"
    note = "" if training else "inference: point (e) asks for the training of the model as well"
    return [
        _operations(facts),
        *_hardware(result),
        _duration(result, stage),
        in_kwh(f"Energy of {stage}", _ENERGY, result.energy, result, note),
        *estimated_part(_ENERGY, result),
        recorded_total("Energy of all recorded runs", _ENERGY, result),
        Statement(
            name="What the energy includes",
            clause=_ENERGY,
            status="declared",
            value=result.boundary,
            note="trials, data preparation and other work outside the timed windows are not in it",
        ),
    ]


def _operations(facts: Facts) -> Statement:
    operations = facts.get("model", {}).get("training_flop")
    if operations is None:
        return unknown(
            "Floating-point operations of the training",
            _RESOURCES,
            "state model.training_flop in the facts",
            "FLOP",
        )
    return Statement(
        name="Floating-point operations of the training",
        clause=_RESOURCES,
        status="declared",
        value=operations,
        unit="FLOP",
    )


def _hardware(result: Result) -> Iterator[Statement]:
    description = result.entry.system_description or {}
    names = {
        "number_of_nodes": "Nodes",
        "host_processor_model_name": "Processor",
        "host_processors_per_node": "Processors a node",
        "accelerator_model_name": "Accelerator",
        "accelerators_per_node": "Accelerators a node",
    }
    for field, name in names.items():
        value = description.get(field)
        if value not in (None, ""):
            yield Statement(name=name, clause=_RESOURCES, status="declared", value=value)


def _duration(result: Result, stage: str) -> Statement:
    seconds = [item.run.window.seconds for item in result.runs if item.run.window is not None]
    name = f"Duration of {stage}"
    if not seconds:
        return unknown(name, _RESOURCES, "no run states its timed window", "h")
    return Statement(
        name=name,
        clause=_RESOURCES,
        status="simulated" if result.entry.simulated else "measured",
        value=sum(seconds) / len(seconds) / 3600,
        unit="h",
        note=f"mean of {len(seconds)} timed windows" if len(seconds) > 1 else "",
    )
