"""Files are those whose hashes the submission states."""

import hashlib
from collections.abc import Iterator, Mapping

from harness.documents.errors import UnreadableError, shorten
from harness.documents.files import read_bytes
from harness.rules.base import Case, Hit, Rule

NEVER_SUBMITTED = frozenset({"run_1/ptd_out.txt", "ranging/ptd_out.txt"})
"""Hashed by MLPerf's server, left out of its submissions."""


def check(case: Case) -> Iterator[Hit]:
    if case.entry.format != "mlperf-inference-power" or not case.entry.runs:
        return
    facts = case.entry.runs[0].facts
    stated: dict[str, tuple[str, str]] = {}
    for side in ("client", "server"):
        results = facts.get(side, {}).get("results")
        for name, digest in results.items() if isinstance(results, Mapping) else ():
            stated[str(name)] = (str(digest), side)
    if not stated:
        yield Hit(
            "performance/power",
            "no hashes in client.json and server.json",
            "sha1 of each file",
            "Submit both files.",
        )
    root = case.entry.directory / "performance"
    for name, (digest, side) in sorted(stated.items()):
        if name in NEVER_SUBMITTED:
            continue
        parts = name.split("/")
        if ".." in parts or name.startswith("/") or "\\" in name or len(parts) > 4:
            yield Hit(
                f"performance/power/{side}.json",
                shorten(name),
                "a path in the result",
                "Do not edit the file.",
            )
            continue
        try:
            found = hashlib.sha1(read_bytes(root.joinpath(*parts)), usedforsecurity=False).hexdigest()
        except UnreadableError as error:
            yield Hit(f"performance/{name}", error.message, "the file that was hashed", "Submit the file.")
            continue
        if found != digest:
            yield Hit(
                f"performance/{name}", f"sha1 {found}", f"{shorten(digest, 40)}, as {side}.json states",
                "Submit the file as it was written.",
            )  # fmt: skip


RULE = Rule(
    id="declared-hashes",
    title="Files have the hashes that the submission states",
    why="A file edited after the run no longer has the hash that was taken at its end.",
    evidence="sha1 of each file named in the results of client.json and server.json.",
    remedy="Submit the files as they were written.",
    check=check,
)
