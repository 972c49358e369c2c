"""The example submissions that ship with the project: `python -m lab_simulator.examples OUT`.

A small round: four simulated systems in inference, three in training. Two of the inference
systems differ by less than their meters can resolve, one is clearly worse and one has a silence in
its log; one training system copied a node log. `truth.json` holds what each really drew, which
cannot be known of a real system.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

from .files import write_text
from .inference_session import write_inference
from .meter import Faults
from .power import Load
from .training_session import NODE_LOAD, NODE_METER, PLAIN_FORM, write_training
from .truth import Truth

ROUND = "lab-2026"
_LOAD = Load(idle_w=150.0, base_w=420.0)
_INFERENCE = (
    ("Simulated Alder", "alder-2", 1.0, 31_000.0, Faults()),
    ("Simulated Birch", "birch-x", 1.001, 31_020.0, Faults()),
    ("Simulated Cedar", "cedar-1", 1.30, 33_500.0, Faults()),
    ("Simulated Dogwood", "dogwood-9", 0.7, 31_000.0, Faults(drop=tuple(range(200, 216)))),
)
"""Submitter, system, power against the first, samples per second, defects."""
_TRAINING = (
    ("Simulated Alder", "alder-pod", 1.0, PLAIN_FORM),
    ("Simulated Birch", "birch-pod", 1.12, PLAIN_FORM),
    ("Simulated Elm", "elm-pod", 0.97, replace(PLAIN_FORM, copied_nodes=True)),
)


def write_examples(out: Path) -> dict[str, Truth]:
    """Write the round below `out/lab-2026`; the truth of each run by the entry's place and the
    run's name."""
    found: dict[str, Truth] = {}
    root = out / ROUND
    for seed, (submitter, system, share, rate, faults) in enumerate(_INFERENCE, 11):
        name = submitter.replace(" ", "")
        load = replace(_LOAD, base_w=_LOAD.base_w * share, idle_w=_LOAD.idle_w * share)
        place = f"inference/closed/{name}/results/{system}/resnet50/Offline"
        found[f"{place}/run_1"] = write_inference(
            root / "inference",
            submitter=name,
            system=system,
            benchmark="resnet50",
            scenario="Offline",
            seed=seed,
            duration_s=606.0,
            load=load,
            samples_per_s=rate,
            faults=faults,
            clock_sigma_s=0.005,
        )
    for seed, (submitter, system, share, form) in enumerate(_TRAINING, 31):
        name = submitter.replace(" ", "")
        load = replace(NODE_LOAD, base_w=NODE_LOAD.base_w * share)
        truths = write_training(
            root / "training",
            submitter=name,
            system=system,
            benchmark="bert",
            seed=seed,
            runs=6,
            nodes=2,
            duration_s=95.0,
            load=load,
            meter=NODE_METER,
            form=replace(form, interconnect_power_w=350.0),
        )
        for number, truth in enumerate(truths):
            found[f"training/{name}/results/{system}/bert/result_{number}"] = truth
    document = {place: truth.as_dict() for place, truth in found.items()}
    write_text(root / "truth.json", json.dumps(document, indent=1) + "\n")
    return found


if __name__ == "__main__":
    write_examples(Path(sys.argv[1]))
