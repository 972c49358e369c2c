"""Read numbers that files give as text.

Python's own ``float`` and ``int`` accept what no logger writes and other tools read otherwise:
``1_0``, full-width and Arabic digits, ``nan``, ``infinity``. Readers of files use these functions.
"""

from __future__ import annotations

import math
import re

_NUMBER = re.compile(rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,4})?")
_MAX_LENGTH = 400
"""No number of a file is longer [bytes]; real ones have at most about 25."""


def plain_number(text: str | bytes) -> float | None:
    """Return the finite number that a text states in ASCII digits; ``None`` if it states none.

    A decimal point, an exponent, a sign, and white space around the number are allowed.

    Example:
        >>> plain_number(" 1.5e3 "), plain_number("1_0"), plain_number("nan")
        (1500.0, None, None)
    """
    if len(text) > _MAX_LENGTH:
        return None
    if isinstance(text, str):
        if not text.isascii():
            return None
        text = text.encode("ascii")
    text = text.strip()
    value = float(text) if _NUMBER.fullmatch(text) else math.inf
    return value if math.isfinite(value) else None
