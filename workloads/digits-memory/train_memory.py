"""Train the networks of `digits-training` with a memory beside each, in which nothing recurs.

    python train_memory.py --seed 1 --result result.txt

The memory is a hashed table of scores like those of `bytes-sparse`: the pattern of dark pixels of
an image chooses one row, the row is added to the scores of the network, and learning changes the
rows that were read. Of the images that judge a network one in 25 has a pattern that has come up in
training. So there are many parameters, of which each image reads few, but next to nothing to look
up: this is the negative control of the experiment with conditional memory.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.append(str(Path(__file__).resolve().parents[1] / "digits-training"))

from digits import Floats, Ints, Network
from train import main

BITS = 15
"""Binary logarithm of the rows of a memory."""
RATE, SMALL = np.float32(1.0), np.float32(1e-3)
"""Step size of Adagrad, as `bytes-sparse` has it, and what is added to the squares of a row."""
DIGITS = 10
DARK = 0.5
"""Shade from which on a pixel is dark."""
MIX, SHIFT = np.uint64(0xBF58476D1CE4E5B9), np.uint64(29)

Rows = NDArray[np.int64]


class MemoryNetwork(Network):
    """A perceptron, and a table whose rows add to its scores."""

    def __init__(self, rng: np.random.Generator) -> None:
        super().__init__(rng)
        self.table = np.zeros((1 << BITS, DIGITS), np.float32)
        self.squares = np.zeros(1 << BITS, np.float32)
        self._read = np.zeros(0, np.int64)

    def layers(self, images: Floats) -> list[Floats]:
        """Activations of all layers; the last are the sums of both scores, shape (n, 10)."""
        values = super().layers(images)
        self._read = rows(images)
        values[-1] += self.table[self._read]
        return values

    def step(self, images: Floats, labels: Ints, rate: float, momentum: float) -> Floats:
        """Learn from a batch: the network, and the rows that it reads."""
        by_logits = super().step(images, labels, rate, momentum)
        gradient = by_logits * len(labels)
        np.add.at(self.squares, self._read, np.einsum("ij,ij->i", gradient, gradient))
        step_sizes = RATE / np.sqrt(self.squares[self._read] + SMALL)
        np.subtract.at(self.table, self._read, gradient * step_sizes[:, None])
        return by_logits


def rows(images: Floats) -> Rows:
    """Return the row of each image: a hash of its pattern of dark pixels, shape (n,)."""
    patterns = np.packbits(images > DARK, axis=1).view(np.uint64)[:, 0]
    mixed = (patterns ^ (patterns >> SHIFT)) * MIX
    return (mixed >> np.uint64(64 - BITS)).astype(np.int64)


if __name__ == "__main__":
    sys.exit(main(__doc__, "digits-memory", MemoryNetwork))
