"""Walk a tree and find the results in it, whatever their formats.

Each folder is offered to the readers in the order of their priority; the first that claims it
gets it, and nothing below it is searched. Symbolic links are not followed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.printable import well_formed
from harness.formats.base import Entry, Format
from harness.formats.registry import formats_named

MAX_DEPTH = 32
"""Folders nested deeper than this are not searched."""

_FAULTS_OF_INPUT = (
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
"""What a reader may raise for an input that nobody thought of."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place that holds an entry.

    Attributes:
        format: The reader that claimed it.
        directory: The folder, or the single file.
        id: Its path inside the tree that was searched.
    """

    format: Format
    directory: Path
    id: str

    def read(self) -> Entry:
        """Read the entry.

        Raises:
            UnreadableError: Nothing of it can be used, whatever the fault of the input.
        """
        try:
            self._require_text(self.id)
            entry = self.format.read(self.directory, self.id)
            for run in entry.runs:
                self._require_text(run.id)
            return entry
        except JoulemarkError:
            raise
        except MemoryError:
            raise UnreadableError(
                "needs more memory than there is",
                where=str(self.directory),
                fix="docs/explanation/security.md states how much.",
            ) from None
        except _FAULTS_OF_INPUT as error:
            raise UnreadableError(
                f"cannot be read as {self.format.name} ({type(error).__name__}: {shorten(error)})",
                where=str(self.directory),
                fix="Please report this with the files: a reader should name the fault.",
            ) from error

    def _require_text(self, name: str) -> None:
        """Refuse the name of a file or folder that no document can carry."""
        if name != well_formed(name):
            raise UnreadableError(
                "has a name that is no UTF-8 text",
                where=str(self.directory),
                got=shorten(name),
                fix="Rename it.",
            )


@dataclass(frozen=True, slots=True)
class Skipped:
    """A folder that looks like a result and is not an entry.

    Attributes:
        path: The folder, inside the tree that was searched.
        reason: Why it is not an entry, to stand after the path.
    """

    path: str
    reason: str


def find(root: Path, *, format_name: str | None = None) -> Iterator[Found | Skipped]:
    """Yield all entries below a folder, in the order of their ids.

    Args:
        root: The tree, or a single file that is a result.
        format_name: Look for this format only.

    Raises:
        UsageError: There is no such format.
        UnreadableError: ``root`` does not exist, or is a file that no reader knows.
    """
    readers = formats_named(format_name)
    if root.is_file():
        yield _file(root, readers)
    elif root.is_dir():
        yield from _walk(root, "", readers, 0)
    else:
        reason = "is not there" if not root.exists() else "is neither file nor folder"
        raise UnreadableError(reason, where=str(root))


def _file(path: Path, readers: Sequence[Format]) -> Found:
    for reader in readers:
        if reader.sniff_file(path):
            return Found(reader, path, path.stem)
    raise UnreadableError(
        "is not a power trace",
        where=str(path),
        expected="a results folder, or a CSV file that declares its channel in the first line",
        fix="docs/reference/formats.md lists what can be read.",
    )


def _walk(
    directory: Path, prefix: str, readers: Sequence[Format], depth: int
) -> Iterator[Found | Skipped]:
    """Yield the entries in a folder and below.

    Args:
        directory: The folder.
        prefix: Its path inside the tree and a slash; empty for the tree itself.
        readers: The readers that may claim a folder.
        depth: How many folders lie between the tree and this one.
    """
    relative = prefix[:-1] or "."
    try:
        names, folders = _listing(directory)
    except OSError as error:
        yield Skipped(relative, f"cannot be listed: {error.strerror}")
        return

    for reader in readers:
        if reader.sniff(directory, names):
            yield Found(reader, directory, prefix[:-1] or directory.absolute().name)
            return

    for reader in readers:
        reason = reader.reason_to_skip(directory, names)
        if reason:
            yield Skipped(relative, reason)
            if reader.skip_is_final:
                return
            break
    if depth >= MAX_DEPTH and folders:
        yield Skipped(relative, f"nested deeper than {MAX_DEPTH} folders")
        return
    yield from _files(directory, prefix, names - set(folders), readers)
    for name in folders:
        yield from _walk(directory / name, f"{prefix}{name}/", readers, depth + 1)


def _files(
    directory: Path, prefix: str, names: frozenset[str], readers: Sequence[Format]
) -> Iterator[Found]:
    """Yield the single files in a folder that are entries."""
    file_readers = [reader for reader in readers if reader.reads_files]
    if not file_readers:
        return
    stems = Counter(Path(name).stem for name in names)
    for name in sorted(names):
        path = directory / name
        entry_name = path.stem if stems[path.stem] == 1 else name
        for reader in file_readers:
            if not name.startswith(".") and reader.sniff_file(path):
                yield Found(reader, path, f"{prefix}{entry_name}")
                break


def _listing(directory: Path) -> tuple[frozenset[str], list[str]]:
    """Return all names in a folder, and its subfolders that are to be searched."""
    names: list[str] = []
    folders: list[str] = []
    with os.scandir(directory) as listing:
        for item in sorted(listing, key=lambda item: item.name):
            names.append(item.name)
            if item.is_dir(follow_symlinks=False) and not item.name.startswith("."):
                folders.append(item.name)
    return frozenset(names), folders
