"""Read the small files of /sys: opened once, read from the start, failures with their reason."""

from __future__ import annotations

import os
from pathlib import Path

from harness.meters.base import ReadFailed


def text(path: Path) -> str | None:
    """Return the stripped content of a file, or None if it cannot be read."""
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return None


def whole(path: Path) -> int | None:
    """Return the content of a file as an integer, or None."""
    content = text(path)
    try:
        return int(content) if content is not None else None
    except ValueError:
        return None


class NumberFile:
    """A file that holds one integer. It is kept open, because opening costs more than reading."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def read(self) -> int:
        """Return the number. After a failure the file is opened anew, so a device may come back.

        Raises:
            ReadFailed: The file cannot be read, or holds no number.
        """
        try:
            if self._descriptor is None:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            content = os.pread(self._descriptor, 64, 0)
            return int(content)
        except OSError as error:
            reason = error.strerror
        except ValueError:
            reason = f"not a number: {content[:32]!r}"
        self.close()
        raise ReadFailed(f"{self.path.name}: {reason}")

    def close(self) -> None:
        """Close the file; the next read opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __del__(self) -> None:
        self.close()
