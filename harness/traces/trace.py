"""A trace: the readings of one channel, in two immutable columns."""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import SchemaError, shorten
from harness.core.timestamps import NS
from harness.traces.channel import Channel
from harness.traces.columns import order_statistic, spans

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

T_MIN_NS, T_MAX_NS = 0, 4_102_444_800 * NS
"""Times before 1970 and after 2099 are not times of a measurement [ns UTC]."""
VALUE_MAX = 1e12
"""A power above a terawatt is a failed read (9.91E+37 marks one) [W]."""
ENERGY_MAX = 1e18
"""An energy above is a failed read; sums of such numbers might be infinite [J]."""

GAP_CELLS = 1.5
"""A step between readings longer than this many nominal intervals is a gap (method, section 2)."""


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time.

    Attributes:
        start_ns: Begin [ns UTC].
        stop_ns: End [ns UTC].
    """

    start_ns: int
    stop_ns: int

    @property
    def seconds(self) -> float:
        """Length of the window [s]."""
        return (self.stop_ns - self.start_ns) / NS

    def __contains__(self, t_ns: float) -> bool:
        """Tell whether a time [ns UTC] lies in [start, stop]."""
        return self.start_ns <= t_ns <= self.stop_ns


@dataclass(frozen=True, slots=True)
class Dropped:
    """A reading of the source that is not in the columns, kept with the reason.

    Attributes:
        position: Its index among all readings of the source.
        t_ns: Its time [ns UTC]; None where it has none.
        raw: Text of the source.
        reason: Why it cannot be used.
    """

    position: int
    t_ns: int | None
    raw: str
    reason: str


@dataclass(frozen=True)
class Trace:
    """Readings of one channel.

    Attributes:
        channel: What was measured.
        t_ns: Time of each reading [ns UTC], int64, shape (n,), strictly increasing.
        value: Readings [W, or J for a counter], float64, shape (n,), finite.
        position: Index of each reading in its source, int64, shape (n,); None where time order is
            source order.
        dropped: Readings that failed or that another replaced, in source order.
    """

    channel: Channel
    t_ns: Ints
    value: Floats
    position: Ints | None = None
    dropped: tuple[Dropped, ...] = ()

    def __post_init__(self) -> None:
        fault = column_fault(self.t_ns, self.value, self.channel.quantity)
        if fault:
            raise SchemaError(fault, where=f"trace {self.channel.id}")
        self.t_ns.setflags(write=False)
        self.value.setflags(write=False)

    def __len__(self) -> int:
        return len(self.t_ns)

    @functools.cached_property
    def interval_s(self) -> float | None:
        """Time between readings [s].

        The median step, or the nominal interval of fewer than two readings.
        """
        if len(self) < 2:
            return self.channel.nominal_interval_s
        count = len(self) - 1
        return order_statistic(self._steps, count, count // 2) / NS

    @property
    def longest_step_ns(self) -> int:
        """Longest time between two readings [ns]; 0 for fewer than two."""
        rows_of_steps = spans(0, len(self) - 1)
        return max((int(self._steps(rows).max()) for rows in rows_of_steps), default=0)

    def _steps(self, rows: slice) -> Ints:
        """Return the times between readings and the ones before them [ns]."""
        return self.t_ns[rows.start + 1 : rows.stop + 1] - self.t_ns[rows]

    @property
    def rate(self) -> float | None:
        """Readings a second [1/s]."""
        return 1 / self.interval_s if self.interval_s else None

    def slice(self, first: int, last: int) -> Trace:
        """Return the readings `first` to `last - 1` as a trace, without copying the columns."""
        part = slice(first, last)
        position = None if self.position is None else self.position[part]
        return Trace(self.channel, self.t_ns[part], self.value[part], position, self.dropped)

    def window(self, window: Window) -> Trace:
        """Return the readings whose time lies in [start, stop]."""
        first = int(np.searchsorted(self.t_ns, window.start_ns, "left"))
        return self.slice(first, int(np.searchsorted(self.t_ns, window.stop_ns, "right")))

    def gaps(self, window: Window | None = None) -> list[tuple[int, int]]:
        """Return the gaps [ns UTC] (readings over 1.5 intervals apart), clipped to `window`."""
        if len(self) < 2 or not self.interval_s:
            return []
        longest_ns = GAP_CELLS * self.expected_interval_s * NS
        wide_steps: list[tuple[int, int]] = []
        for rows in spans(0, len(self) - 1):
            wide = rows.start + np.flatnonzero(self._steps(rows) > longest_ns)
            wide_steps += [(int(self.t_ns[i]), int(self.t_ns[i + 1])) for i in wide]
        if window is None:
            return wide_steps
        clipped = [(max(a, window.start_ns), min(b, window.stop_ns)) for a, b in wide_steps]
        return [(a, b) for a, b in clipped if b > a]

    @property
    def expected_interval_s(self) -> float:
        """Interval that a gap is measured against [s]: the larger of nominal and median."""
        return max(self.interval_s or 0.0, self.channel.nominal_interval_s or 0.0)

    def source_order(self) -> tuple[Ints, Floats]:
        """Return all readings that have a time and a number, in the order of the source.

        (t_ns, value).
        """
        if self.position is None and not self.dropped:
            return self.t_ns, self.value
        rows: list[tuple[int, int, float]] = []
        for item in self.dropped:
            number = _number(item.raw)
            if item.t_ns is not None and number is not None:
                rows.append((item.position, item.t_ns, number))
        position = np.arange(len(self)) if self.position is None else self.position
        order = np.concatenate([position, np.array([r[0] for r in rows], np.int64)])
        t_ns = np.concatenate([self.t_ns, np.array([r[1] for r in rows], np.int64)])
        value = np.concatenate([self.value, np.array([r[2] for r in rows], np.float64)])
        by_position = np.argsort(order, kind="stable")
        return t_ns[by_position], value[by_position]

    @functools.cached_property
    def content_sha256(self) -> str:
        """SHA-256 of the two columns: the same readings give the same hash in any store."""
        digest = hashlib.sha256()
        for rows in spans(0, len(self)):
            digest.update(np.ascontiguousarray(self.t_ns[rows], "<i8").data)
        for rows in spans(0, len(self)):
            digest.update(np.ascontiguousarray(self.value[rows], "<f8").data)
        return digest.hexdigest()


def _number(raw: str) -> float | None:
    """Return the number of a text as Python reads it, like MLPerf's scripts, which use these."""
    try:
        number = float(raw)
    except ValueError:
        return None
    return number if abs(number) <= ENERGY_MAX else None


