"""Check the journals of a submission against anchors.

An anchor is the head of a journal's hash chain, published while the run goes on; the first one is
the hash of the plan. A link binds everything above it, so a journal that was changed and chained
anew no longer has the links that were published. Only their presence is checked here; whether the
chain of a journal is intact is checked by the audit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import JoulemarkError, UnreadableError
from harness.core.files import read_bytes, sha256
from harness.signing.manifest import Difference

_LINK = re.compile(rb"^# chain: ([0-9a-f]{64})$", re.M)
MAX_ANCHOR_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Anchors:
    """The outcome of a check of anchors.

    Attributes:
        count: Number of anchors that hold: a journal has their link, or a plan their hash.
        first: Time of the earliest anchor that holds (ISO 8601); None if none does.
        last: Time of the latest anchor that holds (ISO 8601); None if none does.
        missing: Anchors that do not hold.
    """

    count: int
    first: str | None
    last: str | None
    missing: tuple[Difference, ...]


def check_anchors(folder: Path, file: Path) -> Anchors:
    """Look up each anchor of a file in the journals and plans of a submission.

    Args:
        folder: The submission.
        file: The anchors, a line of JSON each, as `joulemark run --anchor` wrote them.

    Raises:
        UnreadableError: The file cannot be read, or a line of it is not an anchor.
    """
    links = _links_of(folder)
    times, missing = [], []
    for number, (at, link, label) in enumerate(_lines(file), 1):
        if link in links:
            times.append(at)
        else:
            got, expected = "no journal with this link", f"the journal as it was at {at}"
            missing.append(Difference(f"{label}, anchor {number}", got, expected))
    times.sort()
    first, last = (times[0], times[-1]) if times else (None, None)
    return Anchors(len(times), first, last, tuple(missing))


def _links_of(folder: Path) -> set[str]:
    """Return all links of the journals below a folder, and the hashes of its plans."""
    links: set[str] = set()
    for path in sorted(folder.glob("**/samples/*.csv")):
        try:
            links |= {match.decode() for match in _LINK.findall(read_bytes(path))}
        except JoulemarkError:
            continue  # the comparison of files reports it
    for path in sorted(folder.glob("**/plan.json")):
        links.add(sha256(read_bytes(path)))
    return links


def _lines(file: Path) -> Iterator[tuple[str, str, str]]:
    """Yield time, link and `RUN/JOURNAL` of each anchor of a file."""
    for number, line in enumerate(read_bytes(file, limit=MAX_ANCHOR_BYTES).splitlines(), 1):
        try:
            item = json.loads(line)
            yield str(item["at"]), str(item["link"]), f"{item['run']}/{item['journal']}"
        except (ValueError, TypeError, LookupError, RecursionError):
            raise UnreadableError(
                "is not an anchor",
                where=f"{file}:{number}",
                expected="a line that joulemark run --anchor wrote",
            ) from None
