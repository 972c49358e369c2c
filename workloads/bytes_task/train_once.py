"""One training in a process of its own: from its start to the target, or to the last byte.

    python train_once.py '{"model": "../bytes-dense", ...}'

The only argument is a JSON object, see `Request`. What happens is printed as lines of JSON, each
an object with a `key`: `evaluation`, `reached` or `missed`, and `inference`.
"""

from __future__ import annotations

import json
import resource
import runpy
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from prediction import (
    EVALUATED,
    EVALUATION_BATCH,
    MAX_CONTEXT,
    Bytes,
    Model,
    bits_per_byte,
    contexts_at,
    evaluated_positions,
)

Report = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What to train, on what, and until when.

    Attributes:
        model: Folder of the workload, whose `model.py` makes the model.
        settings: Settings of the model, and `batch`.
        train: File to learn from.
        evaluation: File that says whether the target is reached.
        seed: Seed of the initial weights and of the order of the bytes.
        target: Code length to reach [bit/byte].
        planned_bytes: Bytes over which the step size decays.
        most_bytes: Bytes after which a training that misses its target ends.
        evaluate_each: Bytes between two evaluations.
        evaluated: Bytes that each evaluation predicts.
        inference_s: How long to predict afterwards [s]; 0 for not at all.
    """

    model: str
    settings: Mapping[str, Any]
    train: str
    evaluation: str
    seed: int
    target: float
    planned_bytes: int
    most_bytes: int
    evaluate_each: int
    evaluated: int = EVALUATED
    inference_s: float = 0.0


def perform(request: Request, report: Report) -> Model:
    """Train until the target is reached, and report each evaluation."""
    train = np.fromfile(request.train, np.uint8)
    evaluation = np.fromfile(request.evaluation, np.uint8)
    rng = np.random.default_rng(request.seed)
    make = runpy.run_path(str(Path(request.model) / "model.py"))["make"]
    model: Model = make(rng, request.settings)
    positions = evaluated_positions(evaluation, request.evaluated)
    batch = int(request.settings["batch"])

    learnt, next_evaluation, bits = 0, request.evaluate_each, float("inf")
    while bits > request.target and learnt < request.most_bytes:
        places = rng.integers(MAX_CONTEXT, len(train), batch)
        contexts = contexts_at(train, places, model.context)
        model.step(contexts, train[places], learnt / request.planned_bytes)
        learnt += batch
        if learnt >= next_evaluation:
            next_evaluation += request.evaluate_each
            bits = bits_per_byte(model, evaluation, positions)
            report("evaluation", bits, bytes=learnt, **usage())
    reached = bits <= request.target
    report("reached" if reached else "missed", bits, bytes=learnt, **usage(), **asdict(model.costs))
    if request.inference_s:
        predict(model, evaluation, request.inference_s, report)
    return model


def predict(model: Model, data: Bytes, seconds: float, report: Report) -> None:
    """Predict bytes for some time; report how many, and what they cost."""
    places = np.arange(MAX_CONTEXT, MAX_CONTEXT + EVALUATION_BATCH)
    start_ns, start_cpu_s, predicted = time.time_ns(), time.process_time(), 0
    stop_ns = start_ns + round(seconds * 1e9)
    while (now_ns := time.time_ns()) < stop_ns:
        model.logits(contexts_at(data, places, model.context)).argmax(axis=1)
        predicted += len(places)
        places += len(places)
        if places[-1] >= len(data):
            places -= places[0] - MAX_CONTEXT
    cpu_s = time.process_time() - start_cpu_s
    report("inference", predicted, start_ns=start_ns, stop_ns=now_ns, cpu_s=cpu_s)


def usage() -> dict[str, float]:
    """Return processor time and largest memory of this process so far."""
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"cpu_s": round(time.process_time(), 4), "peak_bytes": peak_bytes}


def print_line(key: str, value: float, **metadata: Any) -> None:
    """Print a line of JSON."""
    line = {"key": key, "value": value, "time_ns": time.time_ns()} | metadata
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    perform(Request(**json.loads(sys.argv[1])), print_line)
