"""The fingerprint of an entry: the same only where reading and judging it sees the same bytes.

It covers all files in the entry's folder, and what its format names outside (`surroundings`). Times
of change and owners are not part of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from harness import __version__
from harness.core.errors import JoulemarkError
from harness.core.files import file_sha256
from harness.core.resources import resource
from harness.formats.discovery import Found

LISTED_BYTES = 2**20
"""Files beside an entry are hashed up to this size; readers take no larger ones from there."""
SOURCES = (".py", ".yaml", ".json", ".csv")
"""Suffixes of the files that decide what joulemark says of an entry."""


def fingerprint(place: Found) -> str | None:
    """Return the fingerprint of an entry; None where its format does not name its surroundings."""
    surroundings = place.format.surroundings(place.directory)
    if surroundings is None:
        return None
    digest = hashlib.sha256()
    identity = [place.format.name, place.id, str(place.directory), os.path.abspath(place.directory)]
    digest.update(json.dumps(identity).encode("utf-8", "surrogatepass"))
    for line in _lines(place.directory, deep=True):
        digest.update(line)
    for path in surroundings:
        for line in _lines(path, deep=False):
            digest.update(line)
    return digest.hexdigest()


def _lines(path: Path, *, deep: bool, name: str = "") -> Iterator[bytes]:
    """Yield a line for a file, or for each file in a folder.

    Args:
        path: The file or folder.
        deep: Whether folders in the folder are searched, and files of any size are hashed.
        name: Its path in the folder that was asked for.
    """
    try:
        status = os.lstat(path)
    except (OSError, ValueError):
        yield _line(name, "absent")
        return
    if stat.S_ISREG(status.st_mode):
        yield _line(name, _content(path, status.st_size, deep=deep))
    elif stat.S_ISDIR(status.st_mode):
        yield from _folder_lines(path, name, deep=deep)
    elif stat.S_ISLNK(status.st_mode):
        yield _line(name, f"link to {_target(path)}")
    else:
        yield _line(name, "special")


def _folder_lines(path: Path, name: str, *, deep: bool) -> Iterator[bytes]:
    yield _line(name, "folder")
    try:
        inside = sorted(os.listdir(path))
    except OSError:
        yield _line(name, "unreadable")
        return
    for item in inside:
        child = path / item
        if not deep and child.is_dir() and not child.is_symlink():
            yield _line(f"{name}/{item}", "folder")
        else:
            yield from _lines(child, deep=deep, name=f"{name}/{item}")


def _content(path: Path, size: int, *, deep: bool) -> str:
    if not deep and size > LISTED_BYTES:
        return f"{size} bytes"
    try:
        return file_sha256(path)
    except JoulemarkError as error:
        return f"unreadable: {error.message}"


def _target(path: Path) -> str:
    """Return where a link leads, and what is there: whether it is a file may matter."""
    try:
        return f"{os.readlink(path)} {stat.S_IFMT(os.stat(path).st_mode)}"
    except OSError:
        return "nothing"


def _line(name: str, content: str) -> bytes:
    return f"{name}\0{content}\n".encode("utf-8", "surrogatepass")


def code_digest() -> str:
    """Return a digest of this release: its files, its rulebooks, and the packages it computes with.

    A working copy of the sources changes while its release stays, so the files count.
    """
    digest = hashlib.sha256(f"{__version__} {sys.version}".encode())
    for package in ("numpy", "scipy", "msgspec", "pyyaml"):
        try:
            digest.update(f"{package} {version(package)}\n".encode())
        except PackageNotFoundError:
            digest.update(f"{package} none\n".encode())
    package_folder = Path(__file__).resolve().parents[1]
    for folder in (package_folder, resource("schemas")):
        for path in sorted(folder.rglob("*")):
            if path.suffix in SOURCES and "__pycache__" not in path.parts:
                relative = path.relative_to(folder).as_posix()
                digest.update(f"{relative} {file_sha256(path)}\n".encode())
    return digest.hexdigest()
