"""Write the files of a site, and bind them by a tree of hashes.

The tree is that of RFC 6962 over all files in the order of their paths:

- a leaf is ``SHA-256(0x00 || path || 0x00 || SHA-256(content))``;
- a node is ``SHA-256(0x01 || left || right)``, and splits its leaves at the largest power of two
  below their number;
- its root names the whole site: no byte of any file can change without changing it.

``SHA256SUMS`` lists the same hashes for ``sha256sum --check``, and ``tree.js`` for browsers. These
two state the tree and are no part of it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.core.errors import UsageError

SUMS = "SHA256SUMS"
TREE = "tree.js"
MARKER = "joulemark-site.json"
"""File at the top of a site by which a later build knows that the folder is its own."""
FOLDERS = ("assets", "benchmarks", "evidence", "results", "rules", "submitters")
"""Folders of a site; a build empties those that are there."""


def tree_root(digests: Mapping[str, bytes]) -> bytes:
    """Return the root of the tree over files.

    Args:
        digests: SHA-256 of each file by its path inside the site.
    """
    leaves = [
        hashlib.sha256(b"\0" + path.encode() + b"\0" + digests[path]).digest()
        for path in sorted(digests)
    ]
    return _node(leaves)


def _node(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while 2 * split < len(leaves):
        split *= 2
    return hashlib.sha256(b"\1" + _node(leaves[:split]) + _node(leaves[split:])).digest()


class SiteWriter:
    """Write the files of one site into a folder of its own.

    Attributes:
        folder: The folder.
        digests: SHA-256 of each file that was written, by its path inside the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digests: dict[str, bytes] = {}
        _prepare(folder)

    def write(self, path: str, content: str | bytes) -> None:
        """Write one file.

        Args:
            path: Path inside the site, with slashes.
            content: Its text or bytes.
        """
        data = content.encode() if isinstance(content, str) else content
        (self.folder / path).write_bytes(data)
        self.digests[path] = hashlib.sha256(data).digest()

    def finish(self) -> str:
        """Write both lists of hashes; return the root of the tree, in hexadecimal."""
        names = sorted(self.digests)
        root = tree_root(self.digests).hex()
        hexadecimal = {name: self.digests[name].hex() for name in names}
        lines = [f"{hexadecimal[name]}  {name}\n" for name in names]
        (self.folder / SUMS).write_text("".join(lines), "utf-8")
        tree = json.dumps({"root": root, "files": hexadecimal}, separators=(",", ":"))
        (self.folder / TREE).write_text(f"joulemark.receiveTree({tree});\n", "utf-8")
        return root


def _prepare(folder: Path) -> None:
    """Create the folder of a site, or empty the site that is there.

    Raises:
        UsageError: The folder holds something else than a site.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError("is not a folder, and is not replaced", where=str(folder))
    is_foreign = folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).is_file()
    if is_foreign:
        raise UsageError(
            "holds files that are not of a board",
            where=str(folder),
            expected="an empty folder, a new one, or an earlier board",
            fix="Choose another folder.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for item in folder.iterdir():
        if item.is_symlink():
            raise UsageError("is a link, and is not replaced", where=str(item))
    # what an interrupted build leaves has no tree, so it does not pass for the earlier site
    for name in (SUMS, TREE):
        (folder / name).unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir()
