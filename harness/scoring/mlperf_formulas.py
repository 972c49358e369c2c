"""Compatibility numbers: the figures that MLPerf's own tools print, computed as they compute them.

They stand beside ours so that a reader finds the published figure again; method, section 7. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from harness.traces.trace import Floats, Ints, Window
from harness.uncertainty.budget import coverage_factor


def mlperf_inference(
    t_ns: Ints, power_w: Floats, window: Window, scenario: str, queries: float | None
) -> tuple[float, str] | None:
    """The power metric of MLPerf inference: mean power [W], or energy per query [mJ] for the stream scenarios.

    t_ns, power_w: all readings in source order, shape (n,). Readings strictly inside the window and above 0 W count,
    each with the same weight. None where there is none. queries: of that scenario; a SingleStream run submitted as
    MultiStream did an eighth of its own. Source: submission checker, power_check.py.
    """
    inside = (t_ns > window.start_ns) & (t_ns < window.stop_ns) & (power_w > 0)
    if not inside.any():
        return None
    mean_w = float(power_w[inside].mean())
    if scenario not in ("SingleStream", "MultiStream"):
        return mean_w, "W"
    return (1000 * mean_w * window.seconds / queries, "mJ") if queries else None


class NodeEnergy(NamedTuple):
    """Energy of one node [J] by MLPerf's own code; None where that code divides by zero.

    v4_0: of the v4.0 round: file order, denominator to the last reading
    current: sorted by time, readings between start and stop only
    """

    v4_0: float | None
    current: float | None


def training_node(
    t_ns: Ints,
    power_w: Floats,
    start_ns: int,
    stop_ns: int | None,
    stop_position: int | None,
    factor: float,
) -> NodeEnergy:
    """Both: sum of readings times the time since the previous one, over the length of the log, times `factor`.

    t_ns, power_w: readings in source order, shape (n,). stop_position: readings before the stop marker.
    factor: time to train [s] times the conversion efficiency that the log states.
    """
    end = len(t_ns) if stop_position is None else stop_position
    filed = _right_rectangles(t_ns[:end], power_w[:end], start_ns)
    v4_0 = _scaled(filed, start_ns, _later(stop_ns, t_ns[:end]), factor)
    ordered = not np.count_nonzero(t_ns[1:] < t_ns[:-1])
    if not ordered:
        order = np.argsort(t_ns, kind="stable")
        t_ns, power_w = t_ns[order], power_w[order]
    stop = stop_ns if stop_ns is not None else _later(None, t_ns)
    first, last = int(t_ns.searchsorted(start_ns)), int(t_ns.searchsorted(stop, "right"))
    same = ordered and (first, last) == (0, end)
    inside = filed if same else _right_rectangles(t_ns[first:last], power_w[first:last], start_ns)
    return NodeEnergy(v4_0, _scaled(inside, start_ns, stop, factor))


def _later(stop_ns: int | None, t_ns: Ints) -> int:
    last = int(t_ns[-1]) if len(t_ns) else 0
    return last if stop_ns is None else max(stop_ns, last)


def _right_rectangles(t_ns: Ints, power_w: Floats, start_ns: int) -> float | None:
    """Sum of readings times the time since the previous one, or since the start [W ns]; None without a reading."""
    if not len(t_ns):
        return None
    first = float(power_w[0]) * float(int(t_ns[0]) - start_ns)
    return first + float(power_w[1:].dot((t_ns[1:] - t_ns[:-1]).astype(np.float64)))


def _scaled(energy: float | None, start_ns: int, stop_ns: int, factor: float) -> float | None:
    return None if energy is None or stop_ns <= start_ns else energy / (stop_ns - start_ns) * factor


def olympic_kept(seconds: Sequence[float | None], reached: Sequence[bool], drop: int) -> list[int]:
    """Indices of the runs that the Olympic mean keeps.

    seconds: time to train of each run [s]; the `drop` fastest and slowest are left out; a run that missed the
    target takes the place of a slow one. Source: MLPerf result summarizer.
    """
    ranked = sorted(
        (i for i, s in enumerate(seconds) if s is not None),
        key=lambda i: (not reached[i], seconds[i]),
    )
    return ranked[drop : len(ranked) - drop] if len(ranked) > 2 * drop else []


def olympic_mean(
    values: Sequence[float | None], kept: Sequence[int], scaling_factor: float | None
) -> float | None:
    """Mean of the kept runs times the scaling factor; None where a kept run has no value."""
    chosen = [values[i] for i in kept]
    numbers = [value for value in chosen if value is not None]
    if not chosen or len(numbers) < len(chosen):
        return None
    return sum(numbers) / len(numbers) * (scaling_factor or 1.0)


def trimmed_interval(
    values: Sequence[float | None],
    seconds: Sequence[float | None],
    kept: Sequence[int],
    scaling_factor: float | None,
    level: float,
) -> tuple[float | None, float | None]:
    """Interval of an Olympic mean [unit of values] by Tukey and McLaughlin (1963).

    values, seconds: of all runs; kept: indices that the mean keeps. Runs that were dropped for their time count with
    the value of the kept run next to them in time; the interval is Student's t with as many degrees of freedom as
    runs were kept, less one. (None, None) with fewer than two kept runs, or where one has no value.
    """
    ranked = sorted(
        (i for i, s in enumerate(seconds) if s is not None), key=lambda i: seconds[i] or 0.0
    )
    inside = [i for i in ranked if i in set(kept)]
    if len(inside) < 2 or any(values[i] is None for i in inside):
        return None, None
    below = ranked.index(inside[0])
    above = len(ranked) - len(inside) - below
    first, last = values[inside[0]], values[inside[-1]]
    winsorised = np.array([first] * below + [values[i] for i in inside] + [last] * above, float)
    n, h = len(winsorised), len(inside)
    mean = olympic_mean(values, kept, scaling_factor) or 0.0
    error = float(winsorised.std(ddof=1)) * math.sqrt(n) / h * (scaling_factor or 1.0)
    half = coverage_factor(level, h - 1) * error
    return mean - half, mean + half
