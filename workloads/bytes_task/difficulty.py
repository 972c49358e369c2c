"""How much harder the held-out part is than the validation part, for a model of neither kind.

    python difficulty.py

The target is registered in bits per byte of the held-out part, but chosen on the validation part,
which holds other files. Counts of byte pairs and triples, interpolated with fixed weights, predict
both parts; the difference of their code lengths is added to the target. Nothing is tuned here.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from corpus import build, standard_library
from numpy.typing import NDArray
from prediction import SYMBOLS, Bytes

WEIGHTS = (0.01, 0.04, 0.15, 0.8)
"""Of a uniform distribution, of single bytes, of pairs, and of triples."""
PRIOR = 0.5
"""Count that the shares of the next lower order are worth, for each byte seen in a context."""


def code_length(train: Bytes, data: Bytes) -> float:
    """Return the mean code length of some data [bit/byte]."""
    shares: NDArray[np.float64] = np.full(len(data) - 2, WEIGHTS[0] / SYMBOLS)
    for order, weight in enumerate(WEIGHTS[1:]):
        seen, followed = counts(train, order)
        context, joint = keys(data, order)
        shares += weight * followed[joint] / np.maximum(seen[context], PRIOR)
    return float(-np.log2(shares).mean())


def keys(data: Bytes, order: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return numbers of each byte's context of some order, and of the context with the byte."""
    context = np.zeros(len(data) - 2, np.int64)
    for back in range(order, 0, -1):
        context = context * SYMBOLS + data[2 - back : len(data) - back]
    return context, context * SYMBOLS + data[2:]


def counts(train: Bytes, order: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how often each context was seen, and each byte after it."""
    context, joint = keys(train, order)
    return (
        np.bincount(context, minlength=SYMBOLS**order),
        np.bincount(joint, minlength=SYMBOLS ** (order + 1)),
    )


if __name__ == "__main__":
    corpus = build(standard_library())
    train, validation, held_out = (
        np.frombuffer(part, np.uint8) for part in (corpus.train, corpus.validation, corpus.held_out)
    )
    lengths = [code_length(train, part) for part in (validation, held_out)]
    print(f"validation {lengths[0]:.3f}, held out {lengths[1]:.3f} bits/byte")
