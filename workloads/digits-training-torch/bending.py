"""Distort images as other hands would write: turn, slant, stretch, move, and add some noise."""

from __future__ import annotations

import numpy as np
import torch
from digits import SIDE, Floats
from torch.nn.functional import affine_grid, grid_sample

TURN, STRETCH, MOVE, NOISE = 0.12, 0.12, 0.5, 0.1
"""Standard deviation of turn and slant [rad]; limits of stretching (relative) and of moving
[pixels]; standard deviation of the noise (white is 1). They were chosen on the validation
images."""


def bent(images: Floats, rng: np.random.Generator) -> Floats:
    """Each image changed by chance, shape (n, 64)."""
    count = len(images)
    turn, slant = rng.normal(0, TURN, (2, count))
    wide, high = 1 + rng.uniform(-STRETCH, STRETCH, (2, count))
    right, down = rng.uniform(-MOVE, MOVE, (2, count)) * 2 / SIDE  # the image goes from -1 to 1
    rows = [
        [np.cos(turn) * wide, slant - np.sin(turn) * wide, right],
        [np.sin(turn) * high, np.cos(turn) * high, down],
    ]
    where = torch.from_numpy(np.moveaxis(np.array(rows, np.float32), 2, 0).copy())
    square = torch.from_numpy(images.reshape(count, 1, SIDE, SIDE))
    grid = affine_grid(where, list(square.shape), align_corners=False)
    found = grid_sample(square, grid, align_corners=False).reshape(count, -1).numpy()
    noise: Floats = rng.normal(0, NOISE, found.shape).astype(np.float32)
    return found + noise
