"""Walk a tree and find the entries in it, whatever their formats."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import JoulemarkError, UnreadableError, UsageError, shorten
from harness.core.printable import well_formed
from harness.formats import csv_trace
from harness.formats import run_directory as native
from harness.formats.base import Entry, Format
from harness.formats.mlperf import inference as mlperf_inference
from harness.formats.mlperf import training as mlperf_training

FORMATS: tuple[Format, ...] = (
    native.FORMAT,
    mlperf_inference.FORMAT,
    mlperf_training.FORMAT,
    csv_trace.FORMAT,
)
MAX_DEPTH = 32
"""Folders nested deeper than this are not searched."""


@dataclass(frozen=True, slots=True)
class Found:
    """A place that holds an entry. id: its path inside the tree that was given."""

    format: Format
    directory: Path
    id: str

    def read(self) -> Entry:
        """The entry; any fault of the input is an UnreadableError."""
        try:
            self._refuse(self.id)
            entry = self.format.read(self.directory, self.id)
            for run in entry.runs:
                self._refuse(run.id)
            return entry
        except JoulemarkError:
            raise
        except MemoryError:
            raise UnreadableError(
                "needs more memory than there is",
                where=str(self.directory),
                fix="docs/explanation/security.md states how much.",
            ) from None
        except (
            OSError,
            ValueError,
            TypeError,
            LookupError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ) as error:
            raise UnreadableError(
                f"cannot be read as {self.format.name} ({type(error).__name__}: {shorten(error)})",
                where=str(self.directory),
                fix="Please report this with the files: a reader should name the fault.",
            ) from error

    def _refuse(self, name: str) -> None:
        """Raise UnreadableError for the name of a file or folder that no document can carry."""
        if name != well_formed(name):
            raise UnreadableError(
                "has a name that is no UTF-8 text",
                where=str(self.directory),
                got=shorten(name),
                fix="Rename it.",
            )


@dataclass(frozen=True, slots=True)
class Skipped:
    """A folder that looks like a result and is not an entry, with the reason."""

    path: str
    reason: str


def find(root: Path, *, format_name: str | None = None) -> Iterator[Found | Skipped]:
    """All entries below `root`, in the order of their ids. Links are not followed.

    Raises UsageError for an unknown format and UnreadableError where `root` is not there.
    """
    formats = [f for f in FORMATS if format_name in (None, f.name)]
    if not formats:
        raise UsageError(
            "no such format", got=str(format_name), expected=", ".join(f.name for f in FORMATS)
        )
    if root.is_file():
        yield from _file(root, formats)
    elif root.is_dir():
        yield from _walk(root, "", formats, 0)
    else:
        raise UnreadableError(
            "is not there" if not root.exists() else "is neither file nor folder", where=str(root)
        )


def _file(path: Path, formats: list[Format]) -> Iterator[Found]:
    if csv_trace.FORMAT in formats and csv_trace.is_trace(path):
        yield Found(csv_trace.FORMAT, path, path.stem)
        return
    raise UnreadableError(
        "is not a power trace",
        where=str(path),
        expected="a results folder, or a CSV file that declares its channel in the first line",
        fix="docs/reference/formats.md lists what can be read.",
    )


def _walk(
    directory: Path, ahead: str, formats: list[Format], depth: int
) -> Iterator[Found | Skipped]:
    """Entries in a folder and below. ahead: its path inside the tree and a slash; nothing for the tree itself"""
    relative = ahead[:-1] or "."
    try:
        with os.scandir(directory) as listing:
            items = sorted(listing, key=lambda item: item.name)
            folders = [
                i.name
                for i in items
                if i.is_dir(follow_symlinks=False) and not i.name.startswith(".")
            ]
    except OSError as error:
        yield Skipped(relative, f"cannot be listed: {error.strerror}")
        return
    names = frozenset(item.name for item in items)
    for reader in formats:
        if reader.sniff(directory, names):
            yield Found(reader, directory, ahead[:-1] or directory.absolute().name)
            return
    if "performance" in names and "accuracy" in names:
        yield Skipped(relative, "no power was measured")
        return
    if mlperf_training.is_benchmark(directory, names):
        yield Skipped(
            relative, "power is no folder" if "power" in names else "no power was measured"
        )
    if depth >= MAX_DEPTH and folders:
        yield Skipped(relative, f"nested deeper than {MAX_DEPTH} folders")
        return
    for name in folders:
        yield from _walk(directory / name, f"{ahead}{name}/", formats, depth + 1)
