"""A packed submission against its manifest: what was changed, taken out, added or put under another name."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import MAX_DOCUMENT_BYTES, first_unequal, read_bytes, sha256
from harness.core.schemas import canonical, check, parse_json

MANIFEST, ENVELOPE, COUNTERSIGNATURE = (
    "manifest.json",
    "manifest.dsse.json",
    "countersignature.dsse.json",
)
UNLISTED = frozenset({MANIFEST, ENVELOPE, COUNTERSIGNATURE})
"""Files at the top of a submission that no manifest can list: they hold its hash."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where something is not what it should be. where: inside the submission"""

    where: str
    got: str
    expected: str


def read_manifest(folder: Path) -> bytes:
    """The bytes of the manifest. Raises UnreadableError."""
    return read_bytes(folder / MANIFEST, limit=MAX_DOCUMENT_BYTES)


def parse_manifest(content: bytes, where: str = MANIFEST) -> dict[str, Any]:
    """The manifest that has these bytes: valid, and spelled as RFC 8785 demands. Raises JoulemarkError."""
    return parse_canonical("manifest", content, where)


def parse_canonical(kind: str, content: bytes, where: str) -> dict[str, Any]:
    """A valid document from its canonical bytes. Raises JoulemarkError."""
    document: dict[str, Any] = parse_json(content, where=where)
    check(kind, document, where=where)
    if (own := canonical(document)) != content:
        raise UnreadableError(
            "is not in its canonical bytes",
            where=where,
            got=f"{len(content)} bytes, spelled in another way",
            expected=f"the {len(own)} bytes of RFC 8785",
        )
    return document


def compare(folder: Path, manifest: Mapping[str, Any]) -> Iterator[Difference]:
    """Every file listed is there with its size and hash, and every file there is listed; nothing is a link."""
    listed = Counter(item["path"] for item in manifest["files"])
    for path in sorted(path for path, times in listed.items() if times > 1):
        yield Difference(path, f"listed {listed[path]} times", "listed once")
    there = dict(_walk(folder))
    for item in manifest["files"]:
        yield from _file(folder, item, there.get(item["path"]))
    for path in sorted(there.keys() - listed.keys() - UNLISTED):
        if there[path] != "folder":
            yield Difference(
                _shown(path), f"a {there[path]}", "nothing: the manifest does not list it"
            )


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    """(path inside, what it is) of all that lies below a folder; links are not followed."""
    pending = [""]
    while pending:
        inside = pending.pop()
        for name, kind in _listing(folder / inside):
            path = f"{inside}/{name}" if inside else name
            yield path, kind
            pending += [path] if kind == "folder" else []


def _listing(folder: Path) -> list[tuple[str, str]]:
    """(name, what it is) of what lies in a folder; what cannot be listed is not passed over."""
    try:
        return [
            (item.name, _kind(item.stat(follow_symlinks=False).st_mode))
            for item in os.scandir(folder)
        ]
    except OSError as error:
        return [("?", f"folder that cannot be listed: {error.strerror}")]


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"))
    return next((name for test, name in kinds if test(mode)), "device, pipe or socket")


def _file(folder: Path, item: Mapping[str, Any], kind: str | None) -> Iterator[Difference]:
    where, size, digest = _shown(item["path"]), item["bytes"], item["sha256"]
    if kind != "file":
        yield Difference(where, f"a {kind}" if kind else "nothing", f"a file of {size} bytes")
        return
    try:
        content = read_bytes(folder / item["path"])
    except UnreadableError as error:
        yield Difference(where, f"{error.message} {error.got}".strip(), f"a file of {size} bytes")
        return
    if len(content) != size:
        yield Difference(where, f"{len(content)} bytes", f"{size} bytes")
    elif (found := sha256(content)) != digest:
        yield Difference(where, f"sha256 {found}", f"sha256 {digest}")


def _shown(path: str) -> str:
    return shorten(path, 1000)


def difference(found: bytes, expected: bytes, where: str) -> Difference:
    """The first place where one JSON document differs from another, by its pointer; else by the byte."""
    try:
        place = _unequal(parse_json(found, where=where), parse_json(expected, where=where))
    except JoulemarkError:
        place = None
    if place is not None:
        pointer, got, wanted = place
        return Difference(f"{where}#{pointer}", got, wanted)
    at = first_unequal(found, expected)
    return Difference(where, f"byte {at}: {found[at : at + 20]!r}", f"{expected[at : at + 20]!r}")


def _unequal(found: Any, expected: Any) -> tuple[str, str, str] | None:
    """(pointer, got, expected) of the first value that differs, in the order of the document."""
    pending = [("", found, expected)]
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
