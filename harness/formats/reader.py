"""Reading the files of one entry: what is missing or broken becomes a defect, not an end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.documents.errors import JoulemarkError, UnreadableError, shorten
from harness.documents.files import MAX_DOCUMENT_BYTES, read_bytes
from harness.documents.validate import parse_json
from harness.formats.base import Defect


class Reader:
    """Reads files and collects the defects it met."""

    def __init__(self) -> None:
        self.defects: list[Defect] = []

    def note(self, code: str, path: Path, got: str, count: int = 1) -> None:
        self.defects.append(Defect(code, str(path), got, count))

    def optional(self, path: Path, *, quiet: bool = False) -> bytes:
        """The file's bytes, or none with a note."""
        if quiet and not path.exists():
            return b""
        try:
            content = read_bytes(path)
        except UnreadableError as error:
            self.note("file-unreadable", path, error.message)
            return b""
        if not content and not quiet:
            self.note("file-empty", path, "0 bytes")
        return content

    def document(self, path: Path) -> dict[str, Any]:
        """The file's JSON object, or an empty one with a note."""
        try:
            found = parse_json(read_bytes(path, limit=MAX_DOCUMENT_BYTES), where=str(path))
        except JoulemarkError as error:
            self.note("file-unreadable", path, shorten(error.message))
            return {}
        if not isinstance(found, dict):
            self.note("file-unreadable", path, f"a JSON {type(found).__name__}, not an object")
            return {}
        return found
