"""The convolutional network in PyTorch: a committee to its target, and ranks that step as one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import UsageError
from harness.live.plan import Settings, plan_workload
from harness.meters.base import Unavailable
from harness.runners.workload import Workload, find_workload

FOLDER = Path(__file__).resolve().parents[2] / "workloads" / "digits-training-torch"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
HAS_TORCH = (
    importlib.util.find_spec("torch") is not None
    and importlib.util.find_spec("sklearn") is not None
)
needs_torch = pytest.mark.skipif(
    not HAS_TORCH, reason="PyTorch is absent: pip install 'joulemark[torch]'"
)


def run(program: Path, *arguments: object, ranks: int = 1) -> subprocess.CompletedProcess[str]:
    launcher = (
        ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)]
        if ranks > 1
        else []
    )
    return subprocess.run(
        [sys.executable, *launcher, str(program), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env={k: v for k, v in os.environ.items() if k != "PYTHONWARNINGS"} | ONE_THREAD,
    )


def train(result: Path, *arguments: object, ranks: int = 1) -> dict[str, object]:
    """Values of the result log of a training of one member to a target that it reaches soon."""
    done = run(
        FOLDER / "train.py",
        "--result",
        result,
        "--members",
        1,
        "--target",
        0.9,
        "--seed",
        7,
        *arguments,
        ranks=ranks,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line.removeprefix(":::MLLOG ")) for line in result.read_text().splitlines()]
    return {line["key"]: line["value"] for line in lines} | {
        "order": [line["key"] for line in lines]
    }


def test_without_pytorch_its_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = find_workload("digits-training-torch")
    assert chosen.spec["quality"] == {"metric": "test_accuracy", "target": 0.98, "better": "higher"}
    assert chosen.spec["data"] == find_workload("digits-training").spec["data"]
    monkeypatch.setattr(Workload, "missing_packages", lambda _: ["torch"])
    with pytest.raises(Unavailable, match=r"got torch.*pip install 'joulemark\[torch\]'"):
        plan_workload(chosen, Settings(out=tmp_path))


def test_its_settings_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Workload, "missing_packages", lambda _: [])
    with pytest.raises(UsageError, match=r"no such setting.*members, target, device, threads"):
        plan_workload(
            find_workload("digits-training-torch"), Settings(out=tmp_path, options={"rate": "1"})
        )


@needs_torch
def test_a_member_reaches_its_target_and_repeats_with_its_seed(tmp_path: Path) -> None:
    first, again = train(tmp_path / "a.txt"), train(tmp_path / "b.txt")
    assert first["eval_accuracy"] >= 0.9
    assert first["test_accuracy"] >= 0.85
    assert first["weights_sha256"] == again["weights_sha256"]
    assert train(tmp_path / "c.txt", "--seed", 8)["weights_sha256"] != first["weights_sha256"]
    keys = first["order"]
    assert keys.index("test_accuracy") > keys.index(
        "run_stop"
    )  # the test is looked at once, after the training
    assert keys.count("test_accuracy") == 1


@needs_torch
def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device here")
    done = run(FOLDER / "train.py", "--seed", 1, "--result", tmp_path / "r.txt", "--device", "cuda")
    assert done.returncode == 1
    assert "finds no CUDA device" in done.stderr
    assert "Traceback" not in done.stderr


STEPS = """
import sys
sys.path[:0] = sys.argv[1:3]
import hashlib, json, numpy as np, network, torch
from digits import load
network.DROPOUT = 0.0  # it differs between ranks
torch.manual_seed(3)
torch.set_num_threads(1)
place, part = network.join("cpu"), load().train
member = network.Network(place)
for first in range(0, 5 * 21, 21):  # 21 images do not halve
    member.step(part.images[first : first + 21], part.labels[first : first + 21])
layers = [p.detach().numpy().ravel() for p in member.layers.parameters()]
weights = np.concatenate(layers).astype(float)
right = network.Committee([member]).accuracy(part)
said = {"weights": hashlib.sha256(weights.tobytes()).hexdigest(), "right": right,
        "sums": [np.abs(weights).sum(), np.square(weights).sum()]}
with open(f"{sys.argv[3]}-{place.rank}-of-{place.of}", "w") as file:
    json.dump(said, file)
if place.of > 1:
    torch.distributed.destroy_process_group()
"""


@needs_torch
def test_two_ranks_step_as_one_does(tmp_path: Path) -> None:
    program = tmp_path / "steps.py"
    program.write_text(STEPS)
    for ranks in (1, 2):
        done = run(
            program, FOLDER, FOLDER.with_name("digits-training"), tmp_path / "rank", ranks=ranks
        )
        assert done.returncode == 0, done.stderr
    alone, first, second = (
        json.loads((tmp_path / f"rank-{name}").read_text())
        for name in ("0-of-1", "0-of-2", "1-of-2")
    )
    assert first == second  # both have the same weights, to the last bit
    assert first["sums"] == pytest.approx(alone["sums"], rel=1e-4)
    assert first["right"] == pytest.approx(alone["right"], abs=0.02)
