"""Train the networks of `digits-training` with half of the hidden units off for each image.

    python train_blocks.py --seed 1 --result result.txt

The hidden units of a layer are eight blocks of 32. For each image only the four blocks with the
largest sums stay active, so at least half of the units are 0. Nothing is looked up, and the
matrices are as large as before. This was the first control of the experiment with conditional
memory; it needs more epochs than the full network, so `digits-memory` took its place.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[1] / "digits-training"))

from digits import Floats, Network
from train import main

BLOCKS, ACTIVE = 8, 4
"""Blocks of hidden units in a layer, and how many of them are active for an image."""


class BlockNetwork(Network):
    """A perceptron of which each image uses four of eight blocks in both hidden layers."""

    def layers(self, images: Floats) -> list[Floats]:
        """Activations of all layers; units of the other blocks are 0, and learn nothing."""
        values = [images]
        for weight, bias in zip(self.weights, self.biases, strict=True):
            values.append(values[-1] @ weight + bias)
            if weight is not self.weights[-1]:
                np.maximum(values[-1], 0, out=values[-1])
                keep_strongest_blocks(values[-1])
        return values


def keep_strongest_blocks(units: Floats) -> None:
    """Set the units of all but the strongest blocks of each row to 0, in place."""
    blocks = units.reshape(len(units), BLOCKS, -1)
    strengths = blocks.sum(axis=2)
    weakest = np.argpartition(strengths, BLOCKS - ACTIVE, axis=1)[:, : BLOCKS - ACTIVE]
    blocks[np.arange(len(units))[:, None], weakest] = 0


if __name__ == "__main__":
    sys.exit(main(__doc__, "digits-sparse", BlockNetwork))
