"""The same function over many items, in this process or in several; order and results are the same."""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def spread(function: Callable[[T], R], items: Iterable[T], jobs: int = 1) -> Iterator[R]:
    """What `function` gives for each item, in the order of the items. With several jobs both must be picklable.

    New processes are spawned, not forked: a fork of a process with threads can hang.
    """
    todo = list(items)
    if jobs <= 1 or len(todo) < 2:
        yield from map(function, todo)
        return
    yield from _pool(jobs).map(function, todo, chunksize=max(1, len(todo) // (32 * jobs)))


@functools.cache
def _pool(jobs: int) -> ProcessPoolExecutor:
    """One pool for all calls: a new process spends half a second on imports."""
    return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
