"""A tiny experiment: the workloads on a corpus of a few files, for seconds instead of minutes."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import yaml

WORKLOADS = Path(__file__).resolve().parents[2] / "workloads"
TARGET = 6.9
SETTINGS: dict[str, dict[str, Any]] = {
    "dense": {"context": 2, "embedding": 4, "width": 8, "depth": 1, "rate": 0.03, "batch": 64},
    "sparse": {"orders": 2, "bits": 8, "rate": 0.5, "batch": 64},
}
AMOUNTS = {
    "planned_bytes": 6400,
    "most_bytes": 64_000,
    "evaluate_each": 640,
    "evaluated": 400,
    "inference_s": 0.25,
}


def make(root: Path, **design: Any) -> Path:
    """Write the workloads and the corpus; return the design."""
    for name in ("bytes_task", "digits-training"):
        shutil.copytree(WORKLOADS / name, root / name)
    library = root / "lib"
    library.mkdir()
    words = random.Random(1)
    for number in range(40):
        text = "".join(f"def f{words.randrange(99)}():\n    return {n}\n" for n in range(30))
        (library / f"module_{number}.py").write_text(f"# {words.random()}\n{text}", "utf-8")
    for kind, trainings in (("dense", 1), ("sparse", 2)):
        folder = root / f"tiny-{kind}"
        shutil.copytree(WORKLOADS / f"bytes-{kind}", folder)
        spec = yaml.safe_load((folder / "workload.yaml").read_text("utf-8"))
        spec["name"] = folder.name
        spec["quality"]["target"] = TARGET
        spec["data"] = None
        arguments = SETTINGS[kind] | AMOUNTS | {"target": TARGET, "trainings": trainings}
        spec["runner"]["arguments"] = arguments | {"corpus": str(library)}
        (folder / "workload.yaml").write_text(yaml.safe_dump(spec), "utf-8")
    return write_design(root, **design)


def write_design(root: Path, **given: Any) -> Path:
    document = {
        "schema_version": "1.0",
        "name": "tiny",
        "title": "Tiny dense against tiny sparse",
        "question": "Does <b>sparse</b> need less?",
        "quality": {"metric": "bits_per_byte", "target": TARGET, "better": "lower"},
        "seeds": [1, 2, 3],
        "least_ratio": 10,
        "sides": [
            {"name": "dense", "label": "dense network", "workload": "./tiny-dense"},
            {"name": "sparse", "label": "conditional memory", "workload": "./tiny-sparse"},
        ],
        "frontier": [{"side": "dense", "label": "width 4", "settings": {"width": 4}}],
        "tuning": {"table": "tuning.csv", "method": "By hand."},
    }
    path = root / "experiment.yaml"
    path.write_text(yaml.safe_dump(document | given), "utf-8")
    return path
