"""BoAmps: the energy report of one result as JSON, for the open data of Boavizta.

Source: github.com/Boavizta/BoAmps, `model/report_schema.json` (2025), with its parts for
algorithms, data sets and hardware. Energies are in kWh and durations in seconds, as its examples
have them. Each run is a measure of its own; what was estimated is one more, so that no sum mixes
the two.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from harness import __version__
from harness.core.errors import UsageError
from harness.core.timestamps import to_iso
from harness.energy.run import RunEnergy
from harness.render.disclosure.statements import JOULES_PER_KWH, Facts, energy_status
from harness.scoring.result import Result

FORMAT_VERSION = "1.1.0"
SPECIFICATION = "https://github.com/Boavizta/BoAmps/tree/main/model"
_NAMESPACE = uuid.UUID("6b1ad5a7-2f0b-5c22-9d2e-7f4f2a8c1e10")
_REQUIRED = {
    "task.family": ("task", "family"),
    "task.algorithms": ("task", "algorithms"),
    "task.dataset": ("task", "dataset"),
    "infrastructure.infraType": ("infrastructure", "infraType"),
    "infrastructure.components": ("infrastructure", "components"),
}
"""What a report must have and no measurement knows; `algorithms`, `dataset` and `components` have
the fields of BoAmps."""
QUALITY_LIMITS = ((0.10, "high"), (0.25, "medium"), (0.50, "low"))
"""Half-width of the interval, relative, up to which the information has that quality."""


def report(result: Result, facts: Facts, moment: str) -> dict[str, Any]:
    """Make the report of one result.

    Args:
        result: The result.
        facts: What the publisher states beside it.
        moment: Date and time of the report, like 2026-01-31 12:00:00.

    Raises:
        UsageError: The facts lack something that a report must have.
    """
    _check_facts(facts)
    document: dict[str, Any] = {
        "header": _header(result, facts, moment),
        "task": _task(result, facts),
        "measures": [measure for item in result.runs for measure in _measures(result, item)],
        "infrastructure": dict(facts["infrastructure"]),
    }
    for name in ("system", "software", "environment"):
        if facts.get(name):
            document[name] = dict(facts[name])
    quality = _quality(result)
    if quality is not None:
        document["quality"] = quality
    return document


def _check_facts(facts: Facts) -> None:
    missing = [
        name for name, (part, field) in _REQUIRED.items() if not facts.get(part, {}).get(field)
    ]
    if missing:
        raise UsageError(
            "a BoAmps report needs facts that no measurement knows",
            got="without " + ", ".join(missing),
            expected="all of " + ", ".join(_REQUIRED),
            fix="State them in a file and name it with --facts.",
        )


def _header(result: Result, facts: Facts, moment: str) -> dict[str, Any]:
    publisher = {"confidentialityLevel": "public"} | dict(facts.get("publisher", {}))
    digests = "".join(sorted(result.entry.digests.values()))
    return {
        "formatVersion": FORMAT_VERSION,
        "formatVersionSpecificationUri": SPECIFICATION,
        "reportId": str(uuid.uuid5(_NAMESPACE, f"{result.entry.id} {digests}")),
        "reportDatetime": moment,
        "reportStatus": "draft",
        "publisher": publisher,
    }


def _task(result: Result, facts: Facts) -> dict[str, Any]:
    stated = facts["task"]
    entry = result.entry
    task: dict[str, Any] = {
        "taskStage": entry.task,
        "taskFamily": stated["family"],
        "algorithms": list(stated["algorithms"]),
        "dataset": list(stated["dataset"]),
        "taskDescription": " ".join(filter(None, (entry.benchmark, entry.scenario))),
    }
    counts = [item.run.work.count for item in result.runs if item.run.work is not None]
    if entry.task == "inference" and counts and len(counts) == len(result.runs):
        task["nbRequest"] = sum(counts)
    accuracy = _accuracy(result)
    if accuracy is not None:
        task["measuredAccuracy"] = accuracy
    return task


def _accuracy(result: Result) -> float | None:
    """Return the accuracy as a share, where it is a share of right answers."""
    if result.quality is None or result.per_correct is None:
        return None
    value = result.quality.value
    return value / 100 if value > 1 else value


def _measures(result: Result, item: RunEnergy) -> Iterator[dict[str, Any]]:
    """Yield what was measured in a run, and what was estimated."""
    if item.energy_j is None or item.run.window is None:
        return
    window = item.run.window
    common = {
        "version": __version__,
        "measurementDuration": window.seconds,
        "measurementDateTime": to_iso(window.start_ns)[:19].replace("T", " "),
    }
    measured_j = item.energy_j - item.estimated_j
    if measured_j > 0:
        meters = dict.fromkeys(trace.channel.meter for trace in item.run.outer)
        yield {
            "measurementMethod": f"joulemark: {_origin(result)} by {', '.join(meters)}",
            "powerConsumption": measured_j / JOULES_PER_KWH,
            **common,
        }
    if item.estimated_j > 0:
        yield {
            "measurementMethod": "joulemark: estimated, from rated power or unmeasured nodes",
            "powerConsumption": item.estimated_j / JOULES_PER_KWH,
            **common,
        }


def _origin(result: Result) -> str:
    """Return how the readings of the meters came about."""
    if result.measurement_class == "modelled":
        return "estimated"
    status = energy_status(result)
    return status if status in ("simulated", "declared") else "measured"


def _quality(result: Result) -> str | None:
    """Return the quality of the information by the width of the interval."""
    energy = result.energy
    if energy.value is None or energy.low is None or energy.high is None or energy.value <= 0:
        return None
    relative = max(energy.high - energy.value, energy.value - energy.low) / energy.value
    return next((name for limit, name in QUALITY_LIMITS if relative <= limit), None)
