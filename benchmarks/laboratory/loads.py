"""Loads of which the energy is known: a curve of power on a fine grid, about a window from 0 to T.

Idle is 100 W and load 400 W, unless a load says otherwise. Each function returns the power [W]
at times [s], with its own random phases and noise from the generator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
IDLE_W, LOAD_W = 100.0, 400.0
Load = Callable[[Floats, float, np.random.Generator], Floats]


def noise(t: Floats, rng: np.random.Generator, sd: float, memory_s: float) -> Floats:
    """Stationary noise whose correlation falls with time, standard deviation `sd`."""
    step = max(t[1] - t[0], 1e-9)
    coarse = max(1, round(memory_s / 4 / step))
    points = len(t) // coarse + 2
    keep = np.exp(-coarse * step / memory_s)
    steps = rng.normal(0.0, sd * np.sqrt(1 - keep**2), points)
    values = np.empty(points)
    values[0] = rng.normal(0.0, sd)
    for i in range(1, points):
        values[i] = keep * values[i - 1] + steps[i]
    return np.interp(np.arange(len(t)) / coarse, np.arange(points), values)


def trapezoid(t: Floats, end_s: float, rise_s: float, fall_s: float) -> Floats:
    """Share of the load: 0 before the window, 1 inside, with ramps that begin at its edges."""
    up = np.clip(t / rise_s, 0, 1) if rise_s else (t >= 0).astype(float)
    down = np.clip(1 - (t - end_s) / fall_s, 0, 1) if fall_s else (t < end_s).astype(float)
    return np.minimum(up, down)


def window(
    noise_share: float, idle_sd: float = 3.0, rise_s: float = 0.0, fall_s: float = 0.0
) -> Load:
    """Load in the window alone, with noise, and ramps at its edges."""

    def load(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:
        shape = trapezoid(t, end_s, rise_s, fall_s)
        idle = IDLE_W + noise(t, rng, idle_sd, 1.0)
        busy = LOAD_W * (1 + noise(t, rng, noise_share, 1.0))
        return idle + (busy - idle) * shape

    return load


def early_ramp(rise_s: float) -> Load:
    """Power-capped load that rises before the window begins, as a warm-up does."""

    def load(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:
        shape = np.minimum(np.clip(1 + t / rise_s, 0, 1), (t < end_s).astype(float))
        return IDLE_W + noise(t, rng, 3.0, 1.0) + (LOAD_W - IDLE_W) * shape

    return load


def warm_up_dip(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:
    """A warm-up at 300 W that dips to idle just before the window."""
    dip_s = rng.uniform(0.2, 1.5)
    level = np.where(t < -dip_s, 300.0, IDLE_W)
    level = np.where((t >= 0) & (t < end_s), LOAD_W, level)
    level = np.where(t >= end_s, IDLE_W, level)
    return level + noise(t, rng, 2.0, 1.0)


def goes_on(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:
    """Load that goes on for some seconds after the window."""
    more_s = rng.uniform(0.5, 5.0)
    level = np.where((t >= 0) & (t < end_s + more_s), LOAD_W, IDLE_W)
    return level + noise(t, rng, 2.0, 1.0)


def decay(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:
    """Load that begins at 400 W and sinks towards 300 W, as a cooling processor."""
    inside = (t >= 0) & (t < end_s)
    level = 300 + 100 * np.exp(-np.maximum(t, 0) / (end_s / 4))
    return np.where(inside, level, IDLE_W) + noise(t, rng, 3.0, 1.0)


def kernels(frequency_hz: float) -> Load:
    """Load that swings by +-50 % with a period, at a phase of its own."""

    def load(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:
        phase = rng.uniform(0, 1)
        square = np.sign(np.sin(2 * np.pi * (frequency_hz * t + phase)))
        inside = (t >= 0) & (t < end_s)
        return np.where(inside, LOAD_W * (1 + 0.5 * square), IDLE_W) + noise(t, rng, 2.0, 1.0)

    return load


def spikes(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:
    """Load with short spikes of three times its power, one in ten seconds."""
    level = np.where((t >= 0) & (t < end_s), LOAD_W, IDLE_W)
    for start in rng.uniform(0, end_s, rng.poisson(end_s / 10)):
        level = level + 800 * ((t >= start) & (t < start + 0.1) & (t < end_s))
    return level + noise(t, rng, 3.0, 1.0)


def steady(level_w: float) -> Load:
    """The same power before, in and after the window; its level differs from session to session."""

    def load(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:  # noqa: ARG001
        return np.full(len(t), level_w + rng.uniform(-10, 10))

    return load


def locked(frequency_hz: float, phase: float) -> Load:
    """Kernels whose phase is locked to the start of the window: the same in every run."""

    def load(t: Floats, end_s: float, rng: np.random.Generator) -> Floats:
        square = np.sign(np.sin(2 * np.pi * (frequency_hz * t + phase)))
        inside = (t >= 0) & (t < end_s)
        return np.where(inside, LOAD_W * (1 + 0.5 * square), IDLE_W) + noise(t, rng, 2.0, 1.0)

    return load


@dataclass(frozen=True)
class Curve:
    """A played load.

    Attributes:
        t: Times [s].
        power: Power at these times [W].
        cumulative: Energy since the first time [J].
    """

    t: Floats
    power: Floats
    cumulative: Floats

    def energy(self, start: float | Floats, stop: float | Floats) -> Floats:
        """Return the energy between two times [J]."""
        ends = np.interp(stop, self.t, self.cumulative)
        return np.asarray(ends - np.interp(start, self.t, self.cumulative))


def play(load: Load, seconds: float, rng: np.random.Generator, around_s: float = 25.0) -> Curve:
    """Play a load from `around_s` before a window to `around_s` after it."""
    step = 0.002 if seconds <= 60 else 0.01
    t = np.arange(-around_s, seconds + around_s, step)
    power = np.maximum(load(t, seconds, rng), 0.0)
    areas = (power[1:] + power[:-1]) / 2 * step
    return Curve(t, power, np.concatenate([[0.0], np.cumsum(areas)]))


@dataclass(frozen=True)
class PowerSupply:
    """Supplies between a meter at the wall and the load.

    Attributes:
        rated_w: Their rated output [W].
        idle_loss: Losses at no load, as a share of the rated output.
        linear_loss: Losses that grow with the load.
        square_loss: Losses that grow with its square.
    """

    rated_w: float
    idle_loss: float
    linear_loss: float
    square_loss: float

    def efficiency(self, share: Floats) -> Floats:
        """Return the efficiency at shares of the rated output."""
        losses = self.idle_loss / share + self.linear_loss + self.square_loss * share
        return np.asarray(1 / (1 + losses))

    @property
    def peak(self) -> float:
        """Return the efficiency at the best load."""
        best = np.sqrt(self.idle_loss / self.square_loss)
        return float(self.efficiency(np.array(best)))

    def at_the_wall(self, curve: Curve) -> Curve:
        """Return what a load draws at the wall."""
        power = curve.power / self.efficiency(curve.power / self.rated_w)
        step = curve.t[1] - curve.t[0]
        areas = (power[1:] + power[:-1]) / 2 * step
        return Curve(curve.t, power, np.concatenate([[0.0], np.cumsum(areas)]))


def draw_supply(rng: np.random.Generator) -> PowerSupply:
    """Draw supplies whose rated output is 1.2 to 4 times what the load draws."""
    return PowerSupply(
        LOAD_W * rng.uniform(1.2, 4.0),
        rng.uniform(0.006, 0.015),
        rng.uniform(0.01, 0.03),
        rng.uniform(0.02, 0.05),
    )
