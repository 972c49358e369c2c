"""The workers of a Dask cluster do the work.

1. Workers must have the releases of this process, of joulemark and of what computes its digits;
   others are refused.
2. Items travel in batches, which grow until one takes a fraction of a second.
3. Dask gives the batch of a worker that ends to another one. Where each worker that tries a batch
   ends, its items are sent one by one, so that only the one to blame is lost.
"""

from __future__ import annotations

import contextlib
import importlib
import itertools
import math
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TypeVar

from harness.core.errors import JoulemarkError, MissingExtraError, UsageError
from harness.core.executors.base import Executor, Home

T = TypeVar("T")
R = TypeVar("R")

START_SCHEDULER = "Start one with: dask scheduler --port 8786"
CONNECT_TIMEOUT_S = 10
"""How long a scheduler may take to answer, and the first worker to appear [s]."""
BATCH_S = 0.25
"""How long a batch should take [s]: a hundred times what sending it costs."""
MAX_BATCH_ITEMS = 64
BATCHES_IN_FLIGHT = 3
"""Batches of each worker that were sent and are not done: one that runs, and two that wait."""
PACKAGES = ("joulemark", "numpy", "scipy", "distributed")
"""Whose releases must agree: their digits, or what they send, may differ between releases."""


def _versions() -> dict[str, str]:
    """Return the releases of this process."""
    versions = {"python": ".".join(platform.python_version_tuple()[:2])}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "none"
    from harness import __version__

    return versions | {"joulemark": __version__}


@dataclass(frozen=True, slots=True)
class _Batch:
    """Items that a worker does one after the other.

    Attributes:
        function: What is applied to each.
        items: Number and item.
        home: Address of the worker that should do it; None for any.
    """

    function: Callable[[Any], Any]
    items: tuple[tuple[int, Any], ...]
    home: Hashable | None = None

    def singly(self) -> Iterator[_Batch]:
        """Yield a batch for each of its items."""
        for item in self.items:
            yield _Batch(self.function, (item,))


@dataclass(frozen=True, slots=True)
class _Done:
    """What a worker returns for a batch.

    Attributes:
        worker: Its address.
        results: The result of each item.
        seconds: How long it took [s].
    """

    worker: str
    results: tuple[Any, ...]
    seconds: float


def _check_address(address: str) -> None:
    """Refuse what is no address: a client waits long for it, and does not close."""
    from distributed.comm.addressing import get_address_host_port

    try:
        host, port = get_address_host_port(address)
        reason = f"host {host!r}, port {port}"
    except ValueError as error:
        host, port, reason = "", 0, str(error)
    if not host or not 0 < port < 2**16:
        raise UsageError(
            "--scheduler: is not the address of a Dask scheduler",
            got=reason,
            expected="tcp://HOST:PORT",
            fix=START_SCHEDULER,
        )


