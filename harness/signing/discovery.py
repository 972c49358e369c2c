"""Find the packed submissions in a tree, so that `verify` takes the trees that `audit` takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from harness.core.errors import JoulemarkError, UnreadableError
from harness.signing.manifest import ENVELOPE, MANIFEST, read_manifest

MAX_DEPTH = 32
"""Folders nested deeper than this are not searched."""


def find_submissions(path: Path) -> list[Path]:
    """Find the submissions that a path stands for.

    Args:
        path: A submission, a tree that holds some, or a folder inside one.

    Returns:
        The folders of the submissions, sorted.

    Raises:
        UnreadableError: The path has nothing to do with a submission.
    """
    if _holds_manifest(path):
        return [path]
    below = sorted(_search(path, depth=0))
    if below:
        return below
    for parent in Path(os.path.abspath(path)).parents:
        if is_packed(parent):
            return [parent]
    raise UnreadableError(
        "holds no packed submission",
        where=str(path),
        expected=f"a folder with {MANIFEST}, or a tree of such folders",
        fix="joulemark pack makes a submission.",
    )


def is_packed(folder: Path) -> bool:
    """Tell whether a folder is a packed submission: signed, or with a manifest of hashes."""
    if (folder / ENVELOPE).exists():
        return True
    try:
        return b'"sha256"' in read_manifest(folder)
    except JoulemarkError:
        return False


def _holds_manifest(folder: Path) -> bool:
    return any((folder / name).exists() for name in (MANIFEST, ENVELOPE))


def _search(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the submissions below a folder; links and hidden folders are not entered."""
    try:
        with os.scandir(folder) as listing:
            names = [
                item.name
                for item in listing
                if item.is_dir(follow_symlinks=False) and not item.name.startswith(".")
            ]
    except OSError:
        return
    for name in names:
        if is_packed(folder / name):
            yield folder / name
        elif depth < MAX_DEPTH:
            yield from _search(folder / name, depth + 1)
