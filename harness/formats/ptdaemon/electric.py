"""Judge what spl.txt states beside power: voltage, current and power factor.

The columns are used and let go; what rules need of them is kept small, in `Electric`. A reading
of one channel must fulfil W = V A PF. A group that sums up n channels states their mean voltage
and mean current, so that W is at most n V A PF and a little more (`MEANS_MARGIN`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.formats.ptdaemon.rounding import half_last_digit
from harness.formats.ptdaemon.spl_table import SplTable
from harness.traces.trace import VALUE_MAX, Floats, Ints

MEANS_MARGIN = 0.01
"""Mean voltage times mean current deviates from the mean of V A by at most this share."""
ALWAYS_ALLOWED = (0.001, 0.1)
"""A mismatch below 0.1 % and below 0.1 W is allowed by every limit, so it is not looked into."""
_MAX_FILLED = np.array([5, 5, 4, 3])
"""Decimals of W, V, A and PF that may be filled in with zeros; the others each analyzer prints."""
MAX_WEIGHTED_GROUPS = 16


def _primes(below: int) -> list[int]:
    return [n for n in range(2, below) if all(n % divisor for divisor in range(2, n))]


_WEIGHTS = np.sqrt(np.array(_primes(400)[:64], np.float64))
"""Weights that are independent over the rationals, so that readings of different columns do not
have the same weighted sum by chance."""


@dataclass(frozen=True, slots=True)
class Electric:
    """What spl.txt states beside power.

    Attributes:
        lines: How many readings it has.
        parts: Ids of all channels or analyzers that the lines name.
        channels: How many channels the total and each part sum up; 0 if unknown.
        volts_max: Largest voltage of the total and of each part [V].
        amps_max: Largest current of the total and of each part [A].
        mismatch_w: By reading, the difference of W and V A PF beyond the printed digits, of the
            group where it is worst [W], float32, shape (n,).
        mismatch_power_w: By reading, the power of that group [W], float32, shape (n,).
        fingerprints: By reading, a number that is equal where all columns are, int64, shape (n,).
        marks: Session marks, and how many lines have each.
    """

    lines: int
    parts: tuple[str, ...]
    channels: tuple[int, ...]
    volts_max: tuple[float, ...]
    amps_max: tuple[float, ...]
    mismatch_w: Floats
    mismatch_power_w: Floats
    fingerprints: Ints
    marks: tuple[tuple[str, int], ...]


def electric(table: SplTable, channels: Ints) -> Electric:
    """Judge the readings of a table.

    Args:
        table: The table.
        channels: How many channels the total and each part sum up, 0 if unknown.
    """
    _, volts, amps, _ = table.groups
    mismatch_w, mismatch_power_w = _mismatch(table.groups, channels)
    return Electric(
        lines=table.groups.shape[2],
        parts=table.names,
        channels=tuple(channels.tolist()),
        volts_max=_largest(volts),
        amps_max=_largest(amps),
        mismatch_w=mismatch_w,
        mismatch_power_w=mismatch_power_w,
        fingerprints=_fingerprints(table.groups),
        marks=table.marks,
    )


def _mismatch(groups: Floats, channels: Ints) -> tuple[Floats, Floats]:
    """Return the worst mismatch of each reading, and the power of its group [W]."""
    watts, volts, amps, power_factor = groups
    summed = channels[:, None]
    with np.errstate(all="ignore"):
        # 1. What the other columns say the power is.
        product_w = volts * amps * power_factor * summed
        both_sides = np.abs(watts - product_w)
        above_only = np.maximum(watts - product_w * (1 + MEANS_MARGIN), 0.0)
        mismatch_w = np.where(summed == 1, both_sides, above_only)

        # 2. Only readings whose four numbers are positive can be judged.
        smallest = np.minimum(np.minimum(watts, volts), np.minimum(amps, power_factor))
        largest = np.maximum(np.maximum(watts, volts), np.maximum(amps, power_factor))
        is_judged = (smallest > 0) & (largest <= VALUE_MAX) & (summed > 0)

        # 3. Of the few that are off, take away what the printed digits explain.
        relative, absolute_w = ALWAYS_ALLOWED
        is_off = is_judged & (mismatch_w > np.minimum(relative * watts, absolute_w))
        explained_w = _explained_by_digits(groups[:, is_off])
        mismatch_w[is_off] = np.maximum(mismatch_w[is_off] - explained_w, 0.0)
        mismatch_w[~is_off] = 0.0

        # 4. Keep the group of each reading that is off most, relative to its power.
        share = np.where(is_off, mismatch_w / watts, 0.0)
    worst = np.argmax(share, axis=0), np.arange(watts.shape[1])
    worst_mismatch_w = np.minimum(mismatch_w[worst], VALUE_MAX)
    worst_power_w = np.minimum(np.abs(watts[worst]), VALUE_MAX)
    return worst_mismatch_w.astype(np.float32), worst_power_w.astype(np.float32)


def _explained_by_digits(groups: Floats) -> Floats:
    """Return how far W and V A PF may be apart because each is rounded to its last digit [W]."""
    watts, *factors = groups
    half_w, *halves = half_last_digit(groups, _MAX_FILLED[:, None])
    relative = sum(half / factor for half, factor in zip(halves, factors, strict=True))
    return np.asarray(half_w + watts * relative, np.float64)


def _largest(values: Floats) -> tuple[float, ...]:
    is_valid = (values > 0) & (values <= VALUE_MAX)
    return tuple(np.max(values, axis=1, where=is_valid, initial=0.0).tolist())


def _fingerprints(groups: Floats) -> Ints:
    columns = groups.reshape(-1, groups.shape[2])
    if groups.shape[1] <= MAX_WEIGHTED_GROUPS:
        mixed = (_WEIGHTS[: len(columns), None] * columns).sum(axis=0)
    else:
        mixed = groups[0, 0]
    return np.ascontiguousarray(mixed, np.float64).view(np.int64)


def mean_power_factor(groups: Floats, channels: Ints) -> float | None:
    """Return the mean over the lines of power over apparent power; ``None`` if no line tells.

    The power factor that is printed for several channels is that of the sum of their vectors,
    where a leading channel compensates a lagging one. The errors of the channels do not
    compensate each other, so the power factor that matters is that of the channels as such.

    Args:
        groups: W, V, A and more of the groups that are measured separately,
            float64, shape (3 or more, groups, n).
        channels: How many channels each group sums up, int64, shape (groups,).
    """
    watts, volts, amps = groups[:3]
    with np.errstate(all="ignore"):
        apparent_va = volts * amps * channels[:, None]
        is_valid = (watts > 0) & (volts > 0) & (amps > 0) & (watts <= VALUE_MAX)
        is_valid &= (apparent_va > 0) & (apparent_va <= VALUE_MAX)
        total_w = np.where(is_valid, watts, 0.0).sum(axis=0)
        total_va = np.where(is_valid, apparent_va, 0.0).sum(axis=0)
        tells = total_va > 0
        if not tells.any():
            return None
        return float(np.minimum(total_w[tells] / total_va[tells], 1.0).mean())
