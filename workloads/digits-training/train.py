"""Train a committee of networks on the digits to a quality target, with an MLPerf training log.

    python train.py --seed 1 --result result.txt --checkpoint committee.npz

The timed part (run_start to run_stop) trains the members one after the other, each until it
reads the target share of the validation images. The test images are looked at once, when all
members are trained.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from digits import TRAIN, Committee, Digits, Network, load, moved
from result_log import ResultLog, progress

RATE, DECAY, MOMENTUM, BATCH = 0.1, 0.98, 0.9, 32
"""Step size in the first epoch, its factor in each later one, momentum, images in a batch:
chosen on the validation."""
EVALUATE_EACH = 4
"""Epochs between two evaluations."""
LONGEST = 200
"""Epochs after which a member that misses its target ends the run."""


def train_member(
    digits: Digits,
    network: Network,
    rng: np.random.Generator,
    target: float,
    log: ResultLog,
    number: int,
) -> tuple[int, bool]:
    """Train one network; return its epochs, and whether it reached the target."""
    reached, epoch = False, 0
    log.begin("block_start", first_epoch_num=1, member=number)
    while not reached and epoch < LONGEST:
        order = rng.permutation(TRAIN)
        for first in range(0, TRAIN, BATCH):
            chosen = order[first : first + BATCH]
            images = moved(digits.train.images[chosen], rng)
            network.step(images, digits.train.labels[chosen], RATE * DECAY**epoch, MOMENTUM)
        epoch += 1
        if epoch % EVALUATE_EACH == 0:
            accuracy = Committee([network]).accuracy(digits.validation)
            reached = accuracy >= target
            log.line("eval_accuracy", accuracy, epoch_num=epoch, member=number)
    log.end("block_stop", first_epoch_num=1, member=number, epoch_count=epoch)
    return epoch, reached


def warm_up(digits: Digits) -> None:
    """A few steps of a network that is thrown away: libraries load and clocks rise outside the
    timed part."""
    rng = np.random.default_rng(0)
    network = Network(rng)
    for _ in range(30):
        network.step(
            moved(digits.train.images[:BATCH], rng), digits.train.labels[:BATCH], 0.0, MOMENTUM
        )


def run(
    arguments: argparse.Namespace,
    log: ResultLog,
    benchmark: str = "digits-training",
    make: Callable[[np.random.Generator], Network] = Network,
) -> None:
    """Train the whole committee, and test it once.

    Args:
        arguments: The command line.
        log: Takes what happens.
        benchmark: Name of the workload.
        make: Makes a network with random weights.
    """
    log.begin("init_start")
    digits = load(arguments.data_sha256)
    log.header(
        benchmark,
        seed=arguments.seed,
        global_batch_size=BATCH,
        train_samples=len(digits.train.labels),
        eval_samples=len(digits.validation.labels),
        opt_base_learning_rate=RATE,
        data_sha256=digits.sha256,
    )
    warm_up(digits)
    log.end("init_stop")

    rng = np.random.default_rng(arguments.seed)
    members: list[Network] = []
    epochs, reached, start_cpu_s = 0, True, time.process_time()
    log.begin("run_start")
    for number in range(arguments.members):
        network = make(rng)
        took, reached = train_member(digits, network, rng, arguments.target, log, number)
        members.append(network)
        progress(len(members), arguments.members)
        epochs += took
        if not reached:
            break
    log.end("run_stop", status="success" if reached else "aborted")
    log.line("cpu_s_to_target", time.process_time() - start_cpu_s)

    committee = Committee(members)
    log.line("epochs_to_target", epochs)
    log.line("samples_to_target", epochs * TRAIN)
    log.line("test_accuracy", committee.accuracy(digits.test), samples=len(digits.test.labels))
    log.line("weights_sha256", committee.digest())
    if arguments.checkpoint:
        log.line("checkpoint_sha256", committee.save(Path(arguments.checkpoint)))


def main(
    description: str | None = __doc__,
    benchmark: str = "digits-training",
    make: Callable[[np.random.Generator], Network] = Network,
) -> int:
    """Read the arguments and run; status 0 also where the target was not reached: the log says
    so."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, required=True, help="of initial weights, order and noise"
    )
    parser.add_argument("--result", required=True, help="file to log to")
    parser.add_argument("--members", type=int, default=40, help="networks in the committee")
    parser.add_argument(
        "--target",
        type=float,
        default=0.98,
        help="share of the validation images a member must read",
    )
    parser.add_argument("--checkpoint", help="file to write the weights to (.npz)")
    parser.add_argument("--data-sha256", help="what the data must hash to")
    arguments = parser.parse_args()
    with open(arguments.result, "w", encoding="utf-8", newline="\n") as file:
        run(arguments, ResultLog(file), benchmark, make)
    return 0


if __name__ == "__main__":
    sys.exit(main())
