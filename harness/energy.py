"""Energy in a window from the readings of one channel, with the uncertainty that sampling leaves.

The method is section 2 of docs/methodology.md: what a reading *is* (its `kind`) decides the rule. Pure: columns
in, numbers out. A trace of any length is taken in chunks, so memory does not grow with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from harness.documents.times import NS
from harness.traces.channel import Channel
from harness.traces.trace import GAP_CELLS, Floats, Ints, Trace, Window

CHUNK = 8_192
"""Readings taken at once: both columns of a chunk stay in the processor's cache."""
NEAREST = 10
"""Readings nearest an edge or a gap that tell how far power swings there."""


@dataclass(frozen=True, slots=True)
class ChannelEnergy:
    """Energy of one channel in one window.

    energy_j: best estimate [J]; filled_j: the part of it that no reading covers (edges and gaps) [J]
    u_edge_j, u_gap_j, u_sampling_j, u_quantisation_j: standard uncertainties [J]
    coverage: share of the window between the first and the last reading that speaks of it
    gap_share: share of the window inside gaps; largest_gap_s: the longest step between readings in it [s]
    readings: readings inside the window; interval_s: expected step between readings [s]
    inside_w: mean power of the first and the last whole cell inside [W]
    outside_w: power just before and just after the window [W]; None where nothing was recorded
    resets: counter resets inside the window
    """

    energy_j: float
    filled_j: float
    u_edge_j: float
    u_gap_j: float
    u_sampling_j: float
    u_quantisation_j: float
    coverage: float
    gap_share: float
    largest_gap_s: float
    readings: int
    interval_s: float
    inside_w: tuple[float, float]
    outside_w: tuple[float | None, float | None]
    resets: int = 0


def energy(trace: Trace, window: Window) -> ChannelEnergy | None:
    """Energy of `trace` in `window`, or None where no reading speaks of the window."""
    return integrate(trace.channel, chunks(trace), window, trace.expected_interval_s)


def chunks(trace: Trace, size: int = CHUNK) -> Iterator[tuple[Ints, Floats]]:
    """The columns in views of `size` cells; each chunk begins with the last reading of the one before."""
    for first in range(0, max(len(trace) - 1, 1), size):
        yield trace.t_ns[first : first + size + 1], trace.value[first : first + size + 1]


def integrate(
    channel: Channel, parts: Iterable[tuple[Ints, Floats]], window: Window, interval_s: float
) -> ChannelEnergy | None:
    """Energy of a channel whose columns come in overlapping chunks, as `chunks` gives them.

    interval_s: expected step between readings [s], which tells a gap from a late reading
    """
    integral = _KINDS[channel.kind](channel, window, interval_s)
    for t_ns, value in parts:
        integral.add(t_ns, value)
    return integral.result()


