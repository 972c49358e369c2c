"""A wall clock that is wrong: every Python process that finds this folder on its path has it.

SKEW_S: how far it is ahead [s]; SKEW_RATE: how fast it runs away from the true one [s/s];
STEP_S: how far it is set at the monotonic time STEP_AT_S [s].
"""

import os
import time

_true_ns = time.time_ns
_skew_ns, _rate = (
    float(os.environ.get("SKEW_S", "0")) * 1e9,
    float(os.environ.get("SKEW_RATE", "0")),
)
_step_ns = float(os.environ.get("STEP_S", "0")) * 1e9
_step_at_s = float(os.environ.get("STEP_AT_S", "0"))


def _time_ns() -> int:
    step_ns = _step_ns if time.monotonic() >= _step_at_s else 0.0
    return _true_ns() + round(_skew_ns + step_ns + _rate * time.monotonic_ns())


time.time_ns = _time_ns
time.time = lambda: _time_ns() / 1e9
