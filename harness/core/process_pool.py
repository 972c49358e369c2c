"""The same function over many items, in this process or in several; order and results are the same.

New processes are spawned, not forked: a fork of a process with threads can hang. They stay: each imports for half a
second.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from harness.core.errors import JoulemarkError

T = TypeVar("T")
R = TypeVar("R")

TURN_S = 0.05
"""How long a process works before it answers [s]: it is woken by each message, which costs as much as a small item."""
MOST = 32
"""Items of one turn at most."""
DIED = "its process ended before it did: killed, by the system where memory ran out, or crashed"
"""What is said of an item that took its process with it."""

_lock = threading.Lock()
_workers: dict[int, _Worker] = {}


def spread(
    function: Callable[[T], R], items: Iterable[T], jobs: int = 1, *, lost: Callable[[T], R]
) -> Iterator[R]:
    """What `function` gives for each item, in the order of the items. With several jobs all must be picklable.

    lost: what stands for an item whose process ended; the others are not touched by that
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
    """For each item, in order, the number of the process that did it, and what came of it.

    homes: those numbers for each item, where it is to be done by the process that did something before; without them
    each process takes the next item when it is free
    Raises what `function` raises, and JoulemarkError where no process starts.
    """
    with _lock:
        sharing = _Sharing(function, lost, jobs, items if homes is None else ())
        if homes is not None:
            for index, (item, home) in enumerate(zip(items, homes, strict=True)):
                sharing.queues[home].append((index, item))
        return sharing.results()


class _Sharing(Generic[T, R]):
    """Items that are for any process, and a queue of those that are for one; a turn is what one gets at once."""

    def __init__(
        self, function: Callable[[T], R], lost: Callable[[T], R], jobs: int, items: Iterable[T]
    ) -> None:
        self._function, self._lost, self._items = function, lost, enumerate(items)
        self.queues: list[deque[tuple[int, T]]] = [deque() for _ in range(jobs)]
        self._turns = [1] * jobs
        self._busy: dict[Connection, tuple[int, list[tuple[int, T]], float]] = {}
        self._found: dict[int, tuple[int, R]] = {}

    def results(self) -> list[tuple[int, R]]:
        """For each item, in order, the process that did it and what came of it."""
        try:
            for home in range(len(self.queues)):
                self._give(home)
            while self._busy:
                for pipe in wait(list(self._busy)):
                    self._take(pipe)  # type: ignore[arg-type]
        finally:
            for (
                home,
                *_,
            ) in (
                self._busy.values()
            ):  # an answer that nobody takes would be that to the next question
                _workers[home].end()
        return [self._found[index] for index in range(len(self._found))]

    def _give(self, home: int) -> None:
        """Give a process its next turn, where anything is left for it."""
        turn = list(islice(self._rest(home), self._turns[home]))
        if not turn:
            return
        if home in _workers and _workers[home].alive:
            _workers[home].ask(self._function, [item for _, item in turn])
        else:  # there is none yet, or no more: its first answer, to no item, says that it runs
            _workers[home] = _Worker()
            self.queues[home].extendleft(reversed(turn))
            turn = []
        self._busy[_workers[home].pipe] = home, turn, time.monotonic()

    def _rest(self, home: int) -> Iterator[tuple[int, T]]:
        while self.queues[home]:
            yield self.queues[home].popleft()
        yield from self._items

    def _take(self, pipe: Connection) -> None:
        home, turn, since = self._busy.pop(pipe)
        answer = _workers[home].answer()
        if answer is None and not turn:
            raise JoulemarkError(
                "no further process starts",
                fix='Use one job; or, in a script of your own, call it below `if __name__ == "__main__":`.',
            )
        if answer is None:
            self._turns[home] = 1
            if len(turn) > 1:  # one of them was its end; one by one they tell which
                self.queues[home].extendleft(reversed(turn))
                turn = []
        else:
            as_many = int(len(turn) * TURN_S / max(time.monotonic() - since, 1e-6))
            self._turns[home] = max(1, min(as_many, 2 * len(turn), MOST))
        self._give(home)  # before anything else: it waits for work
        if isinstance(answer, Exception):
            raise answer
        results = [self._lost(item) for _, item in turn] if answer is None else answer
        self._found |= {
            index: (home, result) for (index, _), result in zip(turn, results, strict=True)
        }


class _Worker:
    """A process that answers one question after the other."""

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
        with contextlib.suppress(
            BrokenPipeError, ConnectionResetError
        ):  # it ends: there is no answer
            self.pipe.send((function, items))

    def answer(self) -> list[Any] | Exception | None:
        """What the function returned for each item, or what it raised; None where the process ended."""
        try:
            return self.pipe.recv()  # type: ignore[no-any-return]
        except (EOFError, ConnectionResetError):
            self.end()
            return None

    def end(self) -> None:
        self._process.kill()
        self._process.join()


def _serve(pipe: Connection) -> None:
    """The life of a worker: the first answer says that it runs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the parent's; its end is ours
    answer: list[Any] | Exception = []
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            pipe.send(answer)
            function, items = pipe.recv()
            try:
                answer = [function(item) for item in items]
            except Exception as error:  # noqa: BLE001 - it is raised where it was asked
                answer = error
