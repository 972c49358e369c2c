"""Names of the files of a site: short, readable, and made of harmless characters only."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

MAX_READABLE = 44
"""Characters of a file name that repeat the name of what it shows."""
HASH_DIGITS = 6
"""Hexadecimal digits behind them, which tell apart what reads the same."""
_OTHERS = re.compile(r"[^a-z0-9]+")


def file_name(name: str, *identity: str) -> str:
    """Return a file name for a thing.

    Args:
        name: What it is called.
        identity: What tells it from things of the same name; the name itself where this is empty.
    """
    readable = _OTHERS.sub("-", name.lower()).strip("-")[:MAX_READABLE].strip("-")
    text = "\0".join(identity or (name,))
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
    return f"{readable}-{digest}" if readable else digest


def unique_names(names: Iterable[str]) -> list[str]:
    """Return the names, a number behind each that was there before."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return unique
