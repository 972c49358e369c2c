"""Gain and offset of a meter from the steady parts of the pulses.

A reading at an edge says when it was made, and little of the gain. So gain and offset come from the
readings whose window no edge is near; they hang neither on the lag nor on how the edges are drawn.

Errors of neighbouring readings go together: a counter's rounding at the end of one cell is that at
the beginning of the next with the other sign, and a load that drifts drifts for all readings of a
pulse. Between pulses they do not. So each pulse is left out in turn (delete-a-group jackknife), and
Student's t takes the pulses for what there is to know: pulses of unequal number of readings n count
as (sum n)^2 / sum n^2, and two are spent on gain and offset.

A load that hardly varies within its pulses is rounded the same way by all readings, which no pulse
shows. A meter of step q that sees a spread of s steps within a pulse has a variance of rounding of
q^2 / 12 * exp(-4 pi^2 s^2) left in the mean of the pulse (first harmonic of the sawtooth).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.live.calibration.interval import LEVEL, Interval
from harness.live.calibration.search import Search
from harness.traces.trace import Floats

MIN_PULSES = 8
"""Steady pulses, busy and idle, without which all readings are taken."""
SPENT, SPENT_ON_ALL = 2.0, 4.0
"""Parameters of a line, and with lag and window."""


@dataclass(frozen=True, slots=True)
class Line:
    """Gain and offset.

    Attributes:
        gain: Readings per unit of the reference.
        offset_w: Reading where the reference is zero [W].
    """

    gain: Interval
    offset_w: Interval


def steady_line(search: Search, lag_s: float, window_s: float, resolution_w: float) -> Line | None:
    """Return gain and offset by the steady pulses; None where there are too few.

    Args:
        search: The readings and the reference.
        lag_s: Lag [s].
        window_s: Window [s].
        resolution_w: Smallest step of the meter [W]; 0 where it is none of power.
    """
    pulses = _steady_pulses(search, lag_s, window_s)
    is_kept = pulses >= 0
    numbers, pulse_of = np.unique(pulses[is_kept], return_inverse=True)
    if len(numbers) < MIN_PULSES:
        return None
    reference_w = search.reference_w(lag_s, window_s)[is_kept]
    power_w = search.readings.power_w[is_kept]
    if float(np.ptp(reference_w)) < search.reference.height_w / 2:
        return None
    sums = np.array(
        [
            np.bincount(pulse_of, weights)
            for weights in (
                np.ones(len(power_w)),
                reference_w,
                power_w,
                reference_w**2,
                reference_w * power_w,
            )
        ]
    )
    gain, offset_w = _line(sums.sum(axis=1))
    left_out = np.array([_line(sums.sum(axis=1) - pulse) for pulse in sums.T])
    deviations = left_out - left_out.mean(axis=0)
    share = (len(numbers) - 1) / len(numbers)
    gain_error, offset_error_w = np.sqrt(share * (deviations**2).sum(axis=0))
    rounding_w = _rounding_w(power_w, reference_w, pulse_of, resolution_w)
    reach = _reach(sums[0])
    gain_error = np.hypot(gain_error, np.sqrt(2) * rounding_w / search.reference.height_w)
    offset_error_w = np.hypot(offset_error_w, rounding_w)
    return Line(
        Interval.around(gain, reach * float(gain_error)),
        Interval.around(offset_w, reach * float(offset_error_w)),
    )


def all_readings_line(search: Search, lag_s: float, window_s: float, effective: float) -> Line:
    """Return gain and offset by all readings at a lag and a window.

    Args:
        search: The readings and the reference.
        lag_s: Lag [s].
        window_s: Window [s].
        effective: Number of readings that tell something new.
    """
    reference_w, power_w = search.reference_w(lag_s, window_s), search.readings.power_w
    mean_w = float(reference_w.mean())
    deviation_w = reference_w - mean_w
    spread = max(float(deviation_w @ deviation_w), 1e-12)
    gain = max(float(deviation_w @ power_w) / spread, 0.0)
    offset_w = float(power_w.mean()) - gain * mean_w
    residual_w = power_w - offset_w - gain * reference_w
    freedom = max(effective - SPENT_ON_ALL, 1.0)
    noise = float(residual_w @ residual_w) / freedom * search.count / effective
    gain_variance = noise / spread
    offset_variance = noise / search.count + mean_w**2 * gain_variance
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    return Line(
        Interval.around(gain, reach * float(np.sqrt(gain_variance))),
        Interval.around(offset_w, reach * float(np.sqrt(offset_variance))),
    )


def _steady_pulses(search: Search, lag_s: float, window_s: float) -> NDArray[np.int64]:
    """Return the number of the pulse that each reading lies in; -1 where an edge is near."""
    begin_s, end_s = search.windows(lag_s, window_s)
    edges_s = search.reference.edges_s()
    apart_s = search.reference.interval_s
    first = np.searchsorted(edges_s, begin_s - apart_s)
    last = np.searchsorted(edges_s, end_s + apart_s)
    return np.where(first == last, first, -1)


def _line(sums: Floats) -> tuple[float, float]:
    """Return gain and offset by the sums of 1, x, y, x^2 and x y."""
    count, x, y, x_x, x_y = sums.tolist()
    spread = x_x - x * x / count
    gain = (x_y - x * y / count) / spread if spread > 0 else 0.0
    return gain, (y - gain * x) / count


def _reach(counts: Floats) -> float:
    """Return Student's t for pulses of some numbers of readings."""
    effective = float(counts.sum() ** 2 / (counts**2).sum())
    return float(stats.t.ppf((1 + LEVEL) / 2, max(effective - SPENT, 1.0)))


def _rounding_w(
    power_w: Floats, reference_w: Floats, pulse_of: NDArray[np.int64], resolution_w: float
) -> float:
    """Return the standard deviation of the rounding that is left in the mean of a pulse [W]."""
    if resolution_w <= 0:
        return 0.0
    counts = np.bincount(pulse_of)
    within_w = power_w - (np.bincount(pulse_of, power_w) / counts)[pulse_of]
    is_busy = reference_w > (reference_w.min() + reference_w.max()) / 2
    variances = [float(np.mean(within_w[half] ** 2)) for half in (is_busy, ~is_busy) if half.any()]
    rounding = resolution_w**2 / 12
    spread = max(min(variances) - rounding, 0.0) / resolution_w**2  # Sheppard's correction
    return float(np.sqrt(rounding * np.exp(-4 * np.pi**2 * spread)))
