"""Loads that work and rest on command: the processors of this machine, and its graphics boards.

Each runs in processes of its own. A graphics board is loaded by products of matrices through
PyTorch, which is imported only there; no product is begun that takes longer than a pulse's edge.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from multiprocessing.synchronize import Event
from typing import Any

from harness.core.errors import UsageError

POLL_S = 0.05
LOADS = ("cpu", "gpu", "both")
MATRIX = 4096
"""Rows of the matrices: one product takes about a millisecond on a board of today."""
PRODUCTS = 4
"""Products between two looks at the command."""
MAX_BOARDS = 64
Worker = tuple[Callable[..., None], tuple[Any, ...]]
"""A function that works while it is commanded to, and its arguments before the two events."""


def workers(load: str) -> list[Worker]:
    """Return what a load runs: one function for each processor, and one for each board.

    Args:
        load: `cpu`, `gpu` or `both`.

    Raises:
        UsageError: There is no such load, or no board that PyTorch can use.
    """
    if load not in LOADS:
        raise UsageError("no such load", where="--load", got=load, expected=" or ".join(LOADS))
    processors: list[Worker] = [(work_on_processor, ())] * processor_count()
    if load == "cpu":
        return processors
    boards: list[Worker] = [(work_on_board, (number,)) for number in range(board_count())]
    return boards if load == "gpu" else processors + boards


def processor_count() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(len(os.sched_getaffinity(0)), 1)
    return os.cpu_count() or 1


def board_count() -> int:
    """Return how many graphics boards PyTorch can use.

    Raises:
        UsageError: PyTorch is not installed, or finds none.
    """
    torch = _torch()
    count = int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
    if count < 1:
        raise UsageError(
            "PyTorch finds no graphics board",
            where="--load",
            fix="Install a PyTorch for your boards, or take --load cpu.",
        )
    return min(count, MAX_BOARDS)


def work_on_processor(work: Event, end: Event) -> None:
    """Compute while commanded to, in a process of its own."""
    while not end.is_set():
        if not work.wait(POLL_S):
            continue
        value = 1.0
        for _ in range(20_000):
            value = value * 1.000001 + 1e-9


def work_on_board(number: int, work: Event, end: Event) -> None:
    """Multiply matrices on one board while commanded to, in a process of its own."""
    torch = _torch()
    device = torch.device("cuda", number)
    factor = torch.ones((MATRIX, MATRIX), dtype=torch.float16, device=device)
    while not end.is_set():
        if not work.wait(POLL_S):
            continue
        for _ in range(PRODUCTS):
            torch.matmul(factor, factor)
        torch.cuda.synchronize(device)  # else products would queue beyond the pulse


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise UsageError(
            "a load for graphics boards needs PyTorch",
            where="--load",
            fix="pip install torch, or take --load cpu.",
        ) from None
