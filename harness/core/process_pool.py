"""Apply a function to many items, in this process or in several, with the same ordered results.

Processes are spawned, not forked, as a fork of a process with threads can hang. They are kept for
later calls, as each needs half a second for its imports.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from harness.core.errors import JoulemarkError

T = TypeVar("T")
R = TypeVar("R")

TURN_S = 0.05
"""How long a process works before it answers [s]; a message costs as much as a small item."""
MAX_TURN_ITEMS = 32
"""Items sent to a process at once."""
MAX_ATTEMPTS = 3
"""Processes that may end with an item before it is taken to be the cause."""
DIED = "its process ended early: it crashed, or was killed, as the system does without memory"
"""Reason for an item that took its process with it."""

_lock = threading.Lock()
_workers: dict[int, _Worker] = {}


def spread(
    function: Callable[[T], R], items: Iterable[T], jobs: int = 1, *, lost: Callable[[T], R]
) -> Iterator[R]:
    """Yield what a function returns for each item, in the order of the items.

    Args:
        function: Must be picklable if there are several jobs.
        items: Must be picklable likewise.
        jobs: Number of processes.
        lost: Returns what stands for an item that ends its processes; others are not affected.
    """
    if jobs <= 1:
        return map(function, items)
    return (result for _, result in share(function, items, jobs, lost=lost))


def share(
    function: Callable[[T], R],
    items: Iterable[T],
    jobs: int,
    *,
    lost: Callable[[T], R],
    homes: Iterable[int] | None = None,
) -> list[tuple[int, R]]:
    """Return for each item, in order, the number of its process and the result; see `each`."""
    done = {
        number: (home, result)
        for number, home, result in each(function, items, jobs, lost=lost, homes=homes)
    }
    return [done[number] for number in range(len(done))]


def each(
    function: Callable[[T], R],
    items: Iterable[T],
    jobs: int,
    *,
    lost: Callable[[T], R],
    homes: Iterable[int] | None = None,
) -> Iterator[tuple[int, int, R]]:
    """Yield the number of each item, the number of its process, and the result, as it is done.

    Args:
        function: Must be picklable.
        items: Must be picklable; they are asked for while others are done.
        jobs: Number of processes.
        lost: Returns what stands for an item that ends its processes, `MAX_ATTEMPTS` of them. A
            process that was killed by chance changes nothing.
        homes: The process for each item, to reuse what it holds; None for the next free one.

    Raises:
        JoulemarkError: No process can be started.
    """
    with _lock:
        sharing = _Sharing(function, lost, jobs, items if homes is None else ())
        if homes is not None:
            for index, (item, home) in enumerate(zip(items, homes, strict=True)):
                sharing.queues[home].append((index, item))
        yield from sharing.results()


class _Sharing(Generic[T, R]):
    """One call: items for any process, and a queue for each process; a turn is sent at once."""

    def __init__(
        self, function: Callable[[T], R], lost: Callable[[T], R], jobs: int, items: Iterable[T]
    ) -> None:
        self._function, self._lost, self._items = function, lost, enumerate(items)
        self.queues: list[deque[tuple[int, T]]] = [deque() for _ in range(jobs)]
        self._turns = [1] * jobs
        self._busy: dict[Connection, tuple[int, list[tuple[int, T]], float]] = {}
        self._attempts: Counter[int] = Counter()
        self._failed_starts = 0

    def results(self) -> Iterator[tuple[int, int, R]]:
        """Yield the number of each item, its process and the result, as it is done."""
        try:
            for home in range(len(self.queues)):
                self._give(home)
            while self._busy:
                for pipe in wait(list(self._busy)):
                    yield from self._take(pipe)  # type: ignore[arg-type]
        finally:
            for home, *_ in self._busy.values():  # its late answer would go to the next call
                _workers[home].end()

    def _give(self, home: int) -> None:
        """Give a process its next turn, if anything is left for it."""
        turn = list(islice(self._rest(home), self._turns[home]))
        if not turn:
            return
        if home in _workers and _workers[home].alive:
            _workers[home].ask(self._function, [item for _, item in turn])
        else:  # a new process reports with an empty first answer that it runs
            _workers[home] = _Worker()
            self.queues[home].extendleft(reversed(turn))
            turn = []
        self._busy[_workers[home].pipe] = home, turn, time.monotonic()

    def _rest(self, home: int) -> Iterator[tuple[int, T]]:
        while self.queues[home]:
            yield self.queues[home].popleft()
        yield from self._items

    def _take(self, pipe: Connection) -> Iterator[tuple[int, int, R]]:
        home, turn, since = self._busy.pop(pipe)
        answer = _workers[home].answer()
        self._failed_starts = 0 if answer is not None else self._failed_starts + (not turn)
        if self._failed_starts >= MAX_ATTEMPTS:
            raise JoulemarkError(
                "no further process starts",
                fix="Use one job; or, in a script of your own, call it below"
                ' `if __name__ == "__main__":`.',
            )
        if answer is None:
            self._turns[home] = 1
            if len(turn) == 1:
                self._attempts[turn[0][0]] += 1
            if len(turn) > 1 or self._may_be_tried(turn):
                # One of them may have ended the process: sent one by one, it shows.
                self.queues[home].extendleft(reversed(turn))
                turn = []
        elif turn:
            as_many = int(len(turn) * TURN_S / max(time.monotonic() - since, 1e-6))
            self._turns[home] = max(1, min(as_many, 2 * len(turn), MAX_TURN_ITEMS))
        self._give(home)  # first, as it waits for work
        if isinstance(answer, Exception):
            raise answer
        results = [self._lost(item) for _, item in turn] if answer is None else answer
        for (index, _), result in zip(turn, results, strict=True):
            yield index, home, result

    def _may_be_tried(self, turn: list[tuple[int, T]]) -> bool:
        return any(self._attempts[index] < MAX_ATTEMPTS for index, _ in turn)


class _Worker:
    """A process that does one turn after the other."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def ask(self, function: Callable[[T], R], items: list[T]) -> None:
        # Where the process has ended, `answer` notices.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.pipe.send((function, items))

    def answer(self) -> list[Any] | Exception | None:
        """Return the results or the exception of a turn; None where the process ended."""
        try:
            return self.pipe.recv()  # type: ignore[no-any-return]
        except (EOFError, ConnectionResetError):
            self.end()
            return None

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection) -> None:
    """Serve turns until the pipe closes; the first answer reports that the process runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it, and ends this process
    answer: list[Any] | Exception = []
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            pipe.send(answer)
            function, items = pipe.recv()
            try:
                answer = [function(item) for item in items]
            except Exception as error:  # noqa: BLE001 - raised again in the parent
                answer = error
