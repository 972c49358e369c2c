"""Make text by strangers safe to show: hidden characters and look-alike letters become visible."""

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
"""Cyrillic, Greek and Armenian letters that look like Latin ones."""
_WORD = re.compile(r"\w+")


def printable(text: str) -> str:
    """Replace what misleads the eye by U+FFFD.

    That is controls, direction and zero-width marks, and look-alike letters among Latin ones.
    """
    if text.isascii():
        if text.isprintable():
            return text
        return "".join(c if c.isprintable() else UNSEEN for c in text)
    seen = "".join(c if c.isprintable() and c not in _BLANK else UNSEEN for c in text)
    return _WORD.sub(_unmasked, seen)


def _unmasked(word: re.Match[str]) -> str:
    """Replace look-alikes in a word with Latin letters; leave a word of another script alone."""
    return _POSING.sub(UNSEEN, word[0]) if re.search("[A-Za-z]", word[0]) else word[0]


def visible_json(text: str) -> str:
    """Escape invisible characters in JSON.

    The document stays the same, and becomes valid UTF-8, except for lone surrogates.
    """
    if all(map(str.isprintable, text.split("\n"))):
        return text
    return "".join(
        c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in well_formed(text)
    )


def well_formed(text: str) -> str:
    """Replace lone surrogates by U+FFFD, so that a text can be written as UTF-8."""
    return text if text.isascii() else _SURROGATE.sub(UNSEEN, text)


_SURROGATE = re.compile("[\ud800-\udfff]")
