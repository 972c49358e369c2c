"""Train a committee of convolutional networks on the digits to a quality target, in PyTorch.

    python train.py --seed 1 --result result.txt

The timed part (run_start to run_stop) trains the members one after the other, each until it
reads the target share of the validation images. The test images are looked at once, when all
members are trained. Under torchrun (or whatever sets RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR
and MASTER_PORT) the ranks share each batch, and rank 0 logs.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.append(
    str(Path(__file__).resolve().parents[1] / "digits-training")
)  # its data, and its log

from bending import bent
from digits import TRAIN, Digits, load
from network import RATE, Committee, Network, Place, join
from result_log import ResultLog, progress

BATCH = 32
"""Images in a batch, of all ranks together: chosen on the validation."""
LONGEST = 100
"""Epochs after which a member that has not reached its target ends the run."""


def epoch(network: Network, digits: Digits, rng: np.random.Generator) -> None:
    """Once through the images that are learnt from. Order and noise are the same on all ranks."""
    order = rng.permutation(TRAIN)
    for first in range(0, TRAIN, BATCH):
        chosen = order[first : first + BATCH]
        network.step(bent(digits.train.images[chosen], rng), digits.train.labels[chosen])
    network.end_epoch()


def train_member(
    digits: Digits,
    place: Place,
    rng: np.random.Generator,
    target: float,
    log: ResultLog,
    number: int,
) -> tuple[Network, int, bool]:
    """One network, the epochs it took, and whether it reached the target."""
    network, reached, took = Network(place), False, 0
    log.begin("block_start", first_epoch_num=1, member=number)
    while not reached and took < LONGEST:
        epoch(network, digits, rng)
        took += 1
        accuracy = Committee([network]).accuracy(digits.validation)
        reached = accuracy >= target
        log.line("eval_accuracy", accuracy, epoch_num=took, member=number)
    log.end("block_stop", first_epoch_num=1, member=number, epoch_count=took)
    return network, took, reached


def warm_up(digits: Digits, place: Place) -> None:
    """An epoch of a network that is thrown away: libraries load, ranks meet and clocks rise
    outside the timed part."""
    network = Network(place)
    epoch(network, digits, np.random.default_rng(0))
    Committee([network]).accuracy(digits.validation)


def run(asked: argparse.Namespace, log: ResultLog, place: Place) -> None:
    """The whole run."""
    log.begin("init_start")
    digits = load(asked.data_sha256)
    log.header(
        "digits-training-torch",
        seed=asked.seed,
        global_batch_size=BATCH,
        train_samples=len(digits.train.labels),
        eval_samples=len(digits.validation.labels),
        opt_base_learning_rate=RATE,
        data_sha256=digits.sha256,
        number_of_ranks=place.of,
        device=place.device.type,
        threads=torch.get_num_threads(),
    )
    warm_up(digits, place)
    log.end("init_stop")

    rng = np.random.default_rng(asked.seed)
    torch.manual_seed(
        asked.seed + 1_000_003 * place.rank
    )  # dropout differs between ranks, first weights are rank 0's
    members, epochs, reached = [], 0, True
    log.begin("run_start")
    for number in range(asked.members):
        network, took, reached = train_member(digits, place, rng, asked.target, log, number)
        members.append(network)
        progress(len(members), asked.members)
        epochs += took
        if not reached:
            break
    log.end("run_stop", status="success" if reached else "aborted")

    committee = Committee(members)
    log.line("epochs_to_target", epochs)
    log.line("samples_to_target", epochs * TRAIN)
    log.line("test_accuracy", committee.accuracy(digits.test), samples=len(digits.test.labels))
    log.line("weights_sha256", committee.digest())


def main() -> int:
    """Read the arguments and run; status 0 also where the target was not reached: the log says
    so."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seed", type=int, required=True, help="of initial weights, order, noise and dropout"
    )
    parser.add_argument("--result", required=True, help="file to log to")
    parser.add_argument("--members", type=int, default=6, help="networks in the committee")
    parser.add_argument(
        "--target",
        type=float,
        default=0.99,
        help="share of the validation images a member must read",
    )
    parser.add_argument(
        "--device", choices=["cpu", "cuda"], default="cpu", help="what to compute on"
    )
    parser.add_argument("--threads", type=int, default=1, help="of each rank on the processor")
    parser.add_argument("--data-sha256", help="what the data must hash to")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    place = join(asked.device)
    with contextlib.ExitStack() as stack:
        first = place.rank == 0
        file = (
            stack.enter_context(open(asked.result, "w", encoding="utf-8", newline="\n"))
            if first
            else None
        )
        run(asked, ResultLog(file), place)
    if place.of > 1:
        torch.distributed.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
