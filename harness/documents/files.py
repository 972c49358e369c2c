"""Reading files that a stranger wrote: regular files inside the tree only, bounded in size."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from harness.documents.errors import UnreadableError

MAX_FILE_BYTES = 512 * 2**20
"""No file of a submission is read whole beyond this size [bytes]."""

MAX_DOCUMENT_BYTES = 16 * 2**20
"""No JSON or YAML document is read beyond this size [bytes]."""


def read_bytes(path: Path, *, limit: int = MAX_FILE_BYTES) -> bytes:
    """The content of a regular file of at most `limit` bytes.

    A link, a device, a pipe or a directory is refused without being opened for reading.
    Raises UnreadableError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        if path.is_symlink():
            reason = "is a symbolic link; links are not followed"
        raise UnreadableError(f"cannot be opened: {reason}", where=str(path)) from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UnreadableError("is not a regular file", where=str(path), expected="a file")
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        if status.st_size > limit:
            raise UnreadableError(
                "is too large to read",
                where=str(path),
                got=f"{status.st_size} bytes",
                expected=f"at most {limit}",
            )
        content = file.read(status.st_size + 1)  # a buffer of this size, not of the limit
        while len(content) not in (0, status.st_size) and len(content) <= limit and (more := file.read(2**20)):
            content += more
    if len(content) > limit:
        raise UnreadableError("grew while it was read", where=str(path), expected=f"at most {limit} bytes")
    return content


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write `text` so that a reader sees either the old file or the whole new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
