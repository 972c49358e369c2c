"""A wall clock that is wrong: every Python process that finds this folder on its path has it.

SKEW_S: how far it is ahead [s]; SKEW_RATE: how fast it runs away from the true one [s/s]
"""

import os
import time

_true_ns = time.time_ns
_skew_ns, _rate = (
    float(os.environ.get("SKEW_S", "0")) * 1e9,
    float(os.environ.get("SKEW_RATE", "0")),
)


def _time_ns() -> int:
    return _true_ns() + round(_skew_ns + _rate * time.monotonic_ns())


time.time_ns = _time_ns
time.time = lambda: _time_ns() / 1e9
