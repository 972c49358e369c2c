"""Read trees of files into entries, and write foreign entries as run directories."""

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
from harness.formats.run_directory_writer import write_entry


@dataclass(frozen=True, slots=True)
class Tree:
    """What was read from some trees.

    Attributes:
        entries: The results.
        unreadable: Path and reason of results that could not be read.
        skipped: Path and reason of folders that look like a result and hold no power measurement.
    """

    entries: tuple[Entry, ...]
    unreadable: tuple[tuple[str, str], ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def ids(self) -> list[str]:
        """Ids of the entries, in the order of the tree."""
        return [entry.id for entry in self.entries]


@dataclass(frozen=True, slots=True)
class Imported:
    """An entry that was written as run directories.

    Attributes:
        entry: The entry as it was read.
        runs: The run directories.
    """

    entry: Entry
    runs: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Import:
    """What `import_tree` wrote, and what it could not use.

    Attributes:
        out: The folder it wrote to.
        imported: The entries that were written.
        unreadable: Path and reason of results that could not be read or written.
        skipped: Path and reason of folders without a power measurement.
    """

    out: Path
    imported: tuple[Imported, ...]
    unreadable: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]


def search(*paths: str | Path, format_name: str | None = None) -> list[Found | Skipped]:
    """Find all places below some paths that hold an entry, or look as if they did.

    With several paths, the ids of each begin with its name, or with its whole path where two
    have the same name.

    Raises:
        UnreadableError: None of them holds any.
    """
    places: list[Found | Skipped] = []
    names = [path.absolute().name for path in map(Path, paths)]
    for path, name in zip(map(Path, paths), names, strict=True):
        is_unique = names.count(name) == 1
        prefix = name if is_unique else path.absolute().as_posix().strip("/")
        for place in find(path, format_name=format_name):
            if isinstance(place, Found) and len(paths) > 1:
                place = Found(place.format, place.directory, f"{prefix}/{place.id}")
            places.append(place)
    if not places:
        raise UnreadableError(
            "holds no result that can be read",
            where=", ".join(map(str, paths)),
            expected="MLPerf power results, run directories, or CSV traces with a declared header",
            fix="docs/reference/formats.md shows what each looks like.",
        )
    return places


def read(*paths: str | Path, format_name: str | None = None) -> Tree:
    """Read all entries below some paths."""
    return load(search(*paths, format_name=format_name))


def load(
    places: Iterable[Found | Skipped], *, jobs: int = 1, timeout_s: float | None = None
) -> Tree:
    """Read what `search` found; a bad entry never stops the others.

    Args:
        places: The places.
        jobs: Processes that read.
        timeout_s: How long one entry may take [s].
    """
    load_place = functools.partial(load_one, timeout_s=timeout_s)
    return sorted_out(spread(load_place, places, jobs, lost=died))


def sorted_out(items: Iterable[Entry | Skipped | tuple[str, str]]) -> Tree:
    """Sort what `load_one` returned into a tree."""
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


def died(place: Found | Skipped) -> Skipped | tuple[str, str]:
    """Return what stands for a place whose reading process died."""
    if isinstance(place, Skipped):
        return place
    return place.id, f"{place.directory}: was not read: {DIED}."


def load_one(place: Found | Skipped, timeout_s: float | None) -> Entry | Skipped | tuple[str, str]:
    """Read one place: the entry, or its id and the reason why it cannot be read."""
    if isinstance(place, Skipped):
        return place
    reuse_memory()
    try:
        with deadline(timeout_s):
            return place.read()
    except (JoulemarkError, TimeLimitExceeded) as error:
        return place.id, str(error)


def import_tree(
    *paths: str | Path, out: str | Path, format_name: str | None = None, parquet: bool = False
) -> Import:
    """Write foreign results as run directories, one folder for each entry.

    Args:
        paths: Trees of results.
        out: Where the folders are made; nothing that exists is overwritten.
        format_name: Read this format only.
        parquet: Store traces as Parquet (extra ``parquet``) instead of CSV.

    Raises:
        UnreadableError: A run directory exists already, or no result was found.
    """
    out = Path(out)
    imported: list[Imported] = []
    unreadable: list[tuple[str, str]] = []
    skipped: list[tuple[str, str]] = []
    for place in search(*paths, format_name=format_name):
        tree = load([place])  # one at a time: a round does not fit into memory
        unreadable += tree.unreadable
        skipped += tree.skipped
        for entry in tree.entries:
            try:
                runs = write_entry(entry, out / entry.id, parquet=parquet)
            except SchemaError as error:  # a value that no document can carry; the others go on
                unreadable.append((entry.id, str(error)))
                continue
            imported.append(Imported(entry, tuple(runs)))
    return Import(out, tuple(imported), tuple(unreadable), tuple(skipped))
