"""Text of a stranger as one line that can be looked at: what hides in it, or poses as a letter, is made visible."""

from __future__ import annotations

import json
import re

UNSEEN = "\N{REPLACEMENT CHARACTER}"
"""Stands for a character that cannot be shown as what it is."""
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
)
"""Characters that count as printable and show nothing: fillers, joiners and variation selectors."""
_POSING = re.compile("[ІЅЈАВЕЗКМНОРСТУХҮЬабгеорсухѕіјьһԁԛԝүΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορτυχՕՏսօոցհ]")
"""Cyrillic, Greek and Armenian letters that pass for Latin ones."""
_WORD = re.compile(r"\w+")


def printable(text: str) -> str:
    """`text` with U+FFFD for controls, direction and zero-width marks, and letters that pose among Latin ones."""
    if text.isascii():
        return (
            text if text.isprintable() else "".join(c if c.isprintable() else UNSEEN for c in text)
        )
    seen = "".join(c if c.isprintable() and c not in _BLANK else UNSEEN for c in text)
    return _WORD.sub(_unmasked, seen)


def _unmasked(word: re.Match[str]) -> str:
    """A word of Latin letters without what only looks like one; a word of another script is left alone."""
    return _POSING.sub(UNSEEN, word[0]) if re.search("[A-Za-z]", word[0]) else word[0]


def visible_json(text: str) -> str:
    """JSON with escapes for what cannot be seen: the same document, and UTF-8, but for lone surrogates."""
    if all(map(str.isprintable, text.split("\n"))):
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in well_formed(text)
    )


def well_formed(text: str) -> str:
    """`text` with U+FFFD for lone surrogates, so that it can be written as UTF-8."""
    return text if text.isascii() else _SURROGATE.sub(UNSEEN, text)


_SURROGATE = re.compile("[\ud800-\udfff]")
