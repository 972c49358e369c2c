"""Reading the files of one entry: what is missing or broken becomes a defect, not an end."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, MAX_FILE_BYTES, read_bytes
from harness.core.schemas import key_twice, parse_json
from harness.formats.base import Defect
from harness.formats.defects import DefectCode

_NUMBER = re.compile(r"(\d+)")


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts names by the numbers in them: `result_2` before `result_10`."""
    return [
        (int(part), "") if part.isdigit() and len(part) < 18 else (0, part)
        for part in _NUMBER.split(name)
    ]


class Reader:
    """Reads files and collects the defects it met."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.defects: list[Defect] = []
        self._below = "" if str(root) == os.curdir else f"{root}{os.sep}"
        self._inside: dict[str, bool] = {}

    def inside(self, path: Path | str) -> bool:
        """Whether no folder between the entry's own and `path`, nor `path` itself, is a link."""
        text = str(path)
        if text not in self._inside:
            below = self._is_below(text)
            self._inside[text] = not below or (
                not os.path.islink(text) and self.inside(os.path.dirname(text))
            )
        return self._inside[text]

    def _is_below(self, text: str) -> bool:
        """Whether a path, made of the entry's own, is not that; below the folder at hand a path begins with no dot."""
        if self._below:
            return text.startswith(self._below)
        return text not in ("", os.curdir) and not os.path.isabs(text)

    def note(self, code: str, path: Path | str, got: str, count: int = 1) -> None:
        self.defects.append(Defect(code, str(path), got, count))

    def optional(self, path: Path | str, *, quiet: bool = False) -> bytes:
        """The file's bytes, or none with a note."""
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

    def document(self, path: Path | str) -> dict[str, Any]:
        """The file's JSON object, or an empty one with a note."""
        try:
            content = self._read(path, MAX_DOCUMENT_BYTES)
            found = parse_json(content, where=str(path))
        except JoulemarkError as error:
            self.note(DefectCode.FILE_UNREADABLE, path, shorten(error.message))
            return {}
        if not isinstance(found, dict):
            self.note(
                DefectCode.FILE_UNREADABLE, path, f"a JSON {type(found).__name__}, not an object"
            )
            return {}
        if (twice := key_twice(content)) is not None:
            self.note(DefectCode.KEY_TWICE, path, shorten(repr(twice)))
        return found