class _Integral:
    """What all kinds share: the readings around the edges, the gaps, and the extent of the readings."""

    def __init__(self, channel: Channel, window: Window, interval_s: float) -> None:
        self.channel, self.window = channel, window
        self.interval_ns = round(interval_s * NS)
        self.gap_ns = int(GAP_CELLS * self.interval_ns)
        self.sum = 0.0  # [W ns]
        self.cells = 0
        self.head: list[tuple[Ints, Floats]] = []  # (times, powers) of the first and the last cells inside
        self.tail: list[tuple[Ints, Floats]] = []
        self.before: float | None = None
        self.after: float | None = None
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.gap_sum_ns = 0
        self.largest_ns = 0
        self.gap_variance = 0.0  # [(W ns)^2]
        self.gap_filled = 0.0  # [W ns]
        self.readings = 0
        self.resets = 0
        self.swing = _Swing()
        self.straddling: list[float | None] = [None, None]  # power of the cells that cross the two edges

    def add(self, t_ns: Ints, value: Floats) -> None:
        """Take one chunk; its first reading is the last of the chunk before."""
        if not len(t_ns):
            return
        start, stop = self.window.start_ns, self.window.stop_ns
        if self.first_ns is None:
            self.first_ns = int(t_ns[0])
            t_ns, value = self.opening(t_ns, value)
        self.last_ns = int(t_ns[-1])
        low, high = 0, len(t_ns)
        if t_ns[0] < start:
            low = int(np.searchsorted(t_ns, start))
        if t_ns[-1] > stop:
            high = int(np.searchsorted(t_ns, stop, "right"))
        power = self.power(t_ns, value)  # power[i] belongs to the cell (t[i], t[i+1]]
        if low > 1:
            self.before = float(power[low - 2])
        if self.after is None and high + 1 < len(t_ns):
            self.after = float(power[high])
        if 0 < low < len(t_ns):
            self.straddling[0] = float(power[low - 1])
        if 0 < high < len(t_ns):
            self.straddling[1] = float(power[high - 1])
        if high - low > 1:
            self.inside(t_ns[low:high], value[low:high], power[low : high - 1])

    def opening(self, t_ns: Ints, value: Floats) -> tuple[Ints, Floats]:
        """The first chunk as this kind sees it."""
        return t_ns, value

    def power(self, t_ns: Ints, value: Floats) -> Floats:
        """Power of each cell between two readings [W], shape (n-1,)."""
        raise NotImplementedError

    def inside(self, t_ns: Ints, value: Floats, power: Floats) -> None:
        """Add the whole cells inside the window."""
        step = t_ns[1:] - t_ns[:-1]
        self.sum += float(power @ step.astype(np.float64))
        self.cells += len(step)
        self.remember(t_ns, power)
        largest = int(step.max())
        self.largest_ns = max(self.largest_ns, largest)
        if largest > self.gap_ns:
            self.fill(step, value, power)

    def remember(self, t_ns: Ints, power: Floats) -> None:
        if sum(len(p) for _, p in self.head) < NEAREST:
            self.head.append((t_ns[: NEAREST + 1].copy(), power[:NEAREST].copy()))
        self.tail.append((t_ns[-NEAREST - 1 :], power[-NEAREST:]))
        if len(self.tail) > NEAREST:
            del self.tail[0]

    def fill(self, step: Ints, value: Floats, power: Floats) -> None:
        """Replace the unread part of each gap by the mean of both neighbours; it carries u_gap."""
        for i in np.flatnonzero(step > self.gap_ns).tolist():
            missing = int(step[i]) - self.interval_ns
            nearest = power[max(0, i - NEAREST // 2) : i + NEAREST // 2 + 1]
            filled = (float(value[i]) + float(value[i + 1])) / 2
            self.gap_filled += filled * missing
            self.sum += (filled - float(power[i])) * missing
            self.gap_sum_ns += missing
            self.gap_variance += _edge_variance(float(np.ptp(nearest)), missing, self.interval_ns)

    def edge_power(self, side: int, inside_w: float) -> float:  # noqa: ARG002
        """Power of the uncovered part at one edge [W]: cells that cross the edge mix load with idle."""
        return inside_w

    def edge_variance(self, side: int, swing_w: float, uncovered_ns: int) -> float:  # noqa: ARG002
        """(R/2)^2 (f D + f^2) [(W ns)^2]."""
        return _edge_variance(swing_w, uncovered_ns, self.interval_ns)

    def result(self) -> ChannelEnergy | None:
        if self.first_ns is None or self.last_ns is None:
            return None
        start, stop = self.window.start_ns, self.window.stop_ns
        extent = min(self.last_ns, stop) - max(self.first_ns, start)
        if extent <= 0 or stop <= start or not self.head:
            return None
        near = (
            np.concatenate([p for _, p in self.head])[:NEAREST],
            np.concatenate([p for _, p in self.tail])[-NEAREST:],
        )
        inside = float(self.head[0][1][0]), float(self.tail[-1][1][-1])
        uncovered = int(self.head[0][0][0]) - start, stop - int(self.tail[-1][0][-1])
        filled = sum(self.edge_power(i, inside[i]) * uncovered[i] for i in (0, 1))
        swings = [float(np.ptp(side)) for side in near]
        edge = sum(self.edge_variance(i, swings[i], uncovered[i]) for i in (0, 1))
        late = [f for f, read in zip(uncovered, self.straddling, strict=True) if read is not None and f > self.gap_ns]
        total = stop - start
        return ChannelEnergy(
            energy_j=(self.sum + filled) / NS,
            filled_j=(filled + self.gap_filled) / NS,
            u_edge_j=math.sqrt(edge) / NS,
            u_gap_j=math.sqrt(self.gap_variance) / NS,
            u_sampling_j=self.swing.u_mean() * total / NS,
            u_quantisation_j=self.u_quantisation(total, max(swings)),
            coverage=min(1.0, extent / total),
            gap_share=(self.gap_sum_ns + sum(late)) / total,
            largest_gap_s=max([self.largest_ns, *late]) / NS,
            readings=self.cells + 1,
            interval_s=self.interval_ns / NS,
            inside_w=inside,
            outside_w=(self.before, self.after),
            resets=self.resets,
        )

    def u_quantisation(self, total_ns: int, swing_w: float) -> float:
        """qT/sqrt(12 n) where noise moves the reading over steps, else qT/2 [J] (method, section 2)."""
        q = self.channel.resolution or 0.0
        seconds = total_ns / NS
        return q * seconds / math.sqrt(12 * max(self.cells, 1)) if swing_w > q / 2 else q * seconds / 2


class _Mean(_Integral):
    """A reading is the mean power over the cell (previous stamp, its stamp]."""

    def opening(self, t_ns: Ints, value: Floats) -> tuple[Ints, Floats]:
        """The first reading of all also speaks of the interval before it."""
        first = int(t_ns[0]) - self.interval_ns
        self.first_ns = int(t_ns[0])
        return np.concatenate([[first], t_ns]), np.concatenate([[value[0]], value])

    def power(self, t_ns: Ints, value: Floats) -> Floats:  # noqa: ARG002
        return value[1:]


class _Instant(_Integral):
    """A reading is the power at its stamp; between readings the trapezoid."""

    def power(self, t_ns: Ints, value: Floats) -> Floats:  # noqa: ARG002
        return (value[1:] + value[:-1]) / 2

    def edge_variance(self, side: int, swing_w: float, uncovered_ns: int) -> float:
        """Holding a reading for up to one interval is part of the sampling term; the rest is a gap."""
        return super().edge_variance(side, swing_w, max(0, uncovered_ns - self.interval_ns))

    def inside(self, t_ns: Ints, value: Floats, power: Floats) -> None:
        super().inside(t_ns, value, power)
        self.swing.add(value)


class _Counter(_Integral):
    """A reading is the energy since some beginning [J]; it may wrap or be reset."""

    def power(self, t_ns: Ints, value: Floats) -> Floats:
        rise = np.diff(value)
        fallen = np.flatnonzero(rise < 0)
        if len(fallen):
            rise = self.unwrap(t_ns, rise, fallen)
        return rise / ((t_ns[1:] - t_ns[:-1]) / NS)

    def unwrap(self, t_ns: Ints, rise: Floats, fallen: Ints) -> Floats:
        rise = rise.copy()
        modulus = self.channel.counter_modulus_j
        seconds = np.diff(t_ns) / NS
        for i in fallen.tolist():
            wrapped = rise[i] + modulus if modulus else -1.0
            usual = rise[i - 1] / seconds[i - 1] if i else 0.0
            if wrapped >= 0:
                rise[i] = wrapped
            else:  # a reset: what was counted in this step is lost
                self.resets += 1
                rise[i] = usual * seconds[i]
        return rise

    def fill(self, step: Ints, value: Floats, power: Floats) -> None:
        """A late read of a counter loses nothing: no gap to fill."""

    def edge_power(self, side: int, inside_w: float) -> float:
        """The step that crosses the edge, interpolated; where there is none, the step next to it."""
        crossing = self.straddling[side]
        return inside_w if crossing is None else crossing

    def edge_variance(self, side: int, swing_w: float, uncovered_ns: int) -> float:
        if self.straddling[side] is None:
            return super().edge_variance(side, swing_w, uncovered_ns)
        return (self.interval_ns / math.sqrt(12) * self.edge_power(side, 0.0)) ** 2


_KINDS: dict[str, type[_Integral]] = {
    "mean": _Mean,
    "instant": _Instant,
    "counter": _Counter,
    "estimate": _Instant,
}


class _Swing:
    """Long-run variance of the mean of serially dependent readings (Newey and West 1987), chunk by chunk."""

    def __init__(self) -> None:
        self.n = 0
        self.weighted = 0.0

    def add(self, value: Floats) -> None:
        n = len(value)
        centred = value - value.mean()
        lags = min(n - 1, int(4 * (n / 100) ** (2 / 9)))
        variance = float(centred @ centred) / n
        for lag in range(1, lags + 1):
            variance += 2 * (1 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag]) / n
        self.weighted += max(variance, 0.0) * n
        self.n += n

    def u_mean(self) -> float:
        """Standard uncertainty of the mean [W]; 0 for a kind that does not sample."""
        return math.sqrt(self.weighted / self.n / self.n) if self.n else 0.0


def _edge_variance(swing_w: float, uncovered_ns: int, interval_ns: int) -> float:
    """(R/2)^2 (f D + f^2) [(W ns)^2] (method, section 2)."""
    return (swing_w / 2) ** 2 * (uncovered_ns * interval_ns + uncovered_ns**2)
