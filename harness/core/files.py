"""Read files written by strangers: regular files inside the tree only, bounded in size."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from harness.core.errors import UnreadableError, UsageError

MAX_FILE_BYTES = 256 * 2**20
"""No file of a submission is read whole beyond this size."""
MAX_DOCUMENT_BYTES = 16 * 2**20
"""No JSON or YAML document is read beyond this size."""
MAX_STREAM_BYTES = 64 * 2**30
"""No file of readings is read beyond this size, block by block."""
BLOCK_BYTES = 4 * 2**20
"""Bytes that are read at once of a file that is not held whole."""
CHUNK_BYTES = 2**20
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def read_bytes(path: str | Path, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a regular file of at most `limit` bytes.

    Raises:
        UnreadableError: The file is too large, or it is a link, a device, a pipe or a directory,
            which are refused without being read.
    """
    descriptor, size = _open_regular(path, limit)
    try:
        content = _read_all(descriptor, size, limit)
    finally:
        os.close(descriptor)
    if len(content) > limit:
        raise _grew(path, limit)
    return content


def read_blocks(path: str | Path, *, limit: int = MAX_STREAM_BYTES) -> Iterator[bytes]:
    """Yield the content of a regular file block by block, so that it is never held whole.

    Raises:
        UnreadableError: As for `read_bytes`.
    """
    descriptor, _ = _open_regular(path, limit)
    size = 0
    try:
        while block := os.read(descriptor, BLOCK_BYTES):
            size += len(block)
            if size > limit:
                raise _grew(path, limit)
            yield block
    finally:
        os.close(descriptor)


def file_sha256(path: str | Path, *, limit: int = MAX_STREAM_BYTES) -> str:
    """Return the hexadecimal SHA-256 of a file of any size up to a limit."""
    digest = hashlib.sha256()
    for block in read_blocks(path, limit=limit):
        digest.update(block)
    return digest.hexdigest()


def _open_regular(path: str | Path, limit: int) -> tuple[int, int]:
    """Open a regular file without following a link; return its descriptor and its size."""
    try:
        if not _NO_FOLLOW and os.path.islink(path):
            raise OSError
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _NO_FOLLOW)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if os.path.islink(path):
            reason = "is a symbolic link; links are not followed"
        raise UnreadableError(f"cannot be opened: {reason}", where=str(path)) from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_size <= limit:
        return descriptor, status.st_size
    os.close(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableError("is not a regular file", where=str(path), expected="a file")
    raise UnreadableError(
        "is too large to read",
        where=str(path),
        got=f"{status.st_size} bytes",
        expected=f"at most {limit}",
    )


def _grew(path: str | Path, limit: int) -> UnreadableError:
    return UnreadableError(
        "grew while it was read", where=str(path), expected=f"at most {limit} bytes"
    )


def _read_all(descriptor: int, size: int, limit: int) -> bytes:
    """Read a file to its end, or a little beyond the limit where it grew meanwhile."""
    content = os.read(descriptor, size + 1)  # a buffer of the file's size, not of the limit
    while len(content) not in (0, size) and len(content) <= limit:
        more = os.read(descriptor, CHUNK_BYTES)
        if not more:
            break
        content += more
    return content


@functools.cache
def reuse_memory() -> None:
    """Let the memory of a file be reused for the next one, as touching fresh pages takes time.

    The C library of Linux returns a freed block to the system where it is larger than every block
    freed before. So a block of the largest size that it learns from is freed first. Elsewhere this
    does nothing.
    """
    with contextlib.suppress(MemoryError):
        bytes(30 * 2**20)


def read_inside(root: Path, relative: str | PurePosixPath, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """Return the content of a file below `root` that is reached through no link.

    Raises:
        UnreadableError: The path leads outside or through a link, or cannot be read.
    """
    return read_bytes(path_inside(root, relative), limit=limit)


def path_inside(root: Path, relative: str | PurePosixPath) -> Path:
    """Return the path of a file below `root` that is reached through no link.

    Raises:
        UnreadableError: The path leads outside or through a link.
    """
    path = root / relative
    for folder in (path, *path.parents):
        if folder == root:
            return path
        if os.path.islink(folder):
            raise UnreadableError(
                "lies behind a symbolic link; links are not followed", where=str(path)
            )
    raise UnreadableError("lies outside", where=str(path), expected=f"a file below {root}")


def sha256(content: bytes) -> str:
    """Return the hexadecimal SHA-256 of a content."""
    return hashlib.sha256(content).hexdigest()


def first_unequal(a: bytes, b: bytes) -> int:
    """Return the index of the first byte that differs, or at which one of two contents ends."""
    low, high = 0, min(len(a), len(b))
    if a[:high] == b[:high]:
        return high
    while high - low > 1:  # the first difference lies in low..high-1
        middle = (low + high) // 2
        low, high = (middle, high) if a[low:middle] == b[low:middle] else (low, middle)
    return low


def write_text(path: Path, text: str) -> None:
    """Write a text atomically: a reader sees either the old file or the whole new one.

    See `write_parts`.
    """
    write_parts(path, [text])


def write_parts(path: Path, parts: Iterable[str]) -> None:
    """Write a text atomically that is made part by part; see `replacing`."""
    with replacing(path) as file:
        for part in parts:
            file.write(part.encode())


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write, which takes its name only when the block has ended without an error.

    Only a regular file is replaced, never a link, a device, a pipe or a folder.

    Raises:
        UsageError: Something else than a regular file is there.
        OSError: The folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    refuse_special(path)
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def refuse_special(path: Path) -> None:
    """Raise UsageError where a path is neither absent nor a regular file."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe"}
        raise UsageError(
            "is not a regular file, and is not replaced",
            where=str(path),
            got=kinds.get(stat.S_IFMT(mode), "a device or socket"),
            expected="a regular file, or nothing",
            fix="Choose another name; for a pipe, redirect the standard output.",
        )


def refuse_shared(path: Path) -> None:
    """Raise UsageError where group or others may read a file that holds a secret."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        raise UsageError(
            "holds a secret that others may read",
            where=str(path),
            got=f"mode {mode:04o}",
            expected="0600",
            fix=f"chmod 600 {path}, and replace the key if others had access.",
        )
