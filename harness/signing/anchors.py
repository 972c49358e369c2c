"""Check the journals of a submission against anchors.

An anchor is the head of a journal's hash chain, published while the run goes on; the first one is
the hash of the plan. A link binds everything above it, so a journal that was changed and chained
anew no longer has the links that were published. Only their presence is checked here; whether the
chain of a journal is intact is checked by the audit.

Anchors lie in a file that others hold, and in the run records. Those in the records prove nothing
by themselves; a time stamp of an authority (`harness.signing.time_stamps`) proves when a link
existed, wherever the anchor lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.documents import parse_json
from harness.core.errors import JoulemarkError, UnreadableError, shorten
from harness.core.files import (
    MAX_DOCUMENT_BYTES,
    MAX_FILE_BYTES,
    read_bytes,
    read_inside,
    sha256,
)
from harness.core.timeout import TimeLimitExceeded, deadline
from harness.core.timestamps import from_iso, to_iso
from harness.signing.manifest import Difference
from harness.signing.plans import PLAN
from harness.signing.time_stamps import stamped_ns

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HASH_BYTES = re.compile(rb"[0-9a-f]{64}")
_LINK_LINE = b"\n# chain: "
"""Begin of the line of a link (`harness.traces.journal.chain`)."""
MAX_ANCHOR_BYTES = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Times:
    """How many anchors there are, and when the first and the last of them were set.

    Attributes:
        count: Number of anchors.
        first: Time of the earliest (ISO 8601); None where there is none.
        last: Time of the latest (ISO 8601); None where there is none.
    """

    count: int = 0
    first: str | None = None
    last: str | None = None

    @classmethod
    def from_times(cls, times: Iterable[str]) -> Times:
        """Return the count and range of some times (ISO 8601)."""
        ordered = sorted(times, key=from_iso)
        return cls(len(ordered), ordered[0], ordered[-1]) if ordered else cls()


@dataclass(frozen=True, slots=True)
class Anchors:
    """The outcome of a check of anchors.

    Attributes:
        held: Published anchors that hold, by the times that they state: a journal has their link,
            or a plan their hash.
        stamped: Those that a trusted authority stamped, by its times.
        missing: Anchors that do not hold, and plans that were stamped after their runs began.
    """

    held: Times
    stamped: Times
    missing: tuple[Difference, ...]


class _Anchor(NamedTuple):
    """One anchor: when and where it was set, and the authority's stamp; "" for none."""

    at: str
    link: str
    label: str
    stamp: str


def check_anchors(
    folder: Path, file: Path | None = None, roots: Iterable[Certificate] = ()
) -> Anchors:
    """Look up each anchor in the journals and plans of a submission.

    Args:
        folder: The submission.
        file: Anchors that others hold, a line of JSON each, as `joulemark run --anchor` wrote them.
        roots: Certificates of trusted time-stamp authorities. With them the stamps in the file and
            in the run records are checked.

    Raises:
        UnreadableError: The file cannot be read, or a line of it is not an anchor.
    """
    links, trusted = _links_of(folder), list(roots)
    held: list[str] = []
    stamped_at: list[str] = []
    missing: list[Difference] = []
    published = list(dict.fromkeys(_lines(file) if file is not None else ()))
    records = _records(folder) if trusted else []
    recorded = [anchor for path in records for anchor in _recorded(path)]
    for number, anchor in enumerate(dict.fromkeys(published + recorded), 1):
        where = f"{anchor.label}, anchor {number}"
        if anchor.link not in links:
            expected = f"the journal as it was at {shorten(anchor.at)}"
            missing.append(Difference(where, "no journal with this link", expected))
            continue
        if number <= len(published):  # the times in a record are the submitter's own words
            held.append(anchor.at)
        if anchor.stamp and trusted:
            try:
                stamped_at.append(to_iso(stamped_ns(anchor.stamp, anchor.link, trusted)))
            except UnreadableError as error:
                got = f"{error.message}: {error.got}"
                missing.append(Difference(where, got, "a stamp of a trusted authority"))
    if trusted:
        for path in _records(folder):
            missing += _late_plan(path, folder, trusted)
    return Anchors(Times.from_times(held), Times.from_times(stamped_at), tuple(missing))


