"""Weigh a series by time.

Cut a window at the steps of a grid's intensity or of PUE, and weight each step by the energy used
in it.

The energy of each step comes from `harness.energy.cumulative`; this module holds only the steps and
the mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.carbon.series import Floats, Ints, Series
from harness.traces.trace import Window

J_PER_KWH = 3.6e6


@dataclass(frozen=True, slots=True)
class WeightedMean:
    """The energy-weighted mean of a series over a window.

    Attributes:
        mean: The mean [unit of the series].
        u_missing: Its standard uncertainty from steps without a value [same unit].
        missing_share: Share of the energy that falls on such steps.
    """

    mean: float
    u_missing: float
    missing_share: float


def step_cuts(series: Series, window: Window) -> Ints:
    """Return both ends of a window and each begin of a step between them [ns UTC]."""
    first = (window.start_ns - series.start_ns) // series.step_ns + 1
    last = -((series.start_ns - window.stop_ns) // series.step_ns)
    inner = series.start_ns + np.arange(first, last, dtype=np.int64) * series.step_ns
    return np.concatenate([[window.start_ns], inner, [window.stop_ns]]).astype(np.int64)


def common_cuts(window: Window, series: Sequence[Series]) -> Ints:
    """Return the cuts of a window into steps of several series at once [ns UTC]."""
    if not series:
        return np.array([window.start_ns, window.stop_ns], np.int64)
    return np.unique(np.concatenate([step_cuts(item, window) for item in series]))


def weigh(
    energy_j: Floats, cuts_ns: Ints, series: Series, multiplier: Series | None = None
) -> WeightedMean:
    """Return the energy-weighted mean of a series.

    Args:
        energy_j: Energy between neighbouring cuts [J], shape (n,).
        cuts_ns: Cuts of a window [ns UTC], shape (n + 1,); each span lies in one step of every
            series.
        series: The series.
        multiplier: A second series that multiplies the first, such as PUE.
    """
    total = float(energy_j.sum())
    weight = energy_j / total if total else np.full(len(energy_j), 1 / len(energy_j))
    factors = [series] if multiplier is None else [series, multiplier]
    # 1. The value of each span: the product of all series there.
    value = np.ones(len(weight))
    any_missing = np.zeros(len(weight), bool)
    for item in factors:
        step = item.steps_at(cuts_ns[:-1])
        value = value * item.filled[step]
        any_missing |= item.missing[step]
    # 2. Missing steps in a row were filled from the same neighbours, so their errors are taken to
    # be one.
    variance = 0.0
    for item in factors:
        missing = item.missing[item.steps_at(cuts_ns[:-1])]
        if missing.any():
            variance += (float((weight * value)[missing].sum()) * item.u_step) ** 2
    return WeightedMean(
        float(weight @ value), math.sqrt(variance), float(weight[any_missing].sum())
    )
