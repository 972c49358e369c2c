"""A cache saves the work on what did not change, and nothing else."""

from __future__ import annotations

import builtins
import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import api
from harness.batch import fingerprint as fingerprints
from harness.batch import work
from harness.batch.cache import MAGIC, Cache, open_cache
from harness.batch.work import Context, FinishTask, Opened, OpenTask, Plan
from harness.core.errors import UsageError
from harness.formats.discovery import Found
from harness.render.audit_report.document import audit_document

ROOT = Path(__file__).resolve().parents[2]
Audit = Callable[[], tuple[str, list[str]]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "submissions" / "lab-2026", tmp_path / "tree")
    return tmp_path / "tree"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def audit(tree: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """Audit with the cache; return the report, and the ids of the entries that were read."""
    read: list[str] = []
    load = work.load_one

    def counted(place: Any, timeout_s: float | None) -> Any:
        if isinstance(place, Found):
            read.append(place.id)
        return load(place, timeout_s)

    monkeypatch.setattr(work, "load_one", counted)

    def run() -> tuple[str, list[str]]:
        read.clear()
        return _document(api.audit(tree, cache=folder, timeout_s=60)), sorted(set(read))

    return run


def _document(report: api.Report) -> str:
    return json.dumps(audit_document(report, None, None))


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_second_audit_reads_no_entry_and_says_the_same(tree: Path, audit: Audit) -> None:
    expected = _document(api.audit(tree))
    first, read = audit()
    assert first == expected
    assert read == sorted(api.read(tree).ids)
    assert audit() == (expected, [])


def test_one_changed_byte_reads_that_entry_only(tree: Path, audit: Audit) -> None:
    audit()
    place = next(place for place in api.search(tree) if isinstance(place, Found))
    path = max(place.directory.rglob("*.txt"), key=lambda path: path.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert audit() == (_document(api.audit(tree)), [place.id])


def test_a_file_that_appears_or_goes_reads_that_entry(tree: Path, audit: Audit) -> None:
    audit()
    place = next(place for place in api.search(tree) if isinstance(place, Found))
    (place.directory / "added.txt").write_text("")
    assert audit()[1] == [place.id]
    (place.directory / "added.txt").unlink()
    assert audit()[1] == []


def test_another_question_is_another_key(tree: Path, folder: Path, audit: Audit) -> None:
    expected = audit()
    warned = api.audit(tree, cache=folder, ignore=["coverage"])
    assert _document(warned) == _document(api.audit(tree, ignore=["coverage"]))
    tables = api.rank(tree, cache=folder, level=0.9)
    assert [t.level for t in tables] == [t.level for t in api.rank(tree, level=0.9)]
    assert audit() == (expected[0], [])


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def _swap(path: Path) -> None:
    """Put the sound file of another key in its place."""
    other = next(item for item in _files(path.parents[1]) if item != path)
    shutil.copy2(other, path)


def _link(path: Path) -> None:
    path.rename(path.with_suffix(".away"))
    path.symlink_to(path.with_suffix(".away"))


HARMS: dict[str, Callable[[Path], Any]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": _cut,
    "a flipped bit": _flip,
    "noise": lambda path: path.write_bytes(MAGIC + bytes(range(256)) * 9),
    "of another key": _swap,
    "a link": _link,
    "writable by others": lambda path: path.chmod(0o666),
}


@pytest.mark.parametrize("harm", HARMS)
def test_a_file_that_cannot_be_trusted_is_as_if_it_were_not_there(
    harm: str, tmp_path: Path
) -> None:
    cache = Cache(tmp_path, "code")
    key = cache.key("number", 1)
    cache.put(cache.key("number", 2), [2.0])
    cache.put(key, [float("inf"), 0.1])
    assert cache.get(key, list[float]) == [float("inf"), 0.1]
    HARMS[harm](tmp_path / key[:2] / key[2:])
    assert cache.get(key, list[float]) is None
    assert cache.get(cache.key("number", 2), dict[str, int]) is None, "of another class"


def test_a_harmed_cache_gives_the_same_report(folder: Path, audit: Audit) -> None:
    expected, read = audit()
    for path in _files(folder):
        _flip(path)
    assert audit() == (expected, read)
    assert audit() == (expected, [])


def test_a_file_of_another_user_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Cache(tmp_path, "code")
    cache.put(cache.key("number"), 1)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert cache.get(cache.key("number"), int) is None


def test_a_folder_that_others_may_write_to_is_refused(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(UsageError, match=r"others may write.*chmod 700"):
        open_cache(folder)
    folder.chmod(0o700)
    assert open_cache(folder).get("0" * 64, int) is None


def test_another_release_uses_nothing(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    report, read = audit()
    monkeypatch.setattr(fingerprints, "code_digest", lambda: "another")
    assert audit() == (report, read)


def test_what_came_too_late_is_tried_again(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.core.timeout import TimeLimitExceeded

    with monkeypatch.context() as patch:

        def late(*_: object, **__: object) -> None:
            raise TimeLimitExceeded("it took longer than 1 s")

        patch.setattr("harness.auditing.engine.audit_entry", late)
        report, read = audit()
        assert '"unjudged"' in report
    report, again = audit()
    assert again == read
    assert '"verdict": "unjudged"' not in report


@contextlib.contextmanager
def _accesses() -> Iterator[set[str]]:
    """Note each path that is opened, listed, or asked for."""
    paths: set[str] = set()

    def noting(function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(path: Any = ".", *args: Any, **options: Any) -> Any:
            if isinstance(path, str | os.PathLike):
                paths.add(os.path.abspath(path))
            return function(path, *args, **options)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        for name in ("open", "stat", "lstat", "scandir", "listdir"):
            patch.setattr(os, name, noting(getattr(os, name)))
        patch.setattr(io, "open", noting(io.open))
        patch.setattr(builtins, "open", noting(builtins.open))
        yield paths


def _covered(path: Path, place: Found) -> bool:
    """Return whether a fingerprint sees what is at a path, or the path leads to what it sees."""
    seen = [place.directory.absolute(), *(place.format.surroundings(place.directory) or ())]
    beside = seen[1:]
    return (
        path.is_relative_to(seen[0])
        or any(item.is_relative_to(path) for item in seen)
        or any(path == item or path.parent == item for item in beside)
    )


def test_a_fingerprint_covers_all_that_reading_and_judging_look_at(
    real_data: Path, real_rounds: Path, tmp_path: Path
) -> None:
    api.import_tree(ROOT / "submissions" / "lab-2026", out=tmp_path / "runs")
    trees = [real_data, real_rounds, ROOT / "submissions", tmp_path / "runs"]
    for tree in trees:
        top = tree.absolute()
        for number, place in enumerate(api.search(tree)):
            if not isinstance(place, Found):
                continue
            task = OpenTask((str(tree), number), place, Plan())
            with _accesses() as accesses:
                outline = work.open_entry(task)
                if isinstance(outline, Opened):
                    work.finish_entry(FinishTask(task, outline.entry, Context()))
            inside = [Path(path) for path in accesses if Path(path).is_relative_to(top)]
            assert [path for path in inside if not _covered(path, place)] == [], place.id
