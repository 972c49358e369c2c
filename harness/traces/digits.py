"""The last digit of a reading: what is behind it was rounded away."""

from __future__ import annotations

import numpy as np

from harness.traces.trace import VALUE_MAX, Floats, Ints

DECIMALS = 6
"""PTDaemon prints so many; zeros at the end are filled in."""


def half_digit(value: Floats, zeros: int | Ints = DECIMALS) -> Floats:
    """Half of the last digit of each value, in its unit; of the decimals at most `zeros` are taken for filled in."""
    micro = np.rint(np.minimum(value, VALUE_MAX) * 10**DECIMALS).astype(np.int64)
    filled = np.zeros(value.shape, np.int64)
    for count in range(1, int(np.max(zeros)) + 1):
        filled += micro // 10**count * 10**count == micro  # as % says, in less time
    return _HALF[np.minimum(filled, zeros)]


_HALF = np.array([0.5 * 10.0 ** (count - DECIMALS) for count in range(DECIMALS + 1)])
"""Half of the last digit by how many zeros are filled in."""
