"""What the `train.py` of all three workloads does: trainings one after the other, and their log.

1. Before the window: read, clean and split the corpus; check its hash; write its parts to files.
2. The window, `run_start` to `run_stop`: each training is a process of its own, from its start
   (libraries, memory, initial weights) to the target. A kind that needs few seconds is trained
   several times, each with a seed of its own, so that the window is long enough to measure.
3. After the window: the last process predicts for some seconds, marked by `inference_start` and
   `inference_stop`.

Evaluations are inside the window, on the same bytes of the held-out part by the same code for all
models.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parents[1] / "digits-training"))  # its log

from corpus import Corpus, build, standard_library
from result_log import ResultLog, progress

SHARED = Path(__file__).resolve().parent
METRIC = "bits_per_byte"
SEEDS_PER_RUN = 100
"""Seeds of the trainings of a run follow its own times this."""
COSTS = (
    "parameters",
    "state_bytes",
    "rows_touched",
    "parameters_touched",
    "flops_inference",
    "flops_training",
)


@dataclass(frozen=True)
class Training:
    """How one training ended.

    Attributes:
        reached: Whether it reached the target.
        bits: Its last code length [bit/byte].
        learnt: Bytes that it learnt from.
        cpu_s: Processor time of its process up to the target [s].
        peak_bytes: Largest memory of its process [B].
        costs: What its model is made of, see `prediction.Costs`.
    """

    reached: bool
    bits: float
    learnt: int
    cpu_s: float
    peak_bytes: int
    costs: Mapping[str, int]


def arguments_of(description: str) -> tuple[argparse.Namespace, dict[str, str]]:
    """Read the command line: what all models share, and the settings of this one."""
    parser = argparse.ArgumentParser(description=description, allow_abbrev=False)
    parser.add_argument("--seed", type=int, required=True, help="of weights and order of bytes")
    parser.add_argument("--result", required=True, help="file to log to")
    parser.add_argument("--data-sha256", default="", help="what the corpus must hash to")
    parser.add_argument("--corpus", default="", help="folder of a standard library")
    parser.add_argument(
        "--accept", choices=["registered", "any"], default="registered", help="which corpus"
    )
    parser.add_argument("--trainings", type=int, default=1, help="one after the other")
    parser.add_argument("--target", type=float, required=True, help="to reach [bit/byte]")
    parser.add_argument("--planned_bytes", type=int, required=True, help="step size decays over")
    parser.add_argument("--most_bytes", type=int, required=True, help="then a training ends")
    parser.add_argument("--evaluate_each", type=int, required=True, help="bytes learnt")
    parser.add_argument("--evaluated", type=int, default=16_384, help="bytes of an evaluation")
    parser.add_argument("--inference_s", type=float, default=4.0, help="predict so long")
    known, others = parser.parse_known_args()
    names = [word.removeprefix("--") for word in others[::2]]
    return known, dict(zip(names, others[1::2], strict=True))


def read_corpus(arguments: argparse.Namespace) -> Corpus:
    """Read the corpus, and check its hash."""
    folder = Path(arguments.corpus) if arguments.corpus else standard_library()
    corpus = build(folder)
    expected = arguments.data_sha256
    if expected and arguments.accept == "registered" and corpus.sha256 != expected:
        version = ".".join(map(str, sys.version_info[:3]))
        raise SystemExit(
            f"{folder}: is another corpus; got {corpus.sha256} (Python {version}), expected "
            f"{expected} (Python 3.11.7). Use that Python, or --set corpus=FOLDER with its Lib "
            "folder, or --set accept=any for a run that is not comparable."
        )
    return corpus


def code_sha256(folder: Path) -> str:
    """Return a hash over the shared code and that of a workload."""
    digest = hashlib.sha256()
    for path in sorted([*SHARED.glob("*.py"), *folder.glob("*.py")]):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.parent.name}/{path.name}\0{content}\n".encode())
    return digest.hexdigest()


def perform(folder: Path) -> int:
    """Run the trainings of a workload.

    Args:
        folder: Its folder, which holds `model.py`.

    Returns:
        Status 0 also where the target was not reached: the log says so.
    """
    arguments, settings = arguments_of(f"Train the model of {folder.name} to a target.")
    with (
        open(arguments.result, "w", encoding="utf-8", newline="\n") as file,
        tempfile.TemporaryDirectory() as temporary,
    ):
        log = ResultLog(file)
        log.begin("init_start")
        corpus = read_corpus(arguments)
        train, held_out = Path(temporary, "train"), Path(temporary, "held_out")
        train.write_bytes(corpus.train)
        held_out.write_bytes(corpus.held_out)
        log_header(log, folder, arguments, settings, corpus)
        log.end("init_stop")
        request = {
            "model": str(folder),
            "settings": settings,
            "train": str(train),
            "evaluation": str(held_out),
            "target": arguments.target,
            "planned_bytes": arguments.planned_bytes,
            "most_bytes": arguments.most_bytes,
            "evaluate_each": arguments.evaluate_each,
            "evaluated": arguments.evaluated,
        }
        return run_trainings(log, arguments, request)


def log_header(
    log: ResultLog,
    folder: Path,
    arguments: argparse.Namespace,
    settings: Mapping[str, str],
    corpus: Corpus,
) -> None:
    """Log what is run, by which code, on which bytes."""
    log.header(
        folder.name,
        seed=arguments.seed,
        global_batch_size=int(settings["batch"]),
        train_samples=len(corpus.train),
        eval_samples=arguments.evaluated,
        target_bits_per_byte=arguments.target,
        data_sha256=corpus.sha256,
        held_out_sha256=corpus.held_out_sha256,
        held_out_bytes=len(corpus.held_out),
        near_duplicates_left_out=len(corpus.near_duplicates),
        code_sha256=code_sha256(folder),
    )
    for name, value in sorted(settings.items()):
        log.line("model_setting", value, name=name)


def run_trainings(log: ResultLog, arguments: argparse.Namespace, request: Mapping[str, Any]) -> int:
    """Do the window, and what follows it."""
    trainings: list[Training] = []
    first_seed = arguments.seed * SEEDS_PER_RUN
    log.begin("run_start")
    for number in range(1, arguments.trainings + 1):
        is_last = number == arguments.trainings
        inference_s = arguments.inference_s if is_last else 0.0
        own = {"seed": first_seed + number, "inference_s": inference_s}
        log.begin("block_start", training=number, seed=first_seed + number)
        lines = child_lines({**request, **own})
        training = follow(log, number, lines)
        trainings.append(training)
        log.end("block_stop", training=number)
        progress(number, arguments.trainings)
        if is_last or not training.reached:
            status = "success" if training.reached else "aborted"
            log.end("run_stop", status=status)
            log_results(log, trainings)
        for line in lines:  # what follows the end of the training: inference, or nothing
            log_inference(log, line)
        if not training.reached:
            break
    return 0


def child_lines(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Start a training in a process of its own, and yield its lines as they come."""
    command = [sys.executable, str(SHARED / "train_once.py"), json.dumps(request)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            yield json.loads(line)
    if child.returncode:
        raise SystemExit(f"a training ended with status {child.returncode}")


def follow(log: ResultLog, number: int, lines: Iterator[dict[str, Any]]) -> Training:
    """Log the evaluations of a training up to its end."""
    for line in lines:
        if line["key"] == "evaluation":
            used = {name: line[name] for name in ("bytes", "cpu_s", "peak_bytes")}
            log.line("eval_bits_per_byte", line["value"], training=number, **used)
            continue
        reached = line["key"] == "reached"
        costs = {name: line[name] for name in COSTS}
        ended = Training(
            reached, line["value"], line["bytes"], line["cpu_s"], line["peak_bytes"], costs
        )
        break
    else:
        raise SystemExit("a training ended without a result")
    return ended


def log_results(log: ResultLog, trainings: list[Training]) -> None:
    """Log what all trainings reached: of the code lengths, the longest."""
    count = len(trainings)
    log.line("trainings", count)
    log.line(METRIC, max(training.bits for training in trainings))
    log.line("samples_to_target", sum(training.learnt for training in trainings) / count)
    log.line("cpu_s_to_target", sum(training.cpu_s for training in trainings) / count)
    log.line("peak_bytes", max(training.peak_bytes for training in trainings))
    for name, value in trainings[0].costs.items():
        log.line(name, value)


def log_inference(log: ResultLog, line: Mapping[str, Any]) -> None:
    """Log how many bytes were predicted after the window, when, and in which processor time."""
    if line["key"] == "inference":
        span = {"start_ns": line["start_ns"], "stop_ns": line["stop_ns"]}
        log.line("inference_bytes", line["value"], cpu_s=line["cpu_s"], **span)
