"""Adam with a warm-up and a decay along a cosine, for the networks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from prediction import Floats

MEAN_DECAY, SQUARE_DECAY, SMALL = 0.9, 0.99, 1e-8
WARM_UP_STEPS = 50
LEAST_SHARE = 0.02
"""Share of the largest step size that is left when the planned training is over."""


class Adam:
    """Kingma and Ba's method, with the memory of its state allocated once.

    Args:
        parameters: Arrays that are changed in place.
        rate: Largest step size.
    """

    def __init__(self, parameters: Sequence[Floats], rate: float) -> None:
        self.parameters, self.rate, self.steps = parameters, rate, 0
        self._means = [np.zeros_like(values) for values in parameters]
        self._squares = [np.zeros_like(values) for values in parameters]

    def step(self, gradients: Sequence[Floats], progress: float) -> None:
        """Move the parameters against their gradients, which are used up.

        Args:
            gradients: One for each parameter.
            progress: Share of the planned training that is done.
        """
        self.steps += 1
        rate = self.rate * decayed(progress) * min(1.0, self.steps / WARM_UP_STEPS)
        square_root = math.sqrt(1 - SQUARE_DECAY**self.steps)
        scale = np.float32(rate * square_root / (1 - MEAN_DECAY**self.steps))
        small = np.float32(SMALL * square_root)
        for values, gradient, mean, square in zip(
            self.parameters, gradients, self._means, self._squares, strict=True
        ):
            mean *= MEAN_DECAY
            mean += (1 - MEAN_DECAY) * gradient
            np.multiply(gradient, gradient, out=gradient)
            gradient *= 1 - SQUARE_DECAY
            square *= SQUARE_DECAY
            square += gradient
            np.sqrt(square, out=gradient)
            gradient += small
            np.divide(mean, gradient, out=gradient)
            gradient *= scale
            values -= gradient


def decayed(progress: float) -> float:
    """Return the share of the largest step size at some progress."""
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return LEAST_SHARE + (1 - LEAST_SHARE) * cosine
