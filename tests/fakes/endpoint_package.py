"""A synthetic MLPerf Endpoints submission that breaks no rule, to be damaged by tests."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import yaml

TPOT_P90_NS = 5_000_000.0
TOKENS = 2_000_000
POINTS = (4, 8, 24, 64, 128, 256, 512)
"""Concurrencies; the last is elected as Offline. C_min is 4 and C_max 512."""
POWER_KW = 21.0


def sourced(power_w: float) -> dict[str, Any]:
    """A power with its source."""
    return {"value_w": power_w, "source_type": "vendor_spec", "source": "a data sheet"}


class Package:
    """The documents of a submission, by path; change them, then `write`.

    Attributes:
        points: ``point.yaml`` of each point, by concurrency.
        summaries: ``result_summary.json`` of each.
        systems: ``system_desc.json`` of each.
        accuracies: ``accuracy_results.json`` of each.
        power: ``system_power.json``.
        folders: Shared folders.
        readme: Whether the sources have one.
    """

    def __init__(self) -> None:
        self.points = {c: _point(c) for c in POINTS}
        self.summaries = {c: _summary(c) for c in POINTS}
        self.systems = {c: _system(c) for c in POINTS}
        self.accuracies = {c: _accuracy() for c in POINTS}
        self.power: dict[str, Any] = _power()
        self.folders = ["src", "docs"]
        self.readme = True

    def write(self, root: Path, concurrency: int = 64) -> Path:
        """Write all files, and return the folder of one point."""
        for name in self.folders:
            (root / name).mkdir(parents=True)
        if self.readme and "src" in self.folders:
            (root / "src" / "README.md").write_text("Start the server.\n")
        system = root / "results" / "box"
        for c in self.points:
            folder = system / "tiny-model" / f"r{c}"
            folder.mkdir(parents=True)
            for name, documents in (
                ("result_summary.json", self.summaries),
                ("system_desc.json", self.systems),
                ("accuracy_results.json", self.accuracies),
            ):
                if c in documents:
                    (folder / name).write_text(json.dumps(documents[c]))
            if self.points[c]:
                (folder / "point.yaml").write_text(yaml.safe_dump(self.points[c]))
        if self.power:
            (system / "system_power.json").write_text(json.dumps(self.power))
        return system / "tiny-model" / f"r{concurrency}"


def rate(concurrency: int) -> float:
    """Output tokens per second at a concurrency."""
    return 1000 * math.sqrt(concurrency)


def _point(concurrency: int) -> dict[str, Any]:
    return {
        "concurrency": concurrency,
        "runtime_settings": {
            "load_pattern": "concurrency",
            "runtime": {
                "scheduler_rng_seed": 11,
                "sample_index_rng_seed": 12,
                "model_seed": 13,
            },
        },
        "division": "Standardized",
        "max_supported_concurrency": 512,
        "model_name": "tiny-model",
        "model_precision": "FP8",
        "link_to_model": "a link",
        "dataset_name": "questions",
        "dataset_type": "Performance",
        "dataset_link": "a link",
        "shared_src": "src",
        "shared_docs": "docs",
        "seed_set": "A",
        "target_cohort": "2026-09-C0",
        "offline": "elected" if concurrency == 512 else "none",
        "steady_state": {
            "status": "windowable",
            "verdict": "STEADY STATE",
            "window": {
                "duration_s": 1300.0,
                "n_samples": 2000,
                "super_pass_start": 1,
                "super_pass_end": 4,
                "super_pass_size": 500,
            },
        },
        "warmup": {
            "duration_s": 60.0,
            "requests_issued": 100,
            "requests_completed": 100,
            "data_source": "salted",
            "concurrency": concurrency,
            "initialization_steps": [],
            "logs_retained": True,
        },
    }


def _summary(concurrency: int) -> dict[str, Any]:
    tps = rate(concurrency)
    return {
        "version": "0.1.0",
        "git_sha": "abc",
        "test_started_at": 1_790_000_000_000_000_000,
        "n_samples_issued": 3000,
        "n_samples_completed": 3000,
        "n_samples_failed": 0,
        "duration_ns": TOKENS / tps * 1e9,
        "ttft": {"total": 3e11, "percentiles": {"50.0": 9e7, "90.0": 1.2e8}},
        "tpot": {"total": 1.2e10, "percentiles": {"50.0": 4e6, "90.0": TPOT_P90_NS}},
        "output_sequence_lengths": {"total": TOKENS, "percentiles": {}},
        "system_tps": tps,
        "tps_per_user": 200.0,
        "system_tps_per_kw": tps / POWER_KW,
    }


def _system(concurrency: int) -> dict[str, Any]:
    return {
        "submitter_org_names": "Acme",
        "system_name": "box",
        "max_supported_concurrency": 512,
        "node_types": [{"system_node_ensemble_id": 0, "number_of_nodes": 1}],
        "model_id": "tiny-model",
        "tps_utilization": rate(concurrency) / rate(512),
        "config_summary": {
            "tensor_parallel": 8,
            "pipeline_parallel": 1,
            "expert_parallel": 1,
            "data_parallel": 1,
        },
    }


def _accuracy() -> dict[str, Any]:
    score = {"dataset_name": "questions", "score": 81.0, "total_samples": 500, "complete": True}
    return {"average_accuracy": 81.0, "accuracy_scores": [score]}


def _power() -> dict[str, Any]:
    parts = {
        "cpu": {"model": "CPU", "count_per_node": 2, "tdp_per_unit": sourced(400)},
        "accelerator": {"model": "GPU", "count_per_node": 8, "tdp_per_unit": sourced(1400)},
        "scale_up_network": {
            "method": "declared_tdp",
            "switch_count": 2,
            "tdp_per_switch": sourced(1000),
        },
    }
    node_set = {
        "node_set_id": 0,
        "nodes_provisioned": 1,
        "power_method": "component_sum",
        "components": parts,
    }
    return {"cooling": "air", "node_sets": [node_set], "scale_out": {"present": False}}
