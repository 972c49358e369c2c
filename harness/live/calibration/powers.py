"""Readings of a meter as powers, and those of the reference as a cumulative energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.timestamps import NS
from harness.traces.trace import Floats, Trace


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings of a meter as powers, with the window that their kind implies.

    Attributes:
        t_s: Times [s].
        power_w: Powers [W].
        cell_s: Windows [s]; of instant readings 0.
        fixed: Whether the window is known exactly, as between two counts.
    """

    t_s: Floats
    power_w: Floats
    cell_s: Floats
    fixed: bool


def cumulative_energy(trace: Trace, origin_ns: int) -> tuple[Floats, Floats]:
    """Return times [s] of a trace, and its cumulative energy at them [J]."""
    t_s = (trace.t_ns - origin_ns) / NS
    if trace.channel.kind == "counter":
        return t_s, trace.value - (trace.value[0] if len(trace) else 0.0)
    steps = np.diff(t_s)
    is_mean = trace.channel.kind == "mean"
    power = trace.value[1:] if is_mean else (trace.value[1:] + trace.value[:-1]) / 2
    return t_s, np.concatenate([[0.0], np.cumsum(power * steps)])


def powers(trace: Trace, origin_ns: int) -> Readings:
    """Return the readings of a trace as powers, each with the window that its kind implies."""
    t_s = (trace.t_ns - origin_ns) / NS
    if len(t_s) < 2:
        return Readings(t_s[:0], trace.value[:0], t_s[:0], fixed=False)
    cells = np.diff(t_s)
    if trace.channel.kind == "counter":
        return Readings(t_s[1:], np.diff(trace.value) / cells, cells, fixed=True)
    if trace.channel.kind == "mean":
        return Readings(t_s[1:], trace.value[1:], cells, fixed=False)
    return Readings(t_s, trace.value, np.zeros(len(t_s)), fixed=False)
