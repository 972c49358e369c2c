"""Write text to files byte for byte, and hash texts."""

from __future__ import annotations

import hashlib
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 with the line ends the text has; folders are made as needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def sha1(text: str) -> str:
    """The hash client.json and server.json state of a file."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