class DaskCluster(Executor):
    """The workers of a Dask scheduler.

    Args:
        address: Address of the scheduler, such as ``tcp://head:8786``.

    Raises:
        MissingExtraError: Dask is not installed.
        UsageError: The address is none, no scheduler answers, or a worker cannot do this work.
    """

    def __init__(self, address: str) -> None:
        self._distributed = _distributed()
        _check_address(address)
        try:
            self._client = self._distributed.Client(
                address, timeout=CONNECT_TIMEOUT_S, set_as_default=False
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise UsageError(
                "no Dask scheduler answers",
                where=address,
                got=str(error) or type(error).__name__,
                expected="a running scheduler",
                fix=START_SCHEDULER,
            ) from None
        self._address = address
        self._expected = _versions()
        try:
            self._check_workers()
        except BaseException:
            self._client.close()
            raise

    def __exit__(self, *_: object) -> None:
        """Disconnect; scheduler and workers go on."""
        self._client.close()

    def _check_workers(self) -> None:
        """Refuse a cluster without workers, or with one that cannot do this work."""
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_TIMEOUT_S)
        except TimeoutError:
            raise UsageError(
                "the Dask scheduler has no worker",
                where=self._address,
                fix=f"Start some with: dask worker {self._address} --nthreads 1",
            ) from None
        for worker, threads in sorted(self._client.nthreads().items()):
            if threads != 1:
                raise UsageError(
                    "a Dask worker has several threads, which share one core in Python",
                    where=worker,
                    got=f"{threads} threads",
                    expected="1",
                    fix="Start workers with --nthreads 1, and --nworkers for several.",
                )
        for worker, result in self._on_all(_differences, self._expected):
            if isinstance(result, JoulemarkError):
                raise result
            if result:
                raise _other_versions(worker, result)

    def _on_all(self, function: Callable[..., Any], *arguments: Any) -> list[tuple[str, Any]]:
        """Return what a function returns on each worker, in the order of their addresses."""
        try:
            results = self._client.run(function, *arguments)
        except Exception as error:  # noqa: BLE001 - whatever it is, this worker does not know joulemark
            raise UsageError(
                "a Dask worker cannot run joulemark",
                where=self._address,
                got=f"{type(error).__name__}: {error}",
                expected=f"joulemark {self._expected['joulemark']} where the workers run",
                fix=f"On each: {_install(self._expected)}",
            ) from None
        return sorted(results.items())

    def check_paths(self, paths: Iterable[str]) -> None:
        """Raise UsageError where a worker does not see one of some paths."""
        wanted = [os.path.abspath(path) for path in paths]
        for worker, missing in self._on_all(_missing_paths, wanted):
            if missing:
                raise UsageError(
                    "a Dask worker does not see the results",
                    where=worker,
                    got=f"nothing at {missing[0]}",
                    expected="the same files under the same path on every machine",
                    fix="Put the results on a file system that all of them mount.",
                )

    def each(
        self,
        function: Callable[[T], R],
        items: Iterable[T],
        *,
        lost: Callable[[T], R],
        homes: Iterable[Home] | None = None,
    ) -> Iterator[tuple[int, Home, R]]:
        """Yield the results; see `Executor.each`."""
        workers = len(self._client.nthreads())
        batches = _Batches(function, items, homes, workers)
        pending: dict[Any, _Batch] = {}
        running = self._distributed.as_completed((), loop=self._client.loop)

        def submit(some: Iterable[_Batch]) -> None:
            for batch in some:
                future = self._submit(batch)
                pending[future] = batch
                running.add(future)

        submit(itertools.islice(batches, BATCHES_IN_FLIGHT * workers))
        try:
            for future in running:
                batch = pending.pop(future)
                done = self._outcome(future)
                if done is not None:
                    batches.note(len(batch.items), done.seconds)
                elif len(batch.items) > 1:
                    submit(batch.singly())
                submit(itertools.islice(batches, 1))  # first, as the workers wait for work
                yield from _results_of(batch, done, lost)
        finally:
            if pending:
                self._client.cancel(list(pending))

    def _submit(self, batch: _Batch) -> Any:
        where = {} if batch.home is None else {"workers": [batch.home]}
        return self._client.submit(
            _do,
            batch,
            os.getcwd(),
            self._expected,
            pure=False,
            allow_other_workers=batch.home is not None,
            **where,
        )

    def _outcome(self, future: Any) -> _Done | None:
        """Return what a worker returned for a batch; None where each that tried it ended.

        Raises:
            Exception: What the function raised.
        """
        try:
            outcome = future.result()
        except self._distributed.KilledWorker:
            return None
        if isinstance(outcome, _Done):
            return outcome
        worker, differences = outcome  # it joined after the check
        raise _other_versions(worker, differences)


def _results_of(
    batch: _Batch, done: _Done | None, lost: Callable[[Any], Any]
) -> Iterator[tuple[int, Home, Any]]:
    """Yield number, worker and result of each item; nothing where the items were sent again."""
    if done is not None:
        for (number, _), result in zip(batch.items, done.results, strict=True):
            yield number, done.worker, result
    elif len(batch.items) == 1:
        ((number, item),) = batch.items
        yield number, "", lost(item)


def _distributed() -> Any:
    """Return the package of Dask's scheduler and workers, which is large and imported late."""
    try:
        return importlib.import_module("distributed")
    except ImportError:
        raise MissingExtraError(
            "a Dask scheduler needs distributed", fix="pip install 'joulemark[dask]'"
        ) from None


