"""Keep what came of an entry, under a hash of all that it depends on.

A file of the cache is used only if it belongs to this user, if nobody else may write to it, and if
it is whole: it begins with the hash of its key and content. Any other file is treated as absent.
The content is MessagePack, decoded by the types of its fields, so no file of a cache runs code.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from harness.batch.records import decode, encode
from harness.core.errors import JoulemarkError, UsageError
from harness.core.files import MAX_FILE_BYTES, read_bytes

T = TypeVar("T")

MAGIC = b"joulemark cache 1\n"
SHARED_MODE = 0o022
"""Bits that let group or others write."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder of outcomes.

    Attributes:
        folder: The folder.
        code: Digest of the release; what another one computed is never used.
    """

    folder: Path
    code: str

    def key(self, kind: str, *parts: object) -> str:
        """Return the key of an outcome.

        Args:
            kind: What it is.
            parts: All that it depends on, besides the release: texts and records.
        """
        digest = hashlib.sha256()
        digest.update(encode([kind, self.code, *parts]))
        return digest.hexdigest()

    def get(self, key: str, kind: type[T]) -> T | None:
        """Return an outcome; None where there is none that can be trusted.

        Args:
            key: Its key.
            kind: Class of the outcome.
        """
        path = self._path(key)
        if not (_is_ours(self.folder) and _is_ours(path.parent) and _is_ours(path)):
            return None
        try:
            content = read_bytes(path, limit=MAX_FILE_BYTES)
            head, payload = content[: len(MAGIC) + 32], content[len(MAGIC) + 32 :]
            if head != MAGIC + _digest(key, payload):
                return None
            outcome: T = decode(payload, kind)
        except (JoulemarkError, MemoryError):
            return None
        return outcome

    def put(self, key: str, outcome: Any) -> None:
        """Keep an outcome; where the folder cannot be written, nothing is kept."""
        path = self._path(key)
        partial = path.with_name(f".{secrets.token_hex(8)}.part")
        payload = encode(outcome)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(MAGIC + _digest(key, payload) + payload)
            partial.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key[2:]


def open_cache(folder: Path) -> Cache:
    """Return the cache in a folder, which is made if it is not there.

    Raises:
        UsageError: It is no folder, or others may write to it.
        OSError: It cannot be made.
    """
    from harness.batch.fingerprint import code_digest

    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
    if not folder.is_dir():
        raise UsageError("is no folder for a cache", where=str(folder))
    if not _is_ours(folder):
        raise UsageError(
            "is no safe place for a cache: others may write to it, or it is a link",
            where=str(folder),
            expected="a folder of your own that only you may write to",
            fix=f"chmod 700 {folder}, or choose another folder.",
        )
    return Cache(folder.absolute(), code_digest())


def _is_ours(path: Path) -> bool:
    """Return whether a file or folder is this user's alone to write to; a link is not."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        return False
    if os.name != "posix":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & SHARED_MODE


def _digest(key: str, payload: bytes) -> bytes:
    return hashlib.sha256(key.encode() + payload).digest()
