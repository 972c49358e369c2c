"""From a tree of files to entries, and from foreign entries to run directories."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import JoulemarkError, SchemaError, UnreadableError
from harness.core.files import reuse_memory
from harness.core.process_pool import DIED, spread
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.formats.base import Entry
from harness.formats.discovery import Found, Skipped, find
from harness.formats.run_directory import write_entry


@dataclass(frozen=True, slots=True)
class Tree:
    """What was read: entries, and (path, reason) of what could not be read or holds no power measurement."""

    entries: tuple[Entry, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """An entry that became run directories."""

    entry: Entry
    runs: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """What `import_tree` wrote, and what it could not use and why."""

    out: Path
    imported: tuple[Imported, ...]
    unreadable: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]


def search(*paths: str | Path, format_name: str | None = None) -> list[Found | Skipped]:
    """All places below `paths` that hold an entry, or look as if.

    With several paths the name of each goes before its ids, or its whole path where two have one name.
    Raises UnreadableError where none holds any.
    """
    found: list[Found | Skipped] = []
    names = [path.absolute().name for path in map(Path, paths)]
    for path, name in zip(map(Path, paths), names, strict=True):
        clear = name if names.count(name) == 1 else path.absolute().as_posix().strip("/")
        ahead = f"{clear}/" if len(paths) > 1 else ""
        for item in find(path, format_name=format_name):
            named = (
                Found(item.format, item.directory, ahead + item.id)
                if isinstance(item, Found)
                else item
            )
            found.append(named)
    if not found:
        raise UnreadableError(
            "holds no result that can be read",
            where=", ".join(map(str, paths)),
            expected="MLPerf power results, run directories, or CSV traces with a declared header",
            fix="docs/reference/formats.md shows what each looks like.",
        )
    return found


def read(*paths: str | Path, format_name: str | None = None) -> Tree:
    """Read all entries below `paths`."""
    return load(search(*paths, format_name=format_name))


def load(
    found: Iterable[Found | Skipped], *, jobs: int = 1, timeout_s: float | None = None
) -> Tree:
    """Read what `search` found; a bad entry never stops the others.

    jobs: processes that read; timeout_s: how long one entry may take [s]
    """
    return sorted_out(
        spread(functools.partial(load_one, timeout_s=timeout_s), found, jobs, lost=died)
    )


def sorted_out(items: Iterable[Entry | Skipped | tuple[str, str]]) -> Tree:
    """What `load_one` gave, by what it is."""
    entries: list[Entry] = []
    unreadable: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    for item in items:
        if isinstance(item, Skipped):
            skipped.append((item.path, item.reason))
        elif isinstance(item, Entry):
            entries.append(item)
        else:
            unreadable.append(item)
    return Tree(tuple(entries), tuple(unreadable), tuple(skipped))


def died(item: Found | Skipped) -> Skipped | tuple[str, str]:
    """What is said of an item whose process ended while it was read."""
    return (
        item if isinstance(item, Skipped) else (item.id, f"{item.directory}: was not read: {DIED}.")
    )


def load_one(item: Found | Skipped, timeout_s: float | None) -> Entry | Skipped | tuple[str, str]:
    """The entry, or (id, reason) where it cannot be read."""
    if isinstance(item, Skipped):
        return item
    reuse_memory()
    try:
        with deadline(timeout_s):
            return item.read()
    except (JoulemarkError, TimeLimitExceeded) as error:
        return item.id, str(error)


def import_tree(
    *paths: str | Path, out: str | Path, format_name: str | None = None, parquet: bool = False
) -> Import:
    """Turn foreign results into run directories below `out`, one folder for each entry.

    parquet: store traces as Parquet (extra `parquet`) instead of CSV. Raises UnreadableError where a run directory
    is there already; nothing that exists is overwritten.
    """
    found = search(*paths, format_name=format_name)
    return _import(found, Path(out), parquet)


def _import(found: Iterable[Found | Skipped], out: Path, parquet: bool) -> Import:
    imported: list[Imported] = []
    unreadable: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    for item in found:
        tree = load([item])
        unreadable += tree.unreadable
        skipped += tree.skipped
        for entry in tree.entries:
            try:
                imported.append(
                    Imported(entry, tuple(write_entry(entry, out / entry.id, parquet=parquet)))
                )
            except SchemaError as error:  # a value that no document can carry; the others go on
                unreadable.append((entry.id, str(error)))
    return Import(out, tuple(imported), tuple(unreadable), tuple(skipped))
