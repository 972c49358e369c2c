"""Reading the small files of /sys: kept open, read from their begin, a failure told with its reason."""

from __future__ import annotations

import os
from pathlib import Path

from harness.meters.base import ReadFailed


def text(path: Path) -> str | None:
    """Content of a file without white space round it, or None where it cannot be read."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return None


def whole(path: Path) -> int | None:
    """Content of a file as a whole number, or None."""
    content = text(path)
    try:
        return int(content) if content is not None else None
    except ValueError:
        return None


class NumberFile:
    """One file that holds one number; opened once, because opening costs more than reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def read(self) -> int:
        """The number. Raises ReadFailed; the next read opens the file anew, so a device may come back."""
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            content = os.pread(self._descriptor, 64, 0)
            return int(content)
        except (OSError, ValueError) as error:
            self.close()
            reason = (
                error.strerror if isinstance(error, OSError) else f"not a number: {content[:32]!r}"
            )
            raise ReadFailed(f"{self.path.name}: {reason}") from None

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.close()
