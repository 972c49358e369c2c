"""Provide the data to time: parts of real MLPerf submissions, or simulated ones of their size."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from lab_simulator import NODE_METER, TrainingForm, write_inference, write_training

from benchmarks import ROOT

UNPACK = Path("..", "shared", "data", "unpack")
"""What unpacks the real data, from the root of the checkout."""
SERVER = "H200-SXM-141GBx8_TRT_MaxQ"


@dataclass(frozen=True, slots=True)
class Data:
    """inference: tree of inference results; training: one submitter's folder; source: where they
    come from."""

    inference: Path
    training: Path
    source: str


def prepare(folder: Path, *, small: bool = False) -> Data:
    """Put the data into `folder`. small: a simulated handful, to try the machinery."""
    unpack = ROOT / UNPACK
    if unpack.exists() and not small:
        subprocess.run([str(unpack), str(folder)], check=True, capture_output=True, timeout=600)
        training = folder / "mlperf-training-v4.0" / "smc-ac-power"
        return Data(folder / "mlperf-inference-v4.1", training, "parts of real MLPerf submissions")
    seconds, runs = (30.0, 2) if small else (700.0, 10)
    inference, training = folder / "inference_results_v4.1", folder / "training_results_v4.0"
    for number, scenario in enumerate(("Offline", "Server") * (1 if small else 4)):
        write_inference(
            inference,
            submitter="Bench",
            system=SERVER,
            benchmark=f"resnet50-{number}" if number > 1 else "resnet50",
            scenario=scenario,
            seed=number,
            duration_s=seconds,
            analyzers="WT333E",
        )
    for benchmark, nodes in (
        (("bert", 1), ("llama2_70b_lora", 8)) if not small else (("llama2_70b_lora", 2),)
    ):
        write_training(
            training,
            submitter="Bench",
            system=f"{nodes}xNode",
            benchmark=benchmark,
            seed=nodes,
            runs=runs,
            nodes=nodes,
            duration_s=seconds,
            meter=replace(NODE_METER, interval_s=2.0),
            form=TrainingForm(scaling_factor=1.0),
        )
    return Data(
        inference,
        training / "Bench",
        "simulated, as the sample data is absent: other figures than in docs",
    )


def one_benchmark(training: Path, folder: Path) -> Path | None:
    """A package in `folder` that holds only the 8-node llama2 results; None where there are
    none."""
    found = sorted(training.glob("results/8x*/llama2_70b_lora"))
    if not found:
        return None
    system = found[0].parent.name
    root = folder / training.name
    shutil.copytree(found[0], root / "results" / system / found[0].name)
    (root / "systems").mkdir()
    shutil.copy(training / "systems" / f"{system}.json", root / "systems")
    return root
