"""Look up the rated power of accelerators, from data sheets.

``accelerators.csv`` lists patterns of names, the more special ones first.
"""

from __future__ import annotations

import csv
import functools
import re
from pathlib import Path

_MAX_NAME = 200
_WORD = re.compile(r"[a-z]+[0-9]+[a-z]*|[0-9]+|[a-z]+")


@functools.cache
def _table() -> tuple[tuple[tuple[str, ...], float], ...]:
    path = Path(__file__).with_name("accelerators.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return tuple((tuple(row["pattern"].split()), float(row["rated_w"])) for row in rows)


def rated_w(model: str) -> float | None:
    """Return the rated (maximum) power of one accelerator [W].

    Args:
        model: Its name, as a system description gives it.

    Returns:
        The power of the first pattern whose words all stand in the name; ``None`` if none does.
    """
    name = model[:_MAX_NAME].lower().replace("gaudi ", "gaudi")
    words = set(_WORD.findall(name))
    return next((power_w for pattern, power_w in _table() if words.issuperset(pattern)), None)
