"""What an experiment found, as a document of the schema `experiment`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from harness.carbon.whatif_result import Zone
from harness.core.files import read_bytes, sha256
from harness.core.schemas import SCHEMA_VERSION
from harness.experiments.analysis import Analysis, MeasuredSide, Ratio
from harness.experiments.trainings import TrainingRun
from harness.formats.base import Quality
from harness.render.json import estimate

DIGITS = 6
"""Significant digits of the evaluations, which draw the curves."""


def experiment_document(analysis: Analysis) -> dict[str, Any]:
    """Return the document of `experiment --json`."""
    design = analysis.design
    return {
        "schema_version": SCHEMA_VERSION,
        "name": design.name,
        "title": design.document["title"],
        "question": design.document["question"],
        "design_sha256": sha256(read_bytes(design.path)),
        "quality": dict(design.document["quality"]),
        "least_ratio": design.least_ratio,
        "level": analysis.level,
        "sides": [_side(item) for item in analysis.sides],
        "ratios": [_ratio(item) for item in analysis.ratios],
        "control": None if analysis.control is None else _ratio(analysis.control),
        "relocations": [
            {
                "side": item.name,
                "measurement_class": item.measurement_class,
                "zones": [_zone(zone, item.trainings) for zone in item.answer.zones],
            }
            for item in analysis.relocations
        ],
    }


def _side(item: MeasuredSide) -> dict[str, Any]:
    result = item.result
    return {
        "role": item.role,
        "name": item.side.name,
        "label": item.side.label,
        "workload": item.side.workload.name,
        "settings": {name: str(value) for name, value in item.side.settings.items()},
        "verdict": item.report.verdict,
        "measurement_class": result.measurement_class,
        "boundary": result.boundary,
        "quality": _quality(result.quality),
        "energy": estimate(result.energy_per_unit),
        "cpu_time": estimate(item.cpu_s),
        "inference_energy": estimate(item.inference_j),
        "inference_cpu_time": estimate(item.inference_cpu_s),
        "costs": costs_of(item),
        "runs": [_run(run) for run in item.runs],
    }


def costs_of(item: MeasuredSide) -> Mapping[str, float]:
    """Return what a model is made of, as the log of the first run states it."""
    return dict(item.runs[0].costs) if item.runs else {}


def _quality(quality: Quality | None) -> dict[str, Any] | None:
    if quality is None:
        return None
    return {"metric": quality.metric, "value": quality.value, "target": quality.target}


def _run(run: TrainingRun) -> dict[str, Any]:
    return {
        "id": run.run,
        "seed": run.seed,
        "reached": run.reached,
        "quality": run.quality,
        "energy_j": run.energy_j,
        "seconds": run.seconds,
        "cpu_s": run.cpu_s,
        "inference": None if run.inference is None else asdict(run.inference),
        "evaluations": [
            {name: _rounded(value) for name, value in asdict(item).items()}
            for item in run.evaluations
        ],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def _ratio(item: Ratio) -> dict[str, Any]:
    return {
        "against": item.name,
        "label": item.label,
        "energy": estimate(item.energy.ratio),
        "verdict": item.energy.verdict,
        "reasons": list(item.energy.reasons),
        "cancelled": list(item.energy.cancelled),
        "paired_energy": estimate(item.paired_energy),
        "cpu_time": estimate(item.cpu_time),
        "inference_energy": estimate(item.inference_energy),
        "inference_cpu_time": estimate(item.inference_cpu_time),
        "measurement_class": item.measurement_class,
        "claim": item.claim,
    }


def _zone(zone: Zone, trainings: float) -> dict[str, Any]:
    """Return the emissions of one training [g]."""
    emissions = emissions_of(zone, trainings)
    hours: Sequence[float] | None = None
    if zone.by_hour_g is not None:
        hours = [float(f"{value / trainings:.{DIGITS}g}") for value in zone.by_hour_g]
    return {"zone": zone.zone, **emissions, "by_hour_g": hours}


def emissions_of(zone: Zone, trainings: float) -> dict[str, float | None]:
    """Return the emissions of one training: mean of all starts, at the best and at the worst [g].

    Args:
        zone: Emissions of a run in a zone.
        trainings: Trainings of that run.
    """
    values = {
        "mean_g": zone.mean_g,
        "best_g": None if zone.best is None else zone.best.g.value,
        "worst_g": None if zone.worst is None else zone.worst.g.value,
    }
    return {name: None if g is None else g / trainings for name, g in values.items()}
