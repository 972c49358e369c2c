"""The chain of a journal: lines that bind all that was written before them.

    # chain: <SHA-256 of the link before and of every byte between the two, in hexadecimal>

The first link covers the header too. So a line that is edited, inserted, taken out or moved breaks the next link, and a
record that is cut off ends without one. Who makes a journal can make its chain anew: it shows what was changed since
the last link that others hold, in a signed manifest or elsewhere, and what was changed by hand.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

LINK, CLOCK, END = "# chain: ", "# clock: ", "# end: "

_LINK = re.compile(rb"^# chain: ([0-9a-f]{64})\n", re.M)
_UNLINKED = re.compile(rb"^# (?:clock|end): [^\n]*\n(?=[^\n]*\n)", re.M)
"""A line that the writer follows with a link in the same breath, and that another whole line follows."""


class Chain:
    """The writer's side: takes what is written, and gives the next link."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, written: bytes) -> None:
        """Take what was written."""
        self._hash.update(written)

    def link(self) -> bytes:
        """The line of a link over all that was taken; the next begins with it."""
        value = self._hash.digest()
        self._hash = hashlib.sha256(value)
        return f"{LINK}{value.hex()}\n".encode()


@dataclass(frozen=True, slots=True)
class Links:
    """What the chain of a journal says.

    count: links that are there; last: line number of the last one, 0 where there is none
    broken: (line number of the link before, of the first that does not fit what lies above it); None where all fit
    after: lines below the last link, that no link covers
    whole: whether the last link covers the last words of the sampler and ends the journal
    """

    count: int
    last: int
    broken: tuple[int, int] | None
    after: int
    whole: bool


def links(content: bytes) -> Links:
    """Check the chain of a journal. Each link is held against the one before as it is stated, so one is to blame."""
    previous, start, line, count = b"", 0, 0, 0
    broken: tuple[int, int] | None = None
    between = b""
    for match in _LINK.finditer(content):
        between, above = content[start : match.start()], line
        line += between.count(b"\n") + 1
        if broken is None and hashlib.sha256(previous + between).hexdigest() != match[1].decode():
            broken = (above, line)
        previous, start, count = bytes.fromhex(match[1].decode()), match.end(), count + 1
    rest = content[start:]
    ended = between[between[:-1].rfind(b"\n") + 1 :].startswith(END.encode())
    if broken is None and count:
        broken = _bad_tail(rest, line, ended)
    return Links(count, line, broken, len(rest.splitlines()), ended and not rest and broken is None)


def _bad_tail(rest: bytes, last: int, ended: bool) -> tuple[int, int] | None:
    """What no writer leaves below its last link: lines after its end, or a clock or end line without its link."""
    if ended and rest:
        return last, last + 1
    unlinked = _UNLINKED.search(rest)
    return (last, last + rest[: unlinked.end()].count(b"\n") + 1) if unlinked else None
