"""The chain of a journal: lines that bind all that was written before them.

    # chain: <SHA-256 of the link before and of every byte between the two, in hexadecimal>

The first link covers the header too. A line that is edited, inserted, removed or moved breaks the
next link, and a record that is cut off ends without one. Whoever writes a journal can also write a
new chain, so it reveals edits by hand, and changes made after others received a link, in a signed
manifest or elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

LINK, CLOCK, END, NEXT = "# chain: ", "# clock: ", "# end: ", "# next: "
CONTEXT = "# context: "

_LINK = re.compile(rb"# chain: ([0-9a-f]{64})\n")
_LINK_BYTES = len(LINK) + 64 + 1
_UNLINKED = re.compile(rb"^# (?:clock|end|next): [^\n]*\n(?=[^\n]*\n)", re.M)
"""A clock or end line that is followed by another whole line than the link which the writer appends
to it."""


class Chain:
    """The writer's side: hashes what is written and returns the next link."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()
        self.last_link = ""

    def add(self, written: bytes) -> None:
        """Add what was written."""
        self._hash.update(written)

    def link(self) -> bytes:
        """Return the line of a link over everything added so far; the next link begins with it."""
        value = self._hash.digest()
        self._hash = hashlib.sha256(value)
        self.last_link = value.hex()
        return f"{LINK}{value.hex()}\n".encode()


@dataclass(frozen=True, slots=True)
class Links:
    """What the chain of a journal shows.

    Attributes:
        count: Number of links.
        last: Line number of the last link, 0 where there is none.
        broken: Line numbers of the first link that does not match the lines above it, and of the
            link before; in the order (before, broken). None where all match.
        after: Lines below the last link, which no link covers.
        whole: Whether the last link covers the end line of the sampler, or of this segment, and
            ends the file.
        last_link: The last link, in hexadecimal; the next segment names it.
    """

    count: int
    last: int
    broken: tuple[int, int] | None
    after: int
    whole: bool
    last_link: str = ""


def links(content: bytes) -> Links:
    """Check the chain of a journal.

    Each link is checked against the one before as it is stated, so one is to blame.
    """
    view = memoryview(content)
    previous, start, before, count = b"", 0, 0, 0
    broken: tuple[int, int] | None = None
    for link in _link_lines(content):
        before = start
        if broken is None:
            digest = hashlib.sha256(previous)
            digest.update(view[start : link.start()])
            if digest.hexdigest() != link[1].decode():
                broken = (_lines_above(content, start), _lines_above(content, link.end()))
        previous, start, count = bytes.fromhex(link[1].decode()), link.end(), count + 1
    between, rest = content[before : max(before, start - _LINK_BYTES)], content[start:]
    last_words = between[between[:-1].rfind(b"\n") + 1 :]
    ended = last_words.startswith((END.encode(), NEXT.encode()))
    line = _lines_above(content, start)
    if broken is None and count:
        broken = _bad_tail(rest, line, ended)
    whole = ended and not rest and broken is None
    return Links(count, line, broken, len(rest.splitlines()), whole, previous.hex())


def _link_lines(content: bytes) -> Iterator[re.Match[bytes]]:
    """Yield the lines of links; a search for fixed bytes is many times faster than a pattern."""
    start = LINK.encode()
    at = 0 if content.startswith(start) else content.find(b"\n" + start) + 1
    while at or content.startswith(start):
        link = _LINK.match(content, at)
        if link is not None:
            yield link
        at = content.find(b"\n" + start, at if link is None else link.end() - 1) + 1
        if not at:
            return


def _lines_above(content: bytes, at: int) -> int:
    """Return how many lines end before a position."""
    return content.count(b"\n", 0, at)


def _bad_tail(rest: bytes, last: int, ended: bool) -> tuple[int, int] | None:
    """Find what no writer leaves below its last link.

    Lines after its end, or a clock or end line without a link.
    """
    if ended and rest:
        return last, last + 1
    unlinked = _UNLINKED.search(rest)
    return (last, last + rest[: unlinked.end()].count(b"\n") + 1) if unlinked else None
