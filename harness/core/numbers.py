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


def stated_number(value: object) -> float | None:
    """Return the finite number that a JSON value is, or states as text; ``None`` for any other.

    Example:
        >>> stated_number(3), stated_number("3.5"), stated_number(True), stated_number(None)
        (3.0, 3.5, None, None)
    """
    if isinstance(value, str):
        return plain_number(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return number if math.isfinite(number) else None
