"""Audit, score and leaderboard are the same, whichever executor did the work and whatever died."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.batch.examine import examine, examine_in_parts
from harness.batch.examined import Examined
from harness.batch.work import FinishTask, Plan, not_finished
from harness.core.errors import MissingExtraError, UsageError
from harness.core.executors import dask_cluster
from harness.core.executors.base import Executor, InProcess, Processes, executor_of
from harness.core.executors.dask_cluster import DaskCluster
from harness.formats.discovery import Found, Skipped
from harness.render.audit_report.document import audit_document
from harness.render.json import leaderboard_document, result_document

ROOT = Path(__file__).resolve().parents[2]
SUBMISSIONS = ROOT / "submissions"


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Address of a Dask scheduler with two workers, each a process of its own."""
    distributed = pytest.importorskip("distributed", reason="pip install 'joulemark[dask]'")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of Dask and its event loop
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, memory_limit=0
        )
        yield cluster.scheduler_address
        cluster.close()


@pytest.fixture(scope="module", autouse=True)
def _folder() -> Iterator[None]:
    """Relative paths hold in other processes too."""
    before = os.getcwd()
    os.chdir(ROOT)
    yield
    os.chdir(before)


def places() -> list[Found | Skipped]:
    return api.search("submissions/lab-2026", "submissions/joulemark-2026")


def documents(done: Examined) -> list[str]:
    """Return report, results and leaderboard as the command line prints them."""
    report = api.Report(done.reports, done.unreadable, done.skipped)
    tables = api.rank(done)
    return [
        json.dumps(audit_document(report, None, None)),
        json.dumps(result_document(done.results, done.unreadable, done.skipped)),
        json.dumps(leaderboard_document(tables, done.unreadable, done.skipped)),
    ]


@pytest.fixture(scope="module")
def expected() -> list[str]:
    """The documents of the tree in memory."""
    tree = api.read("submissions/lab-2026", "submissions/joulemark-2026")
    results, reports = api.score_and_audit(tree)
    done = Examined(tuple(reports.values()), tuple(results), tree.unreadable, tree.skipped)
    return documents(done)


def test_this_process_entry_by_entry(expected: list[str]) -> None:
    assert documents(examine(places(), InProcess(), Plan())) == expected


