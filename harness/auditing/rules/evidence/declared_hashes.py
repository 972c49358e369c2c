"""Files are those whose hashes the submission states."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from harness.auditing.report import Location
from harness.auditing.rules.base import POWER_SESSION, Rule, RuleContext, Violation
from harness.core.content_cache import cached_by_content
from harness.core.errors import UnreadableError, shorten
from harness.core.files import read_bytes
from harness.formats.evidence import InferenceEvidence

RUN_FILES = ("mlperf_log_detail.txt", "mlperf_log_summary.txt", "spl.txt")
REQUIRED = (
    "power/client.log",
    "power/ptd_logs.txt",
    "power/server.log",
    *(f"ranging/{name}" for name in RUN_FILES),
    *(f"run_1/{name}" for name in RUN_FILES),
)
"""Files that MLPerf's check.py wants hashed. Others may be hashed and left out."""

MAX_PATH_PARTS = 10
"""Folders that a name may have: some of v1.0 repeat those of system, benchmark and scenario."""
MAX_HASHES = 1000
"""Files of each side that are compared; the power workflow names a dozen."""

ReadFile = Callable[[str], bytes]
"""Read a file below `performance`; raises UnreadableError."""


class StatedHash(NamedTuple):
    """The sha1 of a file, and which side, client or server, states it."""

    digest: str
    side: str


def check(context: RuleContext) -> Iterator[Violation]:
    """Report files that are not hashed, are missing, or have another hash than stated."""
    inference = context.entry.runs[0].evidence.inference if context.entry.runs else None
    if context.entry.is_native or inference is None:
        yield Violation(
            "result",
            "no foreign files here",
            "client.json and server.json",
            "Audit those.",
            status="skip",
        )
        return
    stated_hashes = _stated_hashes({"client": inference.client, "server": inference.server})
    if not stated_hashes:
        yield Violation(
            Location(file="performance/power"),
            "no hashes in client.json and server.json",
            "sha1 of each file",
            "Submit both files.",
        )
        return
    for name in REQUIRED:
        if name not in stated_hashes:
            yield Violation(
                Location(file=f"performance/{name}"),
                "no hash in client.json or server.json",
                "its sha1",
                "Do not edit the two files.",
            )
    root = context.entry.directory / "performance"
    read_file = _reader(inference, root)
    for name, stated in sorted(stated_hashes.items()):
        yield from _compare(root, name, stated, read_file)


def _stated_hashes(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, StatedHash]:
    """Return the stated hash of each file, the server's where both sides state one."""
    hashes: dict[str, StatedHash] = {}
    for side, document in documents.items():
        results = document.get("results")
        if isinstance(results, Mapping):
            for name, digest in itertools.islice(results.items(), MAX_HASHES):
                hashes[str(name)] = StatedHash(str(digest), side)
    return hashes


def _reader(inference: InferenceEvidence, root: Path) -> ReadFile:
    """Return how to read a file below `performance`: by the session, which keeps its logs."""
    if inference.session is not None:
        return inference.session.open().read
    return lambda name: read_bytes(root / name)


@cached_by_content
def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _compare(root: Path, name: str, stated: StatedHash, read_file: ReadFile) -> Iterator[Violation]:
    if not _is_inside(name):
        yield Violation(
            Location(file=f"performance/power/{stated.side}.json"),
            shorten(name),
            "a path in the result",
            "Do not edit the file.",
        )
        return
    path = "/".join(part for part in name.split("/") if part not in ("", "."))
    try:
        digest = _sha1(read_file(path))
    except UnreadableError as error:
        if name in REQUIRED or os.path.lexists(root / path):
            expected = "the file that was hashed"
            yield Violation(
                Location(file=f"performance/{name}"), error.message, expected, "Submit the file."
            )
        return
    if digest != stated.digest:
        yield Violation(
            Location(file=f"performance/{name}"),
            f"sha1 {digest}",
            f"{shorten(stated.digest, 40)}, as {stated.side}.json states",
            "Submit the file as it was written.",
        )


def _is_inside(name: str) -> bool:
    """Return whether a name is a relative path that stays below its folder."""
    parts = name.split("/")
    leaves = ".." in parts or name.startswith("/") or "\\" in name
    return not leaves and len(parts) <= MAX_PATH_PARTS


RULE = Rule(
    id="declared-hashes",
    title="Files have the hashes that the submission states",
    why="A file that is edited after the run no longer has the hash that was taken at its end.",
    evidence="sha1 of each file named in the results of client.json and server.json, and whether "
    "all files that the power workflow hashes are named there. The two documents themselves have "
    "no hash.",
    remedy="Submit the files as they were written.",
    applies_to=POWER_SESSION,
    check=check,
)
