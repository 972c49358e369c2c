"""Energy in a window from the readings of one channel, with the uncertainty that sampling leaves.

The method is section 2 of docs/explanation/methodology.md: what a reading *is* (its `kind`) decides the rule. Pure: columns
in, numbers out. A trace of any length is taken in chunks, so memory does not grow with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from harness.core.timestamps import NS
from harness.traces.channel import Channel
from harness.traces.trace import GAP_CELLS, Floats, Ints, Trace, Window

CHUNK = 65_536
"""Readings taken at once: both columns of a chunk stay in the processor's cache."""
ALONE = 8192
"""BLAS shares no shorter product among threads."""
NEAREST = 10
"""Readings nearest an edge or a gap that tell how far power swings there."""
OUTSIDE = 3
"""Whole cells outside an edge that are needed to tell how steady power is there."""


class Edge(NamedTuple):
    """How the part of the window between one edge and the nearest whole cell inside was found.

    energy, variance: of that part [W ns], [(W ns)^2]
    outside: False: the power inside was held; True: what lies outside was taken off the cell that crosses the edge
    part_s: length of what was held or taken off [s]
    """

    energy: float
    variance: float
    outside: bool
    part_s: float


class ChannelEnergy(NamedTuple):
    """Energy of one channel in one window.

    energy_j: best estimate [J]; filled_j: the part of it that no reading covers (edges and gaps) [J]
    u_edge_j, u_gap_j, u_sampling_j, u_quantisation_j: standard uncertainties [J]
    coverage: share of the window between the first and the last reading that speaks of it
    gap_share: share of the window inside gaps; largest_gap_s: the longest step between readings in it [s]
    readings: readings inside the window; interval_s: expected step between readings [s]
    inside_w: mean power of the first and the last whole cell inside [W]
    outside_w: power just before and just after the window [W]; None where nothing was recorded
    resets: counter resets inside the window
    edges: what was done at both edges; none where readings are of an instant
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
    edges: tuple[Edge, ...] = ()


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
        self.head: list[float] = []  # powers of the first and the last whole cells inside [W]
        self.tail: list[float] = []
        self.head_ns = self.tail_ns = 0  # where the first of them begins, and the last one ends
        self.before: list[float] = []  # powers of the last whole cells before the window [W]
        self.after: list[float] = []  # and of the first ones after it
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.gap_sum_ns = 0
        self.largest_ns = 0
        self.gap_variance = 0.0  # [(W ns)^2]
        self.gap_filled = 0.0  # [W ns]
        self.readings = 0
        self.resets = 0
        self.swing = _Swing()
        self.crossing: list[tuple[float, int] | None] = [
            None,
            None,
        ]  # power and length of the cells on the edges

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
            low = int(t_ns.searchsorted(start))
        if t_ns[-1] > stop:
            high = int(t_ns.searchsorted(stop, "right"))
        power = self.power(t_ns, value)  # power[i] belongs to the cell (t[i], t[i+1]]
        self.around(t_ns, power, low, high)
        if high - low > 1:
            self.inside(t_ns[low:high], value[low:high], power[low : high - 1])

    def around(self, t_ns: Ints, power: Floats, low: int, high: int) -> None:
        """Keep the cells just outside the window and those that cross its edges."""
        n, start, stop = len(t_ns), self.window.start_ns, self.window.stop_ns
        whole = low == n or t_ns[low] == start  # no cell of this chunk crosses the start
        before = power[: low if whole else max(0, low - 1)]
        if len(before):
            self.before = [*self.before, *before[-NEAREST:].tolist()][-NEAREST:]
        if low > 0 and not whole:
            self.crossing[0] = float(power[low - 1]), int(t_ns[low] - t_ns[low - 1])
        whole = high == 0 or t_ns[high - 1] == stop
        if len(self.after) < NEAREST:
            self.after += power[max(0, high - 1) if whole else high :][
                : NEAREST - len(self.after)
            ].tolist()
        if high < n and not whole:
            self.crossing[1] = float(power[high - 1]), int(t_ns[high] - t_ns[high - 1])

    def opening(self, t_ns: Ints, value: Floats) -> tuple[Ints, Floats]:
        """The first chunk as this kind sees it."""
        return t_ns, value

    def power(self, t_ns: Ints, value: Floats) -> Floats:
        """Power of each cell between two readings [W], shape (n-1,)."""
        raise NotImplementedError

    def inside(self, t_ns: Ints, value: Floats, power: Floats) -> None:
        """Add the whole cells inside the window."""
        step = t_ns[1:] - t_ns[:-1]
        step_ns = step.astype(np.float64)
        # a long product not by BLAS, which shares it among threads, and waits for them on a busy machine
        self.sum += float(
            power.dot(step_ns) if len(step) < ALONE else np.einsum("i,i", power, step_ns)
        )
        self.cells += len(step)
        largest = int(step.max())
        self.largest_ns = max(self.largest_ns, largest)
        if largest > self.gap_ns:
            self.fill(step, value, power)
        self.remember(t_ns, power)

    def remember(self, t_ns: Ints, power: Floats) -> None:
        if not self.head:
            self.head_ns = int(t_ns[0])
        if len(self.head) < NEAREST:
            self.head += power[: NEAREST - len(self.head)].tolist()
        self.tail = (self.tail + power[-NEAREST:].tolist())[-NEAREST:]
        self.tail_ns = int(t_ns[-1])

    def fill(self, step: Ints, value: Floats, power: Floats) -> None:
        """Replace the unread part of each gap by the mean of both neighbours; it carries u_gap."""
        for i in np.flatnonzero(step > self.gap_ns).tolist():
            missing = int(step[i]) - self.interval_ns
            nearest = [*self.tail, *power[max(0, i - NEAREST) : i].tolist()][-NEAREST:]
            swing = _range([*nearest, *value[i : i + 2].tolist()])
            filled = (float(value[i]) + float(value[i + 1])) / 2
            self.gap_filled += filled * missing
            self.sum += (filled - float(power[i])) * missing
            self.gap_sum_ns += missing
            self.gap_variance += _edge_variance(swing, missing, self.interval_ns)

    def edge(self, side: int, inside: list[float], uncovered_ns: int) -> Edge:
        """The part of the window at one edge that no whole cell covers; inside: powers nearest that edge.

        It is found in two ways: hold the power inside, or take the power outside off the cell that crosses the
        edge. The second is right also where load rises slowly, the first where power outside is not steady or falls
        slowly; what leaves the smaller uncertainty is taken, where it does not ask for more power than was read.
        """
        held = inside[-side]
        swing = _range(inside)
        hold = Edge(
            held * uncovered_ns,
            _edge_variance(swing, uncovered_ns, self.interval_ns),
            False,
            uncovered_ns / NS,
        )
        crossing, outside = self.crossing[side], (self.before, self.after)[side]
        if (
            crossing is None
            or len(outside) < OUTSIDE
            or not uncovered_ns
            or not self.whole(crossing[1])
        ):
            return hold
        beyond = crossing[1] - uncovered_ns
        rest = crossing[0] * crossing[1] - outside[side - 1] * beyond
        variance = _edge_variance(_range(outside), beyond, self.interval_ns)
        plausible = 0 <= rest <= max(inside) * uncovered_ns  # more is load that went on outside
        return (
            Edge(rest, variance, True, beyond / NS)
            if plausible and variance < hold.variance
            else hold
        )

    def whole(self, step_ns: int) -> bool:
        """Whether a reading speaks of the whole step before it."""
        return step_ns <= self.gap_ns

    def result(self) -> ChannelEnergy | None:
        if self.first_ns is None or self.last_ns is None:
            return None
        start, stop = self.window.start_ns, self.window.stop_ns
        extent = min(self.last_ns, stop) - max(self.first_ns, start)
        if extent <= 0 or stop <= start or not self.head:
            return None
        uncovered = self.head_ns - start, stop - self.tail_ns
        edges = begin, end = (
            self.edge(0, self.head, uncovered[0]),
            self.edge(1, self.tail, uncovered[1]),
        )
        late = [
            f
            for f, read in zip(uncovered, self.crossing, strict=True)
            if read is not None and f > self.gap_ns
        ]
        total = stop - start
        return ChannelEnergy(
            energy_j=(self.sum + begin.energy + end.energy) / NS,
            filled_j=max(
                0.0, sum(edge.energy for edge in edges if not edge.outside) + self.gap_filled
            )
            / NS,
            u_edge_j=math.sqrt(begin.variance + end.variance) / NS,
            u_gap_j=math.sqrt(self.gap_variance) / NS,
            u_sampling_j=self.swing.u_mean() * total / NS,
            u_quantisation_j=self.u_quantisation(total) if self.channel.resolution else 0.0,
            coverage=min(1.0, extent / total),
            gap_share=(self.gap_sum_ns + sum(late)) / total,
            largest_gap_s=max([self.largest_ns, *late]) / NS,
            readings=self.cells + 1,
            interval_s=self.interval_ns / NS,
            inside_w=(self.head[0], self.tail[-1]),
            outside_w=(
                self.before[-1] if self.before else None,
                self.after[0] if self.after else None,
            ),
            resets=self.resets,
            edges=self.told(edges),
        )

    def told(self, edges: tuple[Edge, ...]) -> tuple[Edge, ...]:
        """The edges as the result tells them."""
        return edges

    def u_quantisation(self, total_ns: int) -> float:
        """qT/sqrt(12 n) where noise moves readings near an edge over steps, else qT/2 [J] (method, section 2)."""
        q = self.channel.resolution or 0.0
        moves = max(_range(self.head), _range(self.tail)) > q / 2
        return q * total_ns / NS * (1 / math.sqrt(12 * max(self.cells, 1)) if moves else 1 / 2)


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

    def __init__(self, channel: Channel, window: Window, interval_s: float) -> None:
        super().__init__(channel, window, interval_s)
        # of each edge: the nearest reading inside [W], the one next to it [W], and the time between them [ns]
        self.ends: list[tuple[float, float, int]] = []

    def power(self, t_ns: Ints, value: Floats) -> Floats:  # noqa: ARG002
        return (value[1:] + value[:-1]) / 2

    def inside(self, t_ns: Ints, value: Floats, power: Floats) -> None:
        self.swing.add(value[1:] if self.ends else value)
        first = float(value[0]), float(value[1]), int(t_ns[1] - t_ns[0])
        last = float(value[-1]), float(value[-2]), int(t_ns[-1] - t_ns[-2])
        self.ends = [self.ends[0] if self.ends else first, last]
        super().inside(t_ns, value, power)

    def edge(self, side: int, inside: list[float], uncovered_ns: int) -> Edge:
        """The nearest reading stands for one interval, wherever it fell; the next one makes up what is left.

        So the weight of a reading does not depend on its distance from the edge, and load that rises within that
        distance counts as often as readings meet it. Up to one interval is part of the sampling term, the rest a gap.
        """
        if not uncovered_ns:
            return Edge(0.0, 0.0, False, 0.0)
        nearest, following, apart_ns = self.ends[side]
        one_ns = min(self.interval_ns, apart_ns)  # then no reading has a weight below 0
        part = nearest * uncovered_ns + (following - nearest) * (
            min(uncovered_ns, one_ns) - one_ns / 2
        )
        beyond = max(0, uncovered_ns - self.interval_ns)
        return Edge(
            part, _edge_variance(_range(inside), beyond, self.interval_ns), False, uncovered_ns / NS
        )

    def told(self, edges: tuple[Edge, ...]) -> tuple[Edge, ...]:  # noqa: ARG002
        return ()


class _Counter(_Integral):
    """A reading is the energy since some beginning [J]; it may wrap or be reset."""

    def __init__(self, channel: Channel, window: Window, interval_s: float) -> None:
        super().__init__(channel, window, interval_s)
        self.usual_w: float | None = None  # power of the step before the one at hand [W]

    def power(self, t_ns: Ints, value: Floats) -> Floats:
        rise, seconds = np.diff(value), np.diff(t_ns) / NS
        for i in np.flatnonzero(rise < 0).tolist():
            usual_w = float(rise[i - 1] / seconds[i - 1]) if i else self.usual_w
            since_w = float(
                value[i + 1] / seconds[i]
            )  # all that is known where no step came before
            rise[i] = self.unwrap(
                float(rise[i]), since_w if usual_w is None else usual_w, t_ns[i : i + 2]
            )
        power: Floats = rise / seconds
        if len(power):
            self.usual_w = float(power[-1])
        return power

    def unwrap(self, fall: float, usual_w: float, step: Ints) -> float:
        """Energy of a step in which the count fell [J]: it passed its modulus, or it began anew."""
        modulus = self.channel.counter_modulus_j
        if modulus and 0 <= fall + modulus <= modulus / 2:
            return fall + modulus
        start, stop = self.window.start_ns, self.window.stop_ns
        length_ns = int(step[1] - step[0])
        self.resets += bool(step[1] > start and step[0] < stop)
        if step[0] >= start and step[1] <= stop:
            self.gap_filled += usual_w * length_ns
            self.gap_variance += _edge_variance(usual_w, length_ns, self.interval_ns)
        return usual_w * length_ns / NS  # what was counted in this step is lost

    def fill(self, step: Ints, value: Floats, power: Floats) -> None:
        """A late read of a counter loses nothing: no gap to fill."""

    def whole(self, step_ns: int) -> bool:  # noqa: ARG002
        return True

    def u_quantisation(self, total_ns: int) -> float:  # noqa: ARG002
        """Both ends of the count are rounded to one step [J]."""
        return (self.channel.resolution or 0.0) / math.sqrt(6)


_KINDS: dict[str, type[_Integral]] = {
    "mean": _Mean,
    "instant": _Instant,
    "counter": _Counter,
    "estimate": _Instant,
}


class _Swing:
    """How far power strays between two readings of an instant, from the readings themselves, chunk by chunk.

    What wanders from reading to reading (a random walk, or a step at an unknown moment) leaves the trapezoid
    D^2 d1/12 off in square, and what is new in each reading D^2/2 of it: the first grows with the lag, the second
    does not, so the mean squared differences d1, d2 over one and two steps tell them apart.
    """

    def __init__(self) -> None:
        self.last: Floats = np.zeros(0)
        self.squares = [0.0, 0.0]
        self.n = 0

    def add(self, value: Floats) -> None:
        """Take the readings that follow those taken before."""
        new = len(self.last)
        x = np.concatenate([self.last, value]) if new else value
        for lag in (1, 2):
            begin = max(new, lag)
            step = x[begin:] - x[begin - lag : len(x) - lag]
            self.squares[lag - 1] += float(step.dot(step))
        self.last = x[-2:]
        self.n += len(value)

    def u_mean(self) -> float:
        """Standard uncertainty of the mean [W]; 0 for a kind that does not sample."""
        if self.n < 2:
            return 0.0
        one, two = self.squares[0] / (self.n - 1), self.squares[1] / max(self.n - 2, 1)
        fresh = min(max(0.0, 2 * one - two), one) if self.n > 2 else one
        return math.sqrt(((one - fresh) / 12 + fresh / 2) / self.n)


def _range(values: list[float]) -> float:
    """Largest less smallest; of ten readings a list gives it sooner than an array."""
    return max(values) - min(values)


def _edge_variance(swing_w: float, uncovered_ns: int, interval_ns: int) -> float:
    """(R/2)^2 (f D + f^2) [(W ns)^2] (method, section 2)."""
    return (swing_w / 2) ** 2 * (uncovered_ns * interval_ns + uncovered_ns**2)