def test_nothing_depends_on_what_a_process_keeps(
    expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.batch.work.MAX_KEPT_ENTRIES", 1)
    assert documents(examine(places(), InProcess(), Plan())) == expected


def test_parts_make_the_whole(expected: list[str]) -> None:
    parts = list(examine_in_parts(places(), InProcess(), Plan(), part_entries=3))
    assert len(parts) > 1
    assert max(len(part.results) for part in parts) == 3
    whole = Examined(
        *(
            tuple(item for part in parts for item in getattr(part, name))
            for name in ("reports", "results", "unreadable", "skipped")
        )
    )
    assert documents(whole) == expected


def test_two_processes(expected: list[str]) -> None:
    assert documents(examine(places(), Processes(2), Plan())) == expected


def test_two_workers_of_dask(expected: list[str], scheduler: str) -> None:
    with executor_of(scheduler=scheduler) as executor:
        assert documents(examine(places(), executor, Plan())) == expected
    assert documents(api.examine(places(), scheduler=scheduler)) == expected


class _Shuffled(InProcess):
    """Does the items in a random order, and yields the results in it."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def each(
        self, function: Callable[[Any], Any], items: Iterable[Any], **_: Any
    ) -> Iterator[tuple[int, Any, Any]]:
        numbered = list(enumerate(items))
        self._random.shuffle(numbered)
        for number, item in numbered:
            yield number, 0, function(item)


def test_the_order_of_the_work_does_not_matter(expected: list[str]) -> None:
    assert documents(examine(places(), _Shuffled(1), Plan())) == expected


def test_the_order_of_the_entries_does_not_matter(expected: list[str]) -> None:
    """Audit and results of each entry are the same, and the leaderboard to the last byte."""
    shuffled = places()
    random.Random(2).shuffle(shuffled)
    audited, scored, ranked = documents(examine(shuffled, _Shuffled(3), Plan()))
    assert ranked == expected[2]
    for document, in_order in zip((audited, scored), expected[:2], strict=True):
        by_id = {entry["id"]: entry for entry in json.loads(document)["entries"]}
        assert by_id == {entry["id"]: entry for entry in json.loads(in_order)["entries"]}


class _Deadly(Executor):
    """Does the work with another executor, and kills three of its processes meanwhile."""

    def __init__(self, executor: Executor, folder: Path) -> None:
        self._executor, self._folder = executor, folder

    def each(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        *,
        lost: Callable[[Any], Any],
        homes: Iterable[Any] | None = None,
    ) -> Iterator[tuple[int, Any, Any]]:
        deadly = functools.partial(_kill_or_apply, function, self._folder)
        return self._executor.each(deadly, items, lost=lost, homes=homes)


_done_here: list[Any] = []


def _kill_or_apply(function: Callable[[Any], Any], folder: Path, item: Any) -> Any:
    """Apply a function; the first three processes that come to a second item are killed."""
    if _done_here:
        for number in range(3):
            with contextlib.suppress(FileExistsError):
                (folder / f"killed-{number}").touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
    _done_here.append(item)
    return function(item)


def test_killed_processes_change_nothing(expected: list[str], tmp_path: Path) -> None:
    executor = _Deadly(Processes(2), tmp_path)
    assert documents(examine(places(), executor, Plan())) == expected
    assert len(list(tmp_path.iterdir())) == 3


def test_killed_workers_of_dask_change_nothing(
    expected: list[str], scheduler: str, tmp_path: Path
) -> None:
    with executor_of(scheduler=scheduler) as executor:
        done = examine(places(), _Deadly(executor, tmp_path), Plan())
    assert documents(done) == expected
    assert len(list(tmp_path.iterdir())) == 3


def test_a_worker_with_other_releases_is_refused(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = dask_cluster._versions()
    monkeypatch.setattr(dask_cluster, "_versions", lambda: here | {"numpy": "0.1"})
    with pytest.raises(UsageError, match=r"numpy .*, expected numpy 0\.1.* 'numpy==0\.1'"):
        executor_of(scheduler=scheduler)


def test_a_worker_that_joins_later_is_checked_too(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DaskCluster(scheduler) as executor:
        monkeypatch.setattr(executor, "_expected", {"joulemark": "9.9.9"})
        with pytest.raises(UsageError, match=r"expected joulemark 9\.9\.9"):
            executor.share(str, [1, 2], lost=str)


def test_a_worker_with_several_threads_is_refused(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(distributed.Client, "nthreads", lambda _: {"tcp://worker:1": 4})
    with pytest.raises(UsageError, match=r"tcp://worker:1: .*4 threads.*--nthreads 1"):
        executor_of(scheduler=scheduler)


def test_results_that_workers_do_not_see_are_refused(scheduler: str) -> None:
    with (
        DaskCluster(scheduler) as executor,
        pytest.raises(UsageError, match="nothing at /not/mounted"),
    ):
        executor.check_paths(["/not/mounted"])


def test_what_the_function_raises_is_raised_here(scheduler: str) -> None:
    with DaskCluster(scheduler) as executor, pytest.raises(ValueError, match="invalid literal"):
        executor.share(int, ["1", "two", "3"], lost=int)


def test_no_scheduler_and_no_dask_have_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    with pytest.raises(UsageError, match="dask scheduler --port 8786"):
        executor_of(scheduler="nonsense")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'joulemark\[dask\]'"):
        executor_of(scheduler="tcp://127.0.0.1:1")


def test_an_entry_that_ends_each_process_is_unjudged_and_has_no_energy() -> None:
    (task, *_) = _finish_tasks()
    lost = not_finished(task)
    assert lost.report is not None
    assert lost.report.verdict == "unjudged"
    assert lost.result is not None
    assert "not scored: its process ended" in lost.result.energy.note


def _finish_tasks() -> list[FinishTask]:
    """Return the tasks of the second step."""
    caught: list[FinishTask] = []

    class Catching(InProcess):
        def each(self, function: Any, items: Any, **options: Any) -> Any:
            tasks = list(items)
            caught.extend(task for task in tasks if isinstance(task, FinishTask))
            return super().each(function, tasks, **options)

    examine(places(), Catching(), Plan())
    return caught


@pytest.mark.parametrize(
    "address", ["nonsense", "", "http://head:8786", "tcp://head:99999", "tcp://:8786", "inproc://x"]
)
def test_what_is_no_address_of_a_scheduler_is_refused_at_once(address: str) -> None:
    pytest.importorskip("distributed", reason="pip install 'joulemark[dask]'")
    with pytest.raises(UsageError, match="is not the address of a Dask scheduler"):
        DaskCluster(address)
