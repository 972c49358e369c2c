"""Files are those whose hashes the submission states."""

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.auditing.rules.base import Rule, RuleContext, Violation
from harness.core.content_cache import cached_by_content
from harness.core.errors import UnreadableError, shorten
from harness.core.files import read_bytes

NEEDED = (
    "power/client.log",
    "power/ptd_logs.txt",
    "power/server.log",
    *(
        f"{run}/{name}"
        for run in ("ranging", "run_1")
        for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt", "spl.txt")
    ),
)
"""Files that MLPerf's check.py wants hashed. Others may be hashed and left out, as ptd_out.txt is."""

DEEPEST = 10
"""Folders that a name may have; in v1.0 some lie below the names of system, benchmark and scenario once more."""
MOST_NAMED = 1000
"""So many files of each side are compared; the power workflow names a dozen."""


def check(case: RuleContext) -> Iterator[Violation]:
    inference = case.entry.runs[0].evidence.inference if case.entry.runs else None
    if case.entry.is_native or inference is None:
        yield Violation(
            "result",
            "no foreign files here",
            "client.json and server.json",
            "Audit those.",
            status="skip",
        )
        return
    stated = _stated({"client": inference.client, "server": inference.server})
    if not stated:
        yield Violation(
            "performance/power",
            "no hashes in client.json and server.json",
            "sha1 of each file",
            "Submit both files.",
        )
        return
    for name in NEEDED:
        if name not in stated:
            yield Violation(
                f"performance/{name}",
                "no hash in client.json or server.json",
                "its sha1",
                "Do not edit the two files.",
            )
    root = case.entry.directory / "performance"
    logs = inference.session.open() if inference.session else None
    read = logs.read if logs else lambda name: read_bytes(root / name)
    for name, (digest, side) in sorted(stated.items()):
        yield from _compare(root, name, digest, side, read)


@cached_by_content
def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _stated(documents: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """File -> (sha1, side that states it)."""
    found: dict[str, tuple[str, str]] = {}
    for side, document in documents.items():
        results = document.get("results")
        for name, digest in itertools.islice(
            results.items() if isinstance(results, Mapping) else (), MOST_NAMED
        ):
            found[str(name)] = (str(digest), side)
    return found


def _compare(
    root: Path, name: str, digest: str, side: str, read: Callable[[str], bytes]
) -> Iterator[Violation]:
    parts = name.split("/")
    if ".." in parts or name.startswith("/") or "\\" in name or len(parts) > DEEPEST:
        yield Violation(
            f"performance/power/{side}.json",
            shorten(name),
            "a path in the result",
            "Do not edit the file.",
        )
        return
    plain = "/".join(part for part in parts if part not in ("", "."))
    try:
        found = _sha1(read(plain))
    except UnreadableError as error:
        if name in NEEDED or os.path.lexists(root / plain):
            yield Violation(
                f"performance/{name}", error.message, "the file that was hashed", "Submit the file."
            )
        return
    if found != digest:
        yield Violation(
            f"performance/{name}",
            f"sha1 {found}",
            f"{shorten(digest, 40)}, as {side}.json states",
            "Submit the file as it was written.",
        )


RULE = Rule(
    id="declared-hashes",
    title="Files have the hashes that the submission states",
    why="A file edited after the run no longer has the hash that was taken at its end.",
    evidence="sha1 of each file named in the results of client.json and server.json, and whether all files that the "
    "power workflow hashes are named there. The two documents themselves are hashed by nobody.",
    remedy="Submit the files as they were written.",
    check=check,
)
