"""Tell how precise a printed reading is: half of its last digit was rounded away."""

from __future__ import annotations

import numpy as np

from harness.traces.trace import VALUE_MAX, Floats, Ints

DECIMALS = 6
"""PTDaemon prints so many decimals and fills them up with zeros."""
_TRAILING_ZEROS = sum((np.arange(1000) % power == 0).astype(np.int64) for power in (10, 100, 1000))
"""Trailing zeros of each number from 0 to 999, written with three digits."""
_HALF_DIGIT = np.array([0.5 * 10.0 ** (zeros - DECIMALS) for zeros in range(DECIMALS + 1)])
"""Half of the last digit, by the number of decimals that are filled in."""


def half_last_digit(value: Floats, max_filled: int | Ints = DECIMALS) -> Floats:
    """Return half of the last digit of printed values, in their unit.

    A zero at the end may be a digit or filled in; it is taken to be filled in, which is the
    larger uncertainty.

    Args:
        value: The values, not negative.
        max_filled: At most so many decimals are filled in.

    Example:
        >>> half_last_digit(np.array([172.9, 172.91])).tolist()
        [0.05, 0.005]
    """
    # Millionths are split into two groups of three digits: two table look-ups instead of six
    # divisions. `a - b * (a // b)` is a % b, in less time.
    micro = np.rint(np.minimum(value, VALUE_MAX) * 10**DECIMALS).astype(np.int64)
    milli = micro // 1000
    lower = micro - 1000 * milli
    upper = milli - 1000 * (milli // 1000)
    filled = _TRAILING_ZEROS[lower]
    filled += np.where(lower == 0, _TRAILING_ZEROS[upper], 0)
    return np.asarray(_HALF_DIGIT[np.minimum(filled, max_filled)], np.float64)
