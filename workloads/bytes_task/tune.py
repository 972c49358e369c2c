"""Train the configurations of the grid on the validation part; print a table of what they reach.

    python tune.py dense 45 context=8 embedding=16 width=256 depth=1 rate=0.004 batch=1024 ...

Each configuration gets the same processor time, over which its step size decays: a short trial
finds how many bytes that is. Nothing here sees the held-out part.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from corpus import build, standard_library

HERE = Path(__file__).resolve().parent
SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
TRIAL_BYTES = 200_000


def trained(request: dict[str, object]) -> list[dict[str, float]]:
    """Train in a process of its own; return its lines."""
    command = [sys.executable, str(HERE / "train_once.py"), json.dumps(request)]
    environment = os.environ | SINGLE_THREAD
    output = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout
    return [json.loads(line) for line in output.splitlines()]


def main() -> int:
    """Tune one configuration a call."""
    kind, seconds = sys.argv[1], float(sys.argv[2])
    settings = dict(pair.split("=") for pair in sys.argv[3:])
    with tempfile.TemporaryDirectory() as folder:
        corpus = build(standard_library())
        parts = {"train": corpus.train, "evaluation": corpus.validation}
        for name, content in parts.items():
            Path(folder, name).write_bytes(content)
        request = {
            "model": str(HERE.parent / f"bytes-{kind}"),
            "settings": settings,
            "train": f"{folder}/train",
            "evaluation": f"{folder}/evaluation",
            "seed": 1000,
            "target": 0.0,
        }
        trial_bytes = int(settings.pop("trial", TRIAL_BYTES))
        amounts = {"planned_bytes": trial_bytes * 4, "most_bytes": trial_bytes}
        trial = trained(request | amounts | {"evaluate_each": trial_bytes // 2})
        per_byte_s = (trial[1]["cpu_s"] - trial[0]["cpu_s"]) / (
            trial[1]["bytes"] - trial[0]["bytes"]
        )
        planned = int(seconds / per_byte_s)
        amounts = {"planned_bytes": planned, "most_bytes": planned}
        lines = trained(request | amounts | {"evaluate_each": max(planned // 12, 1)})
    writer = csv.writer(sys.stdout, lineterminator="\n")
    last = lines[-1]
    row = [kind, " ".join(f"{key}={value}" for key, value in settings.items()), planned]
    writer.writerow([*row, round(last["cpu_s"], 1), round(last["value"], 4), last["parameters"]])
    curve = [
        f"{line['cpu_s']:.1f}:{line['value']:.3f}" for line in lines if line["key"] == "evaluation"
    ]
    print("#", *curve, file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
