"""A small convolutional network in PyTorch, trained by one process or by several."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import torch
from digits import SIDE, Floats, ImageSet, Ints
from torch import distributed, nn
from torch.nn.functional import cross_entropy
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

RATE, DECAY, WEIGHT_DECAY, DROPOUT, SMOOTHING, AVERAGED, CHANNELS = (
    2e-3,
    0.95,
    0.01,
    0.25,
    0.1,
    0.98,
    32,
)
"""AdamW's step size in the first epoch, its factor in each later one, its decay; dropout;
smoothing of labels; weight of the past in the running mean of weights; width. All were chosen on
the validation images."""


@dataclass(frozen=True)
class Place:
    """Where this process works. rank: its number of `of`; device: what it computes on"""

    rank: int
    of: int
    device: torch.device

    def share(self, images: Floats, labels: Ints) -> tuple[torch.Tensor, torch.Tensor]:
        """This rank's part of a batch."""
        mine = [
            torch.from_numpy(part[self.rank :: self.of].copy()).to(self.device)
            for part in (images, labels)
        ]
        return mine[0], mine[1]


def join(device: str) -> Place:
    """The place that the environment gives, in torchrun's variables; several ranks form a group."""
    rank, of, local = (
        int(os.environ.get(k, d)) for k, d in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
    )
    if device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(
            "device=cuda, but PyTorch finds no CUDA device here: set device=cpu, or mend the driver"
        )
    if of > 1:
        distributed.init_process_group("nccl" if device == "cuda" else "gloo")
    return Place(rank, of, torch.device(f"cuda:{local}" if device == "cuda" else "cpu"))


def layers() -> nn.Sequential:
    """Four convolutions and two layers above them, rectified, with He's initial weights."""
    width, deep = CHANNELS, 2 * CHANNELS
    found = nn.Sequential(
        nn.Unflatten(1, (1, SIDE, SIDE)),
        *_block(1, width),
        *_block(width, deep),
        nn.Flatten(),
        nn.Linear(deep * (SIDE // 4) ** 2, 128),
        nn.ReLU(),
        nn.Dropout(DROPOUT),
        nn.Linear(128, 10),
    )
    for layer in found:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return found


def _block(given: int, width: int) -> tuple[nn.Module, ...]:
    """Two convolutions, normed in groups, and half the side."""
    first, second = nn.Conv2d(given, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
    norms = nn.GroupNorm(4, width), nn.GroupNorm(4, width)
    return first, norms[0], nn.ReLU(), second, norms[1], nn.ReLU(), nn.MaxPool2d(2)


class Network:
    """One network in training, and the running mean of its weights, which is what reads images in
    the end.

    Each rank has the same weights, and all add up their gradients in each step.
    """

    def __init__(self, place: Place) -> None:
        self.place, self.layers = place, layers().to(place.device)
        self.shared = DistributedDataParallel(self.layers) if place.of > 1 else self.layers
        self.mean = AveragedModel(self.layers, multi_avg_fn=get_ema_multi_avg_fn(AVERAGED)).eval()
        self.optimiser = torch.optim.AdamW(
            self.layers.parameters(), lr=RATE, weight_decay=WEIGHT_DECAY
        )
        self.schedule = torch.optim.lr_scheduler.ExponentialLR(self.optimiser, DECAY)

    def step(self, images: Floats, labels: Ints) -> None:
        """One step down the gradient of the mean cross entropy of a whole batch, of which each
        rank does a part."""
        mine, digits = self.place.share(images, labels)
        self.optimiser.zero_grad()
        loss = cross_entropy(self.shared(mine), digits, reduction="sum", label_smoothing=SMOOTHING)
        (loss * (self.place.of / len(labels))).backward()  # the mean over ranks is taken here
        self.optimiser.step()
        self.mean.update_parameters(self.layers)

    def end_epoch(self) -> None:
        """Shorten the steps."""
        self.schedule.step()

    @torch.no_grad()
    def shares(self, images: torch.Tensor) -> torch.Tensor:
        """Probabilities of the ten digits, shape (n, 10)."""
        found: torch.Tensor = self.mean(images).softmax(1)
        return found


class Committee:
    """Networks that vote with the mean of their shares."""

    def __init__(self, members: list[Network]) -> None:
        self.members = members

    def accuracy(self, part: ImageSet) -> float:
        """Share of the images of a part that it reads rightly; each rank looks at some of them."""
        place = self.members[0].place
        images, labels = place.share(part.images, part.labels)
        right = (sum(member.shares(images) for member in self.members).argmax(1) == labels).sum()
        if place.of > 1:
            distributed.all_reduce(right)
        return int(right) / len(part.labels)

    def digest(self) -> str:
        """SHA-256 of all weights and biases."""
        parts = [
            p.detach().cpu().numpy().tobytes()
            for m in self.members
            for p in m.mean.module.parameters()
        ]
        return hashlib.sha256(b"".join(parts)).hexdigest()