def check_anchors_within(
    folder: Path, file: Path | None, roots: Iterable[Certificate], timeout_s: float | None
) -> Anchors:
    """Look up each anchor as `check_anchors` does; one that takes longer than a time [s] fails."""
    try:
        with deadline(timeout_s):
            return check_anchors(folder, file, roots)
    except TimeLimitExceeded as error:
        late = Difference("anchors", f"not looked up: {error}", f"at most {timeout_s:g} s")
        return Anchors(Times(), Times(), (late,))


def _late_plan(path: Path, folder: Path, roots: list[Certificate]) -> Iterator[Difference]:
    """Yield a plan that an authority stamped only after the window of its run had begun."""
    record = _read_record(path)
    window = record.get("window")
    start = window.get("start") if isinstance(window, dict) else None
    for anchor in _anchors_in(record, "plan_anchors"):
        if not anchor.stamp or not isinstance(start, str):
            continue
        try:
            late = stamped_ns(anchor.stamp, anchor.link, roots) > from_iso(start)
        except UnreadableError:
            continue  # reported with the anchor
        if late:
            where = path.relative_to(folder).as_posix()
            yield Difference(where, "a plan stamped after the run began", f"before {start}")


def _links_of(folder: Path) -> set[str]:
    """Return all links of the journals below a folder, and the hashes of its plans."""
    links: set[str] = set()
    for path in sorted(folder.glob("**/samples/*.csv")):
        links |= _stated_links(_content(folder, path, MAX_FILE_BYTES))
    for path in sorted(folder.glob(f"**/{PLAN}")):
        links.add(sha256(_content(folder, path, MAX_DOCUMENT_BYTES)))
    return links


def _stated_links(journal: bytes) -> set[str]:
    """Return the links of a journal, whether they hold or not."""
    texts = (b"\n" + journal).split(_LINK_LINE)[1:]
    return {
        text[:64].decode() for text in texts if _HASH_BYTES.match(text) and text[64:65] in b"\n"
    }


def _content(folder: Path, path: Path, limit: int) -> bytes:
    """Return the bytes of a file below a folder; none where it cannot be read.

    The comparison of files reports it.
    """
    try:
        return read_inside(folder, path.relative_to(folder).as_posix(), limit=limit)
    except JoulemarkError:
        return b""


def _lines(file: Path) -> Iterator[_Anchor]:
    """Yield the anchors of a file."""
    for number, line in enumerate(read_bytes(file, limit=MAX_ANCHOR_BYTES).splitlines(), 1):
        try:
            anchor = _anchor(parse_json(line, where=f"{file}:{number}"))
        except JoulemarkError:
            anchor = None
        if anchor is None:
            raise UnreadableError(
                "is not an anchor",
                where=f"{file}:{number}",
                expected="a line that joulemark run --anchor wrote",
            )
        yield anchor


def _records(folder: Path) -> list[Path]:
    return sorted(folder.glob("**/run.json"))


def _read_record(path: Path) -> Mapping[str, Any]:
    try:
        document = parse_json(read_bytes(path, limit=MAX_DOCUMENT_BYTES), where=str(path))
    except JoulemarkError:
        return {}  # reported by the comparison of records
    return document if isinstance(document, dict) else {}


def _recorded(path: Path) -> Iterator[_Anchor]:
    """Yield the anchors that a run record repeats."""
    record = _read_record(path)
    yield from _anchors_in(record, "plan_anchors")
    yield from _anchors_in(record, "anchors")


def _anchors_in(record: Mapping[str, Any], name: str) -> Iterator[_Anchor]:
    facts = record.get("facts")
    items = facts.get(name) if isinstance(facts, dict) else None
    for item in items if isinstance(items, list) else ():
        anchor = _anchor(item)
        if anchor is not None:
            yield anchor


def _anchor(item: object) -> _Anchor | None:
    """Return an anchor of its document; None where it is none."""
    if not isinstance(item, dict):
        return None
    names = ("at", "link", "run", "journal", "stamp")
    texts = {name: item[name] for name in names if isinstance(item.get(name), str)}
    if not texts.keys() >= {"at", "link", "run", "journal"} or not _HASH.fullmatch(texts["link"]):
        return None
    try:
        from_iso(texts["at"])
    except UnreadableError:
        return None
    label = shorten(f"{texts['run']}/{texts['journal']}")
    return _Anchor(texts["at"], texts["link"], label, texts.get("stamp", ""))
