"""Parts of layers that both networks share."""

from __future__ import annotations

import numpy as np
from prediction import SYMBOLS, Bytes, Floats
from scipy.sparse import csr_matrix


def normal(rng: np.random.Generator, shape: tuple[int, ...], scale: float) -> Floats:
    """Return normal random numbers."""
    values = rng.standard_normal(shape, np.float32)
    values *= scale
    return values


def summed_by_symbol(contexts: Bytes, values: Floats) -> Floats:
    """Return the sum of the values of each symbol, shape (256, columns).

    Args:
        contexts: Symbols, of any shape, n in all.
        values: What is summed, shape (n, columns).
    """
    symbols = contexts.reshape(-1).astype(np.int32)
    ones = np.ones(len(symbols), np.float32)
    selection = csr_matrix(
        (ones, (symbols, np.arange(len(symbols)))), shape=(SYMBOLS, len(symbols))
    )
    return np.asarray(selection @ values, np.float32)
