"""The last digit of a reading: what is behind it was rounded away."""

from __future__ import annotations

import numpy as np

from harness.traces.trace import VALUE_MAX, Floats

DECIMALS = 6
"""PTDaemon prints so many; zeros at the end are filled in."""


def half_digit(value: Floats, zeros: int = DECIMALS) -> Floats:
    """Half of the last digit of each value, in its unit; of the decimals at most `zeros` are taken for filled in."""
    micro = np.rint(np.minimum(value, VALUE_MAX) * 10**DECIMALS).astype(np.int64)
    half = np.full(value.shape, 0.5 * 10.0**-DECIMALS)
    for count in range(1, zeros + 1):
        half[micro // 10**count * 10**count == micro] = 0.5 * 10.0 ** (count - DECIMALS)
    return half
