"""The last digit of a reading: what is behind it was rounded away."""

from __future__ import annotations

import numpy as np

from harness.traces.trace import VALUE_MAX, Floats, Ints

DECIMALS = 6
"""PTDaemon prints so many; zeros at the end are filled in."""


def half_last_digit(value: Floats, zeros: int | Ints = DECIMALS) -> Floats:
    """Half of the last digit of each value, in its unit; of the decimals at most `zeros` are taken for filled in."""
    micro = np.rint(np.minimum(value, VALUE_MAX) * 10**DECIMALS).astype(np.int64)
    milli = micro // 1000
    last = micro - 1000 * milli  # as % says, in less time
    filled = _ZEROS[last]
    filled += np.where(last == 0, _ZEROS[milli - milli // 1000 * 1000], 0)
    return np.asarray(_HALF[np.minimum(filled, zeros)], np.float64)


_ZEROS = sum((np.arange(1000) % power == 0).astype(np.int64) for power in (10, 100, 1000))
"""Zeros at the end of numbers of three digits."""
_HALF = np.array([0.5 * 10.0 ** (count - DECIMALS) for count in range(DECIMALS + 1)])
"""Half of the last digit by how many zeros are filled in."""
