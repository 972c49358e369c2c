"""Conditional memory: tables of scores, of which each byte reads a few rows.

The last 0, 1, 2 ... bytes are hashed to a row each of a table each. The rows hold a score for
every next byte, and their sum predicts. Learning changes only the rows that were read; their step
sizes follow Adagrad, with one number a row. Rows that no byte has reached cost nothing, and their
memory is not touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prediction import SYMBOLS, Bytes, Costs, Floats, loss_gradient

MIX, AVALANCHE, ROW_BITS_MAX = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 16
SMALL = 1e-3
"""Added to the squares of a row, so that its first step is finite."""
Rows = NDArray[np.uint16]


class Sparse:
    """Hashed tables of scores.

    Args:
        orders: Tables; that of order k looks at the last k bytes, the first at none.
        bits: Binary logarithm of the rows of a table.
        rate: Step size of Adagrad.
    """

    def __init__(self, *, orders: int, bits: int, rate: float) -> None:
        self.orders, self.bits, self.rate = orders, bits, rate
        self.context = max(orders - 1, 1)
        # calloc: the system gives the memory of a row when it is first written
        self.tables = np.zeros((orders, 1 << bits, SYMBOLS), np.float32)
        self.squares = np.zeros((orders, 1 << bits), np.float32)

    @property
    def costs(self) -> Costs:
        """What the tables are made of; each byte reads one row of each."""
        touched = self.orders * SYMBOLS
        return Costs(
            parameters=self.tables.size,
            state_bytes=self.tables.nbytes + self.squares.nbytes,
            rows_touched=self.orders,
            parameters_touched=touched,
            flops_inference=touched,
            flops_training=5 * touched,
        )

    def rows(self, contexts: Bytes) -> list[Rows]:
        """Return the row of each table for each context, shape (n,) each."""
        hashed = np.zeros(len(contexts), np.uint64)
        rows = []
        for order in range(self.orders):
            if order:
                hashed = hashed * np.uint64(MIX) + contexts[:, order - 1] + np.uint64(1)
            mixed = (hashed ^ (hashed >> np.uint64(29))) * np.uint64(AVALANCHE)
            rows.append((mixed >> np.uint64(64 - self.bits)).astype(np.uint16))
        return rows

    def logits(self, contexts: Bytes) -> Floats:
        """Return the scores of the next byte, shape (n, 256)."""
        return self._sum(self.rows(contexts))

    def _sum(self, rows: list[Rows]) -> Floats:
        scores: Floats = self.tables[0][rows[0]]
        for table, rows_of_table in zip(self.tables[1:], rows[1:], strict=True):
            scores += table[rows_of_table]
        return scores

    def step(self, contexts: Bytes, targets: Bytes, progress: float) -> None:  # noqa: ARG002
        """Learn from a batch; Adagrad needs no plan of the training."""
        rows = self.rows(contexts)
        gradient = loss_gradient(self._sum(rows), targets)
        squares = np.einsum("ij,ij->i", gradient, gradient)
        for table, table_squares, rows_of_table in zip(
            self.tables, self.squares, rows, strict=True
        ):
            self._update(table, table_squares, rows_of_table, gradient, squares)

    def _update(
        self, table: Floats, table_squares: Floats, rows: Rows, gradient: Floats, squares: Floats
    ) -> None:
        """Move the rows that a batch read; a row that it read several times moves by the sum."""
        order = np.argsort(rows, kind="stable")
        in_order = rows[order]
        starts = np.flatnonzero(np.concatenate(([True], in_order[1:] != in_order[:-1])))
        unique = in_order[starts]
        table_squares[unique] += np.add.reduceat(squares[order], starts)
        step_sizes = self.rate / np.sqrt(table_squares[unique] + np.float32(SMALL))
        summed = np.add.reduceat(gradient[order], starts, axis=0)
        summed *= step_sizes[:, None]
        table[unique] -= summed


def make(rng: np.random.Generator, settings: Mapping[str, Any]) -> Sparse:  # noqa: ARG001
    """Return tables with some settings; they begin at 0, whatever the seed."""
    orders, bits = int(settings["orders"]), int(settings["bits"])
    if not 1 <= bits <= ROW_BITS_MAX:
        raise SystemExit(f"bits is {bits}, expected 1 to {ROW_BITS_MAX}")
    return Sparse(orders=orders, bits=bits, rate=float(settings["rate"]))
