"""Compare a printed figure with the value it was printed from.

A figure says no more than its digits: 12.71 may stand for anything from 12.705 to 12.715. So it is
compared within half of its last printed digit, and 12.708 agrees with it while 12.72 does not::

    agrees(12.708, "12.71")  # True
    agrees(1.89834, "1.90")  # True: the printed zero counts as a digit
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation

NUMBER = re.compile(r"[-+]?(?:\d{1,40}\.?\d{0,40}|\.\d{1,40})(?:[eE][-+]?\d{1,3})?", re.ASCII)
"""A decimal number as programs print it."""
STREAM_DIGITS = 6
"""Digits of a number with an exponent: C++ streams print six and leave zeros at the end out."""
FLOAT_ERROR = 1e-9
"""Relative error of reading numbers in binary; far below any printed digit."""


def half_last_digit(text: str) -> float | None:
    """Return half of the last digit of a printed number, in its unit; None for any other text.

    >>> half_last_digit("12.71")
    0.005
    """
    if not NUMBER.fullmatch(text):
        return None
    try:
        exponent = Decimal(text).as_tuple().exponent
    except InvalidOperation:
        return None
    return float(Decimal(5).scaleb(exponent - 1)) if isinstance(exponent, int) else None


def half_significant_digit(value: float, digits: int) -> float:
    """Return half of the last of a number of significant digits, in the unit of the value."""
    if value == 0:
        return 0.0
    magnitude = Decimal(repr(value)).adjusted()
    return float(Decimal(5).scaleb(magnitude - digits))


def agrees(value: float, text: str, *, value_error: float = 0.0) -> bool:
    """Return whether a value may have been printed as a text.

    Args:
        value: The value.
        text: The printed number; a text that is no number agrees with nothing.
        value_error: How far the value itself may be off, as it was printed too, in its unit.
    """
    half_digit = half_last_digit(text)
    printed = float(text) if half_digit is not None else math.inf
    if half_digit is None or not math.isfinite(printed):
        return False
    if "e" in text.lower():
        half_digit = min(half_digit, half_significant_digit(printed, STREAM_DIGITS))
    allowed = half_digit + value_error + FLOAT_ERROR * abs(value)
    return abs(value - printed) <= allowed