class _Queue:
    """Items that wait, of which some are looked at ahead.

    Args:
        items: Number and item.
    """

    def __init__(self, items: Iterator[tuple[int, Any]]) -> None:
        self._items = items
        self._ahead: deque[tuple[int, Any]] = deque()

    def take(self, size: int, sharers: int) -> tuple[tuple[int, Any], ...]:
        """Return the next items: near the end no more than half the share of a worker."""
        wanted = 2 * size * sharers
        self._ahead.extend(itertools.islice(self._items, max(0, wanted - len(self._ahead))))
        share = math.ceil(len(self._ahead) / (2 * sharers))
        return tuple(self._ahead.popleft() for _ in range(min(size, share)))


class _Batches(Iterator[_Batch]):
    """Divides items into batches, which grow until one takes `BATCH_S`.

    The last ones are small, so that no worker waits long for another.

    Args:
        function: What is applied to each item.
        items: The items.
        homes: The worker for each item; None for any.
        workers: How many workers there are.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        homes: Iterable[Home] | None,
        workers: int,
    ) -> None:
        self._function = function
        self._size = 1
        self._sharers = workers if homes is None else 1
        """Workers that share a queue."""
        numbered = enumerate(items)
        if homes is None:
            self._queues: dict[Home, _Queue] = {None: _Queue(numbered)}
        else:
            by_home: dict[Home, list[tuple[int, Any]]] = {}
            for item, home in zip(numbered, homes, strict=True):
                by_home.setdefault(home, []).append(item)
            self._queues = {home: _Queue(iter(queue)) for home, queue in by_home.items()}

    def __next__(self) -> _Batch:
        while self._queues:
            home, queue = next(iter(self._queues.items()))
            del self._queues[home]
            items = queue.take(self._size, self._sharers)
            if items:
                self._queues[home] = queue  # at the end: each worker has its turn
                return _Batch(self._function, items, home or None)
        raise StopIteration

    def note(self, items: int, seconds: float) -> None:
        """Note how long some items took, to choose the size of the next batches."""
        in_time = int(items * BATCH_S / max(seconds, 1e-6))
        self._size = max(1, min(in_time, 2 * items, MAX_BATCH_ITEMS))


def _do(
    batch: _Batch, folder: str, expected: Mapping[str, str]
) -> _Done | tuple[str, dict[str, tuple[str, str]]]:
    """Do a batch on a worker, in the folder of the client, so that relative paths hold.

    Returns:
        The results; or the address of the worker and the releases that it has and should not.
    """
    address = _distributed().get_worker().address
    differences = _differences(expected)
    if differences:
        return address, differences
    began = time.monotonic()
    with contextlib.chdir(folder):
        results = tuple(batch.function(item) for _, item in batch.items)
    return _Done(address, results, time.monotonic() - began)


def _differences(expected: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the releases of this process that are not the expected ones: both, by package."""
    here = _versions()
    names = sorted(name for name in expected if here.get(name) != expected[name])
    return {name: (here.get(name, "none"), expected[name]) for name in names}


def _missing_paths(paths: list[str]) -> list[str]:
    """Return the paths that do not exist for this process."""
    return [path for path in paths if not os.path.exists(path)]


def _other_versions(worker: str, differences: Mapping[str, tuple[str, str]]) -> UsageError:
    got = ", ".join(f"{name} {here}" for name, (here, _) in differences.items())
    expected = ", ".join(f"{name} {wanted}" for name, (_, wanted) in differences.items())
    wanted = {name: release for name, (_, release) in differences.items()}
    return UsageError(
        "a Dask worker has other releases, whose digits may differ",
        where=worker,
        got=got,
        expected=expected,
        fix=f"Where the workers run: {_install(wanted)}",
    )


def _install(wanted: Mapping[str, str]) -> str:
    """Return the command that installs some releases."""
    packages = [f"'{name}=={release}'" for name, release in wanted.items() if name != "python"]
    if "python" in wanted and len(wanted) == 1:
        return f"use Python {wanted['python']}"
    return "pip install " + " ".join(packages)
