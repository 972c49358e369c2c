"""The contract of an executor, and the executors of this machine.

An executor applies a function to many items. The function must depend on its item only: then the
results are the same for every executor, in whatever order the items were done and wherever.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TypeVar, cast

from harness.core.process_pool import each

T = TypeVar("T")
R = TypeVar("R")

Home = Hashable
"""The process that did an item."""


class Executor(AbstractContextManager["Executor"], ABC):
    """Applies a function to many items; a context manager, which releases what it holds.

    Example:
        The same, wherever it is done::

            with executor_of(jobs=2) as executor:
                outcomes = executor.share(read, places, lost=not_read)
    """

    @abstractmethod
    def each(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        lost: Callable[[T], R],
        homes: Iterable[Home] | None = None,
    ) -> Iterator[tuple[int, Home, R]]:
        """Yield the number of each item, the process that did it, and the result, as it is done.

        Args:
            function: Must be picklable, unless the executor is of this process.
            items: Must be picklable likewise; they are asked for while others are done.
            lost: Returns what stands for an item that ends each process that tries it.
            homes: The process for each item, to reuse what it holds; another may do it too.
        """

    def share(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        lost: Callable[[T], R],
        homes: Iterable[Home] | None = None,
    ) -> list[tuple[Home, R]]:
        """Return for each item, in order, the process that did it and the result; see `each`."""
        done = {
            number: (home, result)
            for number, home, result in self.each(function, items, lost=lost, homes=homes)
        }
        return [done[number] for number in range(len(done))]

    def check_paths(self, paths: Iterable[str]) -> None:
        """Raise UsageError where a process does not see one of some paths.

        Args:
            paths: Files and folders that items name.
        """

    def __exit__(self, *_: object) -> None:
        """Release what it holds."""


class InProcess(Executor):
    """This process does one item after the other."""

    def each(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        lost: Callable[[T], R],  # noqa: ARG002 - where this process ends, all ends
        homes: Iterable[Home] | None = None,  # noqa: ARG002
    ) -> Iterator[tuple[int, Home, R]]:
        """Yield the results; see `Executor.each`."""
        for number, item in enumerate(items):
            yield number, 0, function(item)


class Processes(Executor):
    """Several processes of this machine, which stay for later calls.

    Args:
        jobs: How many.
    """

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    def each(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        lost: Callable[[T], R],
        homes: Iterable[Home] | None = None,
    ) -> Iterator[tuple[int, Home, R]]:
        """Yield the results; see `Executor.each`."""
        numbers = None if homes is None else cast("Iterable[int]", homes)
        yield from each(function, items, self._jobs, lost=lost, homes=numbers)


def executor_of(jobs: int = 1, scheduler: str | None = None) -> Executor:
    """Return the executor that options name.

    Args:
        jobs: Number of processes of this machine.
        scheduler: Address of a Dask scheduler, such as ``tcp://head:8786``; None for this machine.

    Raises:
        UsageError: The scheduler does not answer, or its workers cannot do this work.
        MissingExtraError: Dask is not installed.
    """
    if scheduler is not None:
        from harness.core.executors.dask_cluster import DaskCluster

        return DaskCluster(scheduler)
    return InProcess() if jobs <= 1 else Processes(jobs)
