"""The ratio of two quantities that were taken in pairs, with its interval. Pure.

The logarithm of the ratio of each pair is taken as normally distributed; the interval of their
mean is that of Student's t. What both of a pair share cancels.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from harness.uncertainty.closed_form import coverage_factor
from harness.uncertainty.coverage_interval import LEVEL
from harness.uncertainty.estimate import Estimate

TOO_FEW = "from a single pair, the scatter between pairs is unknown"


def paired_ratio(
    numerators: Sequence[float], denominators: Sequence[float], *, level: float = LEVEL
) -> Estimate:
    """Return the geometric mean of the ratios of pairs, with the interval of that mean.

    Args:
        numerators: First of each pair, all above 0.
        denominators: Second of each pair, all above 0.
        level: Coverage probability of the interval, 0 to 1.
    """
    pairs = list(zip(numerators, denominators, strict=True))
    logarithms = [math.log(a / b) for a, b in pairs]
    return _of_logarithms(logarithms, "1", level)


def geometric_mean(values: Sequence[float], unit: str, *, level: float = LEVEL) -> Estimate:
    """Return the geometric mean of some values above 0, with the interval of that mean.

    Args:
        values: The values.
        unit: Their unit.
        level: Coverage probability of the interval, 0 to 1.
    """
    return _of_logarithms([math.log(value) for value in values], unit, level)


def _of_logarithms(logarithms: Sequence[float], unit: str, level: float) -> Estimate:
    if not logarithms:
        return Estimate(None, None, None, unit, level, "no values")
    mean = statistics.fmean(logarithms)
    if len(logarithms) == 1:
        return Estimate(math.exp(mean), None, None, unit, level, TOO_FEW)
    standard_error = statistics.stdev(logarithms) / math.sqrt(len(logarithms))
    half_width = coverage_factor(level, len(logarithms) - 1) * standard_error
    ends = math.exp(mean - half_width), math.exp(mean + half_width)
    return Estimate(math.exp(mean), *ends, unit, level)
