"""Damage to a file that was valid: bytes, lines, numbers, and the types of JSON values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS = (
    b"0",
    b"-1",
    b"-0.0",
    b"1e308",
    b"-1e308",
    b"5e-324",
    b"1e-300",
    b"9.91E+37",
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-9223372036854775809",
    b"18446744073709551616",
    b"4102444800000000000",
    b"1" + b"0" * 400,
    b"1e400",
    b"0x10",
    b"1_000",
    b"",
    b"null",
    b"true",
)
TEXTS = (
    b"\x00",
    b"\r",
    b"\n",
    b"\t",
    b"\x1b[31m",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\\u0000",
    b"\xe2\x80\xae",
    b"\xe2\x80\x8b",
    b"'",
    b'"',
    b",",
    b"{",
    b"[",
    b"}",
    b"]",
    b":::MLLOG {",
    b"<script>",
    b"=1+1",
    b"Time,",
    b",Ch1,",
    b",Analyzer1,",
    b",Mark,",
    b"../",
    b"%s",
    b"*" * 300,
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1e308,
    -1e308,
    5e-324,
    2**63,
    -(2**63),
    2**64,
    10**400,
    "",
    "NaN",
    "1e999",
    "-5",
    "0",
    "\x00",
    "a" * 1000,
    [],
    {},
    [[]],
    [None],
    {"": None},
    [1, 2, 3],
    "2024-07-23T15:48:32Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+23:59",
    "../../x",
    "/etc/passwd",
    "\u202e",
    "$ref",
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_JSON = re.compile(rb"\{.*\}", re.DOTALL)


def mutate(content: bytes, seed: int) -> bytes:
    """`content` after one to four damages."""
    rng = Random(seed)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        content = rng.choice(WAYS)(content, rng)
    return content


def _flip(content: bytes, rng: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(min(len(changed), rng.choice((1, 1, 3, 20)))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(content: bytes, rng: Random) -> bytes:
    first, last = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    return rng.choice((content[:first], content[first:last], content[:first] + content[last:]))


def _insert(content: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + rng.choice(TEXTS) * rng.choice((1, 1, 1, 50)) + content[at:]


def _lines(content: bytes, rng: Random) -> bytes:
    lines = content.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    way = rng.randrange(5)
    if way == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif way == 1:
        lines[a : a + 1] = []
    elif way == 2:
        lines[a:a] = [lines[b]] * rng.choice((1, 1, 300))
    elif way == 3:
        lines[a] = lines[a][: rng.randrange(len(lines[a]) + 1)] + lines[b]
    else:
        return (b"\r\n", b"\r", b"\n\n", b"\x0b")[rng.randrange(4)].join(lines)
    return b"\n".join(lines)


def _number(content: bytes, rng: Random) -> bytes:
    found = list(_NUMBER.finditer(content))
    if not found:
        return content
    one, two = rng.choice(found), rng.choice(found)
    new = rng.choice(
        (rng.choice(NUMBERS), rng.choice(NUMBERS), two[0], b"-" + one[0], one[0] + b"0" * 6)
    )
    return content[: one.start()] + new + content[one.end() :]


def _cell(content: bytes, rng: Random) -> bytes:
    lines = content.split(b"\n")
    at = rng.randrange(len(lines))
    cells = lines[at].split(b",")
    where = rng.randrange(len(cells))
    way = rng.randrange(3)
    if way == 0:
        cells[where] = rng.choice(NUMBERS + TEXTS)
    elif way == 1:
        del cells[where]
    else:
        cells[where:where] = [cells[rng.randrange(len(cells))]] * rng.choice((1, 40))
    lines[at] = b",".join(cells)
    return b"\n".join(lines)


def _json(content: bytes, rng: Random) -> bytes:
    """A value of another type, a key more, less or twice, in the whole document or in one line."""
    whole = _JSON.fullmatch(content.strip())
    spans = [whole] if whole else list(re.finditer(rb"\{[^\n]*\}", content))
    span = rng.choice(spans) if spans else None
    try:
        document = json.loads(span[0]) if span else None
    except (ValueError, RecursionError):
        document = None
    if span is None or not isinstance(document, dict):
        return content
    _damage(document, rng)
    return content.replace(span[0], json.dumps(document).encode(), 1)


def _damage(document: Any, rng: Random) -> None:
    """One value somewhere below, the deeper the rarer."""
    while True:
        keys = list(document) if isinstance(document, dict) else list(range(len(document)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = document[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.2:
            break
        document = inner
    way = rng.randrange(6)
    if way == 0:
        del document[key]
    elif way == 1 and isinstance(document, dict):
        document[rng.choice(("", "x", "id", "value", "\u202e", "a" * 500))] = inner
    elif way == 2:
        document[key] = [inner] * rng.choice((1, 2, 200))
    elif way == 3:
        document[key] = document[rng.choice(keys)]
    else:
        document[key] = rng.choice(VALUES)


WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip,
    _cut,
    _insert,
    _lines,
    _number,
    _number,
    _cell,
    _json,
    _json,
    _json,
)
