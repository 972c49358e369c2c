"""Compare a packed submission with its manifest: what was changed, removed, added or renamed."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from harness.core.documents import canonical, parse_json
from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, first_unequal, read_blocks, read_bytes
from harness.core.schemas import check

MANIFEST = "manifest.json"
ENVELOPE = "manifest.dsse.json"
COUNTERSIGNATURE = "countersignature.dsse.json"
UNLISTED = frozenset({MANIFEST, ENVELOPE, COUNTERSIGNATURE})
"""Files at the top of a submission that no manifest can list, as they contain its hash."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where a submission is not what it should be.

    Attributes:
        where: Path or JSON pointer inside the submission.
        got: What is there.
        expected: What should be there.
    """

    where: str
    got: str
    expected: str


def read_manifest(folder: Path) -> bytes:
    """Read the bytes of the manifest.

    Raises:
        UnreadableError: There is no readable manifest.
    """
    return read_bytes(folder / MANIFEST, limit=MAX_DOCUMENT_BYTES)


def parse_manifest(content: bytes, where: str = MANIFEST) -> dict[str, Any]:
    """Parse a manifest, which must be valid and in the canonical spelling of RFC 8785.

    Raises:
        JoulemarkError: It is not.
    """
    return parse_canonical("manifest", content, where)


def parse_canonical(kind: str, content: bytes, where: str) -> dict[str, Any]:
    """Parse a document from its canonical bytes, and check it against its schema.

    Raises:
        JoulemarkError: The bytes are not canonical or the document is not valid.
    """
    document: dict[str, Any] = parse_json(content, where=where)
    check(kind, document, where=where)
    canonical_bytes = canonical(document)
    if canonical_bytes != content:
        raise UnreadableError(
            "is not in its canonical spelling",
            where=where,
            got=f"{len(content)} bytes in another spelling",
            expected=f"the {len(canonical_bytes)} bytes of RFC 8785",
        )
    return document


def differences(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield where a submission differs from its manifest.

    Every listed file must exist with its size and hash, every existing file must be listed, and
    nothing may be a link. A file that is listed several times is read once.
    """
    listed: dict[str, list[Mapping[str, Any]]] = {}
    for item in manifest["files"]:
        listed.setdefault(item["path"], []).append(item)
    for path in sorted(path for path, items in listed.items() if len(items) > 1):
        yield Difference(_shown(path), f"listed {len(listed[path])} times", "listed once")
    present = dict(_walk(folder))
    for path, items in listed.items():
        yield from _file_differences(folder, items[0], present.get(path))
    for path in sorted(present.keys() - listed.keys() - UNLISTED):
        if present[path] != "folder":
            got, expected = f"a {present[path]}", "nothing: the manifest does not list it"
            yield Difference(_shown(path), got, expected)


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield relative path and kind of everything below a folder; links are not followed."""
    pending = [""]
    while pending:
        inside = pending.pop()
        for name, kind in _listing(folder / inside):
            path = f"{inside}/{name}" if inside else name
            yield path, kind
            if kind == "folder":
                pending.append(path)


def _listing(folder: Path) -> list[tuple[str, str]]:
    """Return name and kind of each item in a folder; a folder that cannot be listed is reported."""
    try:
        return [
            (item.name, _kind(item.stat(follow_symlinks=False).st_mode))
            for item in os.scandir(folder)
        ]
    except OSError as error:
        return [("?", f"folder that cannot be listed: {error.strerror}")]


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    return "link" if stat.S_ISLNK(mode) else "device, pipe or socket"


def _file_differences(
    folder: Path, item: Mapping[str, Any], kind: str | None
) -> Iterator[Difference]:
    """Yield how a listed file differs from what the manifest states of it."""
    where, size, digest = _shown(item["path"]), item["bytes"], item["sha256"]
    if kind != "file":
        yield Difference(where, f"a {kind}" if kind else "nothing", f"a file of {size} bytes")
        return
    hashed, actual_size = hashlib.sha256(), 0
    try:
        for block in read_blocks(folder / item["path"]):
            hashed.update(block)
            actual_size += len(block)
    except UnreadableError as error:
        yield Difference(where, f"{error.message} {error.got}".strip(), f"a file of {size} bytes")
        return
    if actual_size != size:
        yield Difference(where, f"{actual_size} bytes", f"{size} bytes")
        return
    actual = hashed.hexdigest()
    if actual != digest:
        yield Difference(where, f"sha256 {actual}", f"sha256 {digest}")


def _shown(path: str) -> str:
    return shorten(path, 1000)


def first_difference(actual: bytes, expected: bytes, where: str) -> Difference:
    """Return the first place where two JSON documents differ, as a pointer or else as a byte."""
    try:
        values = parse_json(actual, where=where), parse_json(expected, where=where)
        unequal = _first_unequal_value(*values)
    except JoulemarkError:
        unequal = None
    if unequal is not None:
        pointer, got, wanted = unequal
        return Difference(f"{where}#{pointer}", got, wanted)
    at = first_unequal(actual, expected)
    return Difference(where, f"byte {at}: {actual[at : at + 20]!r}", f"{expected[at : at + 20]!r}")


def _first_unequal_value(actual: Any, expected: Any) -> tuple[str, str, str] | None:
    """Return pointer and both values of the first difference, in the order of the document."""
    pending = [("", actual, expected)]
    while pending:
        at, a, b = pending.pop()
        if isinstance(a, dict) and isinstance(b, dict):
            names = [*a, *(name for name in b if name not in a)]
            pending += [
                (f"{at}/{_step(n)}", a.get(n, _ABSENT), b.get(n, _ABSENT)) for n in reversed(names)
            ]
        elif isinstance(a, list) and isinstance(b, list):
            pairs = list(enumerate(zip_longest(a, b, fillvalue=_ABSENT)))
            pending += [(f"{at}/{i}", x, y) for i, (x, y) in reversed(pairs)]
        elif type(a) is not type(b) or a != b:
            return at, _value(a), _value(b)
    return None


_ABSENT = object()


def _step(name: str) -> str:
    return shorten(name).replace("~", "~0").replace("/", "~1")


def _value(value: Any) -> str:
    return "nothing" if value is _ABSENT else shorten(json.dumps(value, default=str))
