"""Read MLLOG lines, which LoadGen's detail log and training logs are made of.

A line is the token ``:::MLLOG`` and one JSON object with ``key``, ``value``, ``time_ms`` and
``metadata``. Real logs deviate from that, and are read as MLPerf's own parser reads them:

- ranks that write at once leave several events on one line; if one of them is broken, only the
  last counts
- colours of the terminal follow the last brace
- some texts are Latin-1, not UTF-8

Most lines of a detail log are of no interest, so `select` decodes only those that name one of
the wanted keys. `read_all` decodes all. Columns of power readings have a reader of their own,
:mod:`harness.formats.mlperf.power_columns`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any

import msgspec

from harness.core.numbers import stated_number
from harness.traces.text_lines import steps

TOKEN = b":::MLLOG"
HEAD = TOKEN + b" {"
"""How a line begins that holds an event and nothing before it."""
MAX_BROKEN_LINES = 100_000
"""After so many broken lines a log is read no further: each costs as much as twenty good ones."""
MAX_LINE_BYTES = 2**20
"""A longer line is broken; real ones have less than a hundredth of it."""
SEARCH_BYTES = 16384
"""A name is searched for in so many bytes at once."""
CHUNK_BYTES = 2**20
MAX_NUMBER = 1e60
"""No log holds a larger number that means anything."""
_SCALAR = (bool, int, float, str, type(None))
DECODE_ERRORS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


class Line(msgspec.Struct, gc=False):
    """The fields of an MLLOG line that the harness uses.

    Attributes:
        key: What the event is.
        value: Its value: a number, a text or null; lists and objects are dropped.
        time_ms: Its time as the line states it, of any type.
        metadata: Its metadata; lists and objects inside are dropped.
    """

    key: str
    value: Any = None
    time_ms: Any = None
    metadata: Any = None


class _PlainLine(Line, gc=False):
    """A line whose value and metadata are numbers and texts."""

    value: bool | int | float | str | None = None
    metadata: dict[str, bool | int | float | str | None] | None = None


class _KeyOnly(msgspec.Struct, gc=False):
    key: str


_LINE = re.compile(re.escape(TOKEN) + rb"([^\n]*)")
"""What follows the token in each line that has it."""
_decoder = msgspec.json.Decoder(Line)
_plain_decoder = msgspec.json.Decoder(_PlainLine)
_key_decoder = msgspec.json.Decoder(_KeyOnly)


def select(content: bytes, keys: Iterable[str]) -> tuple[list[Line], int]:
    """Return the lines with one of some keys.

    Args:
        content: The log.
        keys: The keys.

    Returns:
        The lines in file order, and how many lines that name one of the keys are broken.
    """
    wanted = frozenset(keys)
    lines: list[Line] = []
    broken_count = failed_count = 0
    for texts in _texts_naming(content, _names_in_quotes(wanted)):
        decoded = _select_at_once(texts, wanted)
        if decoded is not None:
            lines += decoded
            continue
        for text in texts:
            events, broken = _events(text, wanted)
            lines += events
            if broken:
                broken_count += any(b'"' + key.encode() + b'"' in broken for key in wanted)
                failed_count += 1
                if failed_count > MAX_BROKEN_LINES:  # not a log at all
                    return lines, max(broken_count, 1)
    return lines, broken_count


def _select_at_once(texts: list[bytes], wanted: frozenset[str]) -> Sequence[Line] | None:
    """Decode all lines at once; ``None`` if one is broken or holds more than scalars."""
    try:
        keys = _key_decoder.decode_lines(b"\n".join(texts))
        if len(keys) != len(texts):
            return None
        chosen = [text for text, line in zip(texts, keys, strict=True) if line.key in wanted]
        if max(map(len, chosen), default=0) > MAX_LINE_BYTES:
            return None
        lines = _plain_decoder.decode_lines(b"\n".join(chosen))
    except DECODE_ERRORS:
        return None
    return lines if len(lines) == len(chosen) else None


def read_all(content: bytes) -> tuple[list[Line], int]:
    """Return all MLLOG lines of a log, and how many lines with the token are broken."""
    plain_lines = decode_lines(content, _plain_decoder)
    if plain_lines is not None:
        return plain_lines, 0
    lines: list[Line] = []
    broken_count = 0
    for text in chain.from_iterable(_texts(content)):
        events, broken = _events(text)
        lines += events
        broken_count += bool(broken)
        if broken_count > MAX_BROKEN_LINES:
            break
    return lines, broken_count


def read_markers(content: bytes) -> list[Line] | None:
    """Return all lines of a log of nothing but whole MLLOG lines; ``None`` for any other."""
    return decode_lines(content, _decoder)


def glued(content: bytes) -> int:
    """Count the events that stand on a line behind another one."""
    return content.count(TOKEN) - sum(map(len, _texts(content)))


def decode_lines(content: bytes, decoder: msgspec.json.Decoder[Any]) -> list[Any] | None:
    """Decode all lines at once; ``None`` if one of them is not what the decoder accepts."""
    head, *rest = content.split(HEAD)
    if head:
        return None
    try:
        lines = decoder.decode_lines(b"{".join([head, *rest]))
    except DECODE_ERRORS:
        return None
    return lines if len(lines) == len(rest) else None


def _events(text: bytes, wanted: frozenset[str] | None = None) -> tuple[list[Line], bytes]:
    """Return the events of a line, and what of the line could not be decoded."""
    # 1. One event, as almost every line has.
    try:
        return _event(text, wanted), b""
    except DECODE_ERRORS:
        if len(text) > MAX_LINE_BYTES:
            return [], text
    # 2. Several events; 3. if one of them is broken, the last alone.
    parts = text.split(TOKEN)
    for first in sorted({0, len(parts) - 1}):
        events: list[Line] = []
        try:
            for part in parts[first:]:
                events += _event(_repaired(part), wanted)
        except DECODE_ERRORS:
            continue
        return events, b"".join(parts[:first])
    return [], text


def _event(text: bytes, wanted: frozenset[str] | None) -> list[Line]:
    if wanted is not None and _key_decoder.decode(text).key not in wanted:
        return []
    return [_without_containers(text)]


def _repaired(text: bytes) -> bytes:
    """Cut what follows the last brace, such as a colour of the terminal, and make it UTF-8."""
    event = text[: text.rfind(b"}") + 1]
    try:
        event.decode()
    except UnicodeDecodeError:
        return event.decode("latin-1").encode()
    return event


def _without_containers(text: bytes) -> Line:
    """Decode a line, and drop lists and objects, which nobody reads and memory would hold."""
    if len(text) > MAX_LINE_BYTES:
        raise msgspec.DecodeError("the line is longer than any")
    line = _decoder.decode(text)
    if not isinstance(line.value, _SCALAR):
        line.value = None
    if isinstance(line.metadata, dict):
        line.metadata = {
            name: value for name, value in line.metadata.items() if isinstance(value, _SCALAR)
        }
    return line


def _texts(content: bytes) -> Iterator[list[bytes]]:
    """Yield what follows the token in each line, in chunks: many short lines cost no memory."""
    for start, stop in steps(content, CHUNK_BYTES):
        yield _LINE.findall(content, start, stop)


def _texts_naming(content: bytes, name: re.Pattern[bytes]) -> Iterator[list[bytes]]:
    """Yield those of them that hold a name, or a backslash, which may hide one."""
    for start, stop in steps(content, CHUNK_BYTES):
        texts: list[bytes] = []
        position, named = start, -1
        while (position := content.find(TOKEN, position, stop)) >= 0:
            if named < position:
                named = _find_name(content, name, position, stop)
            backslash = content.find(b"\\", position, named)
            hit = named if backslash < 0 else backslash
            if hit == stop:
                break
            line_end = content.find(b"\n", hit, stop)
            if line_end < 0:
                line_end = stop
            line_start = content.rfind(b"\n", position, hit) + 1 or position
            token = content.find(TOKEN, line_start, line_end)
            if token >= 0:
                texts.append(content[token + len(TOKEN) : line_end])
            position = line_end
        yield texts


def _find_name(content: bytes, name: re.Pattern[bytes], start: int, stop: int) -> int:
    """Return where the first name stands, or ``stop``.

    After a stretch without a name the search goes on at the next quote, so that a long list of
    numbers, which holds none, is skipped fast.
    """
    position = start
    while 0 <= position < stop:
        # No name is longer than the pattern of all names.
        end = min(position + SEARCH_BYTES + len(name.pattern), stop)
        match = name.search(content, position, end)
        if match:
            return match.start()
        position = content.find(b'"', position + SEARCH_BYTES, stop)
    return stop


@functools.lru_cache(16)
def _names_in_quotes(names: frozenset[str]) -> re.Pattern[bytes]:
    """Return a pattern of any of some names in quotes.

    Names are grouped by their first word, as in ``"(?:result(?:_a|_b)|power(?:_begin))"``:
    the search is then faster, since many names begin alike.
    """
    groups = []
    for word, members in groupby(sorted(names), lambda name: name.partition("_")[0]):
        endings = "|".join(re.escape(name[len(word) :]) for name in members)
        groups.append(f"{re.escape(word)}(?:{endings})")
    return re.compile(f'"(?:{"|".join(groups)})"'.encode("utf-8", "surrogatepass"))


def number(value: object) -> float | None:
    """Return the number that an MLLOG value is or states as text.

    ``None`` if it is none, or beyond ``MAX_NUMBER``. A number nearer to 0 than 1/``MAX_NUMBER``
    is 0, so that products and ratios of a few such numbers are finite.
    """
    result = stated_number(value)
    if result is None or abs(result) > MAX_NUMBER:
        return None
    return result if abs(result) >= 1 / MAX_NUMBER else 0.0


def count(value: object) -> float | None:
    """Return a number that may count work: from a millionth to 1e18; ``None`` for any other."""
    result = number(value)
    return result if result is not None and 1e-6 <= result <= 1e18 else None
