"""What all models of the task share: contexts, the loss, and the evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

SYMBOLS = 256
MAX_CONTEXT = 16
"""Bytes before a position that a model may look at."""
EVALUATED = 16_384
"""Bytes of the held-out part that are predicted in an evaluation."""
POSITIONS_SEED = 20_261_130
"""Of these bytes' places: the same in every evaluation of every model."""
EVALUATION_BATCH = 2048


@dataclass(frozen=True)
class Costs:
    """What a model is made of, and what one byte costs it.

    Attributes:
        parameters: Numbers that are learnt.
        state_bytes: Memory of parameters and of the optimiser's state, as allocated [B].
        rows_touched: Rows of tables, or columns of matrices, that predicting one byte reads.
        parameters_touched: Parameters that predicting one byte reads.
        flops_inference: Additions and multiplications of one prediction, softmax aside.
        flops_training: The same of one byte that is learnt.
    """

    parameters: int
    state_bytes: int
    rows_touched: int
    parameters_touched: int
    flops_inference: int
    flops_training: int


class Model(Protocol):
    """A predictor of the next byte."""

    context: int
    """Bytes that it looks at."""
    costs: Costs

    def logits(self, contexts: Bytes) -> Floats:
        """Return the scores of the next byte, shape (n, 256), in an array of the caller's."""
        ...

    def step(self, contexts: Bytes, targets: Bytes, progress: float) -> None:
        """Learn from a batch.

        Args:
            contexts: Bytes before each target, the nearest first, shape (n, context).
            targets: The bytes that follow, shape (n,).
            progress: Share of the planned training that is done.
        """
        ...


def contexts_at(data: Bytes, positions: Ints, length: int) -> Bytes:
    """Return the bytes before some positions, the nearest first, shape (n, length)."""
    return data[positions[:, None] - np.arange(1, length + 1)]


def normalise(logits: Floats) -> Floats:
    """Turn scores into probabilities, in place."""
    logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    return logits


def loss_gradient(logits: Floats, targets: Bytes) -> Floats:
    """Return the gradient of the summed cross entropy by the scores, in place [nat]."""
    gradient = normalise(logits)
    gradient[np.arange(len(targets)), targets] -= 1
    return gradient


def evaluated_positions(data: Bytes, count: int = EVALUATED) -> Ints:
    """Return the places of the bytes that are predicted: the same for all models."""
    rng = np.random.default_rng(POSITIONS_SEED)
    places = np.arange(MAX_CONTEXT, len(data))
    return np.sort(rng.choice(places, min(count, len(places)), replace=False))


def bits_per_byte(model: Model, data: Bytes, positions: Ints) -> float:
    """Return the mean code length of the bytes at some positions [bit/byte]."""
    total = 0.0
    for first in range(0, len(positions), EVALUATION_BATCH):
        batch = positions[first : first + EVALUATION_BATCH]
        probabilities = normalise(model.logits(contexts_at(data, batch, model.context)))
        chosen = probabilities[np.arange(len(batch)), data[batch]]
        total -= float(np.log2(np.maximum(chosen, 1e-30)).sum(dtype=np.float64))
    return total / len(positions)
