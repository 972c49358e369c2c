"""A system's true power: a curve that is known everywhere, and whose energy is therefore exact.

The curve is constant inside each cell of a fine grid, so its cumulative energy is piecewise
linear, and the energy between any two instants is read off without integration error. Times are
int64 nanoseconds, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

NS = 1_000_000_000
"""Nanoseconds in a second."""
MS = 1_000_000
"""Nanoseconds in a millisecond, the resolution of every stamp in this package."""

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


def to_ns(seconds: float) -> int:
    """A duration [s] in nanoseconds, rounded to a whole millisecond."""
    return round(seconds * 1000) * MS


@dataclass(frozen=True)
class Load:
    """What the system draws [W]: idle outside the window; base + square wave + drift + noise
    inside."""

    idle_w: float = 150.0
    base_w: float = 420.0
    step_w: float = 40.0
    """Height of the square wave from trough to crest [W]; it swings evenly about `base_w`."""
    step_period_s: float = 7.3
    """Period of the square wave [s]; its phase is drawn."""
    drift_w: float = 6.0
    """Rise from the start to the end of the window [W], straight and centred on `base_w`."""
    noise_w: float = 8.0
    """Standard deviation of the AR(1) noise [W]."""
    noise_tau_s: float = 0.5
    """Time in which the noise forgets all but 1/e of itself [s]."""
    ramp_s: float = 0.5
    """Time from idle to full load at the start of the window [s]; the fall at its end is
    immediate."""

    @property
    def peak_w(self) -> float:
        """A level the curve hardly ever exceeds [W]; meters choose their range by it."""
        return self.base_w + self.step_w / 2 + self.drift_w / 2 + 4 * self.noise_w


@dataclass(frozen=True, eq=False)
class PowerCurve:
    """True power over time. The idle level holds for ever before the first and after the last
    grid cell."""

    edges_ns: Times
    """Edges of the grid cells, ascending, shape (n + 1,)."""
    level_w: Floats
    """True power in each grid cell [W], shape (n,)."""
    energy_edges_j: Floats
    """Cumulative energy at the edges [J], from 0, shape (n + 1,)."""
    idle_w: float
    t0_ns: int
    """Start of the load window."""
    t1_ns: int
    """End of the load window."""

    def cumulative_j(self, t_ns: ArrayLike) -> Floats:
        """Energy [J] drawn from the first grid edge until each instant; negative before that
        edge."""
        since_ns = np.asarray(t_ns, dtype=np.int64) - self.edges_ns[0]
        grid_ns = self.edges_ns - self.edges_ns[0]
        outside_ns = np.minimum(since_ns, 0) + np.maximum(since_ns - grid_ns[-1], 0)
        inside_j = np.interp(
            since_ns.astype(np.float64), grid_ns.astype(np.float64), self.energy_edges_j
        )
        return np.asarray(inside_j + outside_ns * (self.idle_w / NS), dtype=np.float64)

    def at_w(self, t_ns: ArrayLike) -> Floats:
        """Power [W] at each instant."""
        cell = np.searchsorted(self.edges_ns, np.asarray(t_ns, dtype=np.int64), side="right") - 1
        level_w = self.level_w[np.clip(cell, 0, self.level_w.size - 1)]
        outside = (cell < 0) | (cell >= self.level_w.size)
        return np.asarray(np.where(outside, self.idle_w, level_w), dtype=np.float64)

    def energy_j(self, t0_ns: int, t1_ns: int) -> float:
        """Energy [J] drawn between two instants."""
        start_j, end_j = self.cumulative_j([t0_ns, t1_ns])
        return float(end_j - start_j)

    def mean_w(self, t0_ns: int, t1_ns: int) -> float:
        """Mean power [W] between two instants."""
        return self.energy_j(t0_ns, t1_ns) / ((t1_ns - t0_ns) / NS)

    @property
    def window_j(self) -> float:
        """Energy [J] drawn in the load window: the truth a harness is asked for."""
        return self.energy_j(self.t0_ns, self.t1_ns)

    def scaled(self, share: float) -> PowerCurve:
        """The same curve times `share`: what one of several meters on the system sees."""
        return PowerCurve(
            self.edges_ns,
            self.level_w * share,
            self.energy_edges_j * share,
            self.idle_w * share,
            self.t0_ns,
            self.t1_ns,
        )


def make_curve(
    load: Load,
    *,
    t0_ns: int,
    duration_s: float,
    rng: np.random.Generator,
    grid_s: float = 0.01,
) -> PowerCurve:
    """Draw the curve of one load window [t0, t0 + duration), with an idle cell on each side of it.

    `grid_s` is the width of the grid cells [s]; the last cell of the window may be narrower.
    """
    grid_ns = to_ns(grid_s)
    duration_ns = to_ns(duration_s)
    starts_ns = np.arange(0, duration_ns, grid_ns, dtype=np.int64)
    edges_ns = t0_ns + np.concatenate(([-grid_ns], starts_ns, [duration_ns, duration_ns + grid_ns]))
    level_w = np.full(edges_ns.size - 1, load.idle_w)
    level_w[1:-1] = _load_w(load, starts_ns / NS, duration_ns / NS, grid_ns / NS, rng)
    energy_j = np.concatenate(([0.0], np.cumsum(level_w * np.diff(edges_ns) / NS)))
    return PowerCurve(edges_ns, level_w, energy_j, load.idle_w, t0_ns, t0_ns + duration_ns)


def _load_w(
    load: Load, t_s: Floats, duration_s: float, grid_s: float, rng: np.random.Generator
) -> Floats:
    """Power [W] at each grid start `t_s` [s] after the window's start; never below zero."""
    phase = t_s / load.step_period_s + rng.random()
    power_w = load.base_w + load.step_w * (np.where(phase % 1.0 < 0.5, 0.5, -0.5))
    power_w += load.drift_w * (t_s / duration_s - 0.5)
    power_w += _ar1(t_s.size, load.noise_w, float(np.exp(-grid_s / load.noise_tau_s)), rng)
    if load.ramp_s > 0:
        power_w = load.idle_w + (power_w - load.idle_w) * np.minimum(1.0, t_s / load.ramp_s)
    return np.asarray(np.maximum(power_w, 0.0), dtype=np.float64)


def _ar1(n: int, sd: float, phi: float, rng: np.random.Generator) -> Floats:
    """`n` values of a stationary AR(1) series: x[t] = phi x[t-1] + e[t], by doubling instead of
    a loop."""
    series = rng.standard_normal(n) * (sd * np.sqrt(1 - phi * phi))
    series[0] = rng.standard_normal() * sd
    shift, weight = 1, phi
    while shift < n and weight > 1e-12:
        series[shift:] = series[shift:] + weight * series[:-shift]
        shift, weight = 2 * shift, weight * weight
    return np.asarray(series, dtype=np.float64)