def largest_value(quantity: str) -> float:
    """Return the largest reading of a quantity, ``power`` [W] or ``energy`` [J]."""
    return ENERGY_MAX if quantity == "energy" else VALUE_MAX


def column_fault(t_ns: Ints, value: Floats, quantity: str = "power") -> str | None:
    """Find the first fault of two columns.

    None where they have the same length, finite values in range and increasing times.

    The vector form of the item rules in `schemas/power-trace.schema.json`.
    """
    if t_ns.ndim != 1 or value.ndim != 1 or len(t_ns) != len(value):
        return (
            f"columns differ in length: {shorten(t_ns.shape)} times, {shorten(value.shape)} values"
        )
    if t_ns.dtype != np.int64 or value.dtype != np.float64:
        return f"columns have types {t_ns.dtype}, {value.dtype}; expected int64, float64"
    if not len(t_ns):
        return None
    for rows in spans(1, len(t_ns)):
        late = t_ns[rows] <= t_ns[rows.start - 1 : rows.stop - 1]
        if np.count_nonzero(late):
            row = rows.start + int(np.argmax(late))
            return f"time does not increase at row {row}: {t_ns[row]} after {t_ns[row - 1]}"
    if t_ns[0] < T_MIN_NS or t_ns[-1] > T_MAX_NS:
        return f"times {t_ns[0]}..{t_ns[-1]} ns are not between 1970 and 2100"
    highest = largest_value(quantity)
    if not (value.min() >= 0 and value.max() <= highest):  # or NaN
        row = _first_outside(value, highest)
        return f"value out of range at row {row}: {value[row]!r}; expected 0..{highest:g}"
    return None


def _first_outside(value: Floats, highest: float) -> int:
    """Return the first row that is not between 0 and a limit."""
    for rows in spans(0, len(value)):
        good = (value[rows] >= 0) & (value[rows] <= highest)
        if not good.all():
            return int(rows.start) + int(np.argmin(good))
    return 0
