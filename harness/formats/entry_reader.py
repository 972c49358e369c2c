"""Read the files of one entry: what is missing or broken becomes a defect, not an end."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from harness.core.documents import key_twice, parse_json
from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES, read_bytes
from harness.formats.base import Defect
from harness.formats.defects import DefectCode

_DIGITS = re.compile(r"(\d+)", re.ASCII)
_MAX_DIGITS = 17
"""Longer runs of digits are compared as text: int() of a hostile name must stay cheap."""


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts names by the numbers in them: ``result_2`` before ``result_10``."""
    key: list[tuple[int, str]] = []
    for part in _DIGITS.split(name):
        is_number = part.isascii() and part.isdigit() and len(part) <= _MAX_DIGITS
        key.append((int(part), "") if is_number else (0, part))
    return key


class Reader:
    """Reads the files of one entry and collects the defects that it meets.

    Symbolic links inside the entry are not followed.

    Attributes:
        root: The entry's own folder.
        defects: What was odd, in the order in which it was met.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.defects: list[Defect] = []
        self._prefix = "" if str(root) == os.curdir else f"{root}{os.sep}"
        self._link_free: dict[str, bool] = {}

    def inside(self, path: Path | str) -> bool:
        """Tell whether neither ``path`` nor a folder between it and the entry is a link."""
        text = str(path)
        if text not in self._link_free:
            self._link_free[text] = not self._is_below_root(text) or (
                not os.path.islink(text) and self.inside(os.path.dirname(text))
            )
        return self._link_free[text]

    def _is_below_root(self, text: str) -> bool:
        """Tell whether a path that was built from the root lies below it.

        A path below the current folder does not begin with a dot.
        """
        if self._prefix:
            return text.startswith(self._prefix)
        return text not in ("", os.curdir) and not os.path.isabs(text)

    def note(self, code: DefectCode, path: Path | str, got: str, count: int = 1) -> None:
        """Add a defect."""
        self.defects.append(Defect(code, str(path), got, count))

    def optional(self, path: Path | str, *, quiet: bool = False) -> bytes:
        """Return the bytes of a file; where it cannot be read, none and a defect.

        Args:
            path: The file.
            quiet: A file that is missing or empty is no defect.
        """
        if quiet and not os.path.exists(path):
            return b""
        try:
            content = self._read(path, MAX_FILE_BYTES)
        except UnreadableError as error:
            self.note(DefectCode.FILE_UNREADABLE, path, error.message)
            return b""
        if not content and not quiet:
            self.note(DefectCode.FILE_EMPTY, path, "0 bytes")
        return content

    def _read(self, path: Path | str, limit: int) -> bytes:
        if not self.inside(os.path.dirname(path)):
            raise UnreadableError(
                "lies behind a symbolic link; links are not followed", where=str(path)
            )
        try:
            return read_bytes(path, limit=limit)
        except OSError as error:
            raise UnreadableError(f"cannot be read: {error.strerror}", where=str(path)) from None

    def document(self, path: Path | str, *, repeats_keys: bool = False) -> dict[str, Any]:
        """Return the JSON object of a file; where there is none, an empty one and a defect.

        Args:
            path: The file.
            repeats_keys: A repeated key is not a defect.
        """
        try:
            content = self._read(path, MAX_DOCUMENT_BYTES)
            document = parse_json(content, where=str(path))
        except JoulemarkError as error:
            self.note(DefectCode.FILE_UNREADABLE, path, shorten(error.message))
            return {}
        if not isinstance(document, dict):
            got = f"a JSON {type(document).__name__}, not an object"
            self.note(DefectCode.FILE_UNREADABLE, path, got)
            return {}
        repeated_key = None if repeats_keys else key_twice(content)
        if repeated_key is not None:
            self.note(DefectCode.KEY_TWICE, path, shorten(repr(repeated_key)))
        return document
