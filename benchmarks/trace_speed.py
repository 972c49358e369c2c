"""Time the energy of a long trace against one pass over its columns, and compare memory.

Memory is compared between two lengths of trace.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.table import Row, compare
from harness.energy.integrate import energy
from harness.traces.channel import Accuracy, Channel
from harness.traces.trace import Floats, Ints, Trace, Window

STEP_NS = 1_000_000
"""Time between readings [ns]: a millisecond."""
START_NS = 1_700_000_000_000_000_000
BLOCK = 1_000_000
"""Readings written at once."""
CHANNEL = Channel(
    id="total",
    kind="mean",
    boundary="wall",
    calibration_id="bench",
    nominal_interval_s=STEP_NS / 1e9,
    accuracy=Accuracy(reading_limit_pct=0.1, source="benchmark"),
)
Columns = tuple[Ints, Floats]


def rows(folder: Path, readings: int, pairs: int) -> Iterator[Row]:
    """Time at full length; then the growth of memory beside that at a tenth of the length."""
    columns = write(folder, readings)
    trace = trace_of(columns)
    yield compare(
        f"energy of a trace of {readings:.0e} readings".replace("e+0", "e"),
        lambda: whole(trace),
        "one pass that sums both columns",
        lambda: sums(columns),
        pairs=pairs,
        bar=3,
    )
    short, long = (_peak_mib(mapped(folder, length)) for length in (readings // 10, readings))
    yield Row(
        "its peak memory", long, "at a tenth of the length", short, (long / short,), 1.1, unit="MiB"
    )


def write(folder: Path, readings: int) -> Columns:
    """Both columns as files that are mapped into memory."""
    t_ns = np.memmap(folder / "t_ns", np.int64, "w+", shape=(readings,))
    power_w = np.memmap(folder / "power_w", np.float64, "w+", shape=(readings,))
    rng = np.random.default_rng(1)
    for first in range(0, readings, BLOCK):
        stop = min(first + BLOCK, readings)
        t_ns[first:stop] = START_NS + STEP_NS * np.arange(first, stop)
        power_w[first:stop] = rng.normal(400.0, 10.0, stop - first)
    t_ns.flush()
    power_w.flush()
    return mapped(folder, readings)


def mapped(folder: Path, readings: int) -> Columns:
    """The first readings of both columns, mapped for reading."""
    return (
        np.memmap(folder / "t_ns", np.int64, "r", shape=(readings,)),
        np.memmap(folder / "power_w", np.float64, "r", shape=(readings,)),
    )


def trace_of(columns: Columns) -> Trace:
    """A trace over two mapped columns."""
    t_ns, power_w = (np.asarray(column) for column in columns)
    trace = Trace(CHANNEL, t_ns, power_w)
    assert trace.interval_s == STEP_NS / 1e9  # the median step is found once, when a trace is read
    return trace


def whole(trace: Trace) -> float:
    """Energy of all but the first and the last second [J]."""
    window = Window(int(trace.t_ns[0]) + 10**9, int(trace.t_ns[-1]) - 10**9)
    found = energy(trace, window)
    return found.energy_j if found else 0.0


def sums(columns: Columns) -> float:
    """The least that any pass over the trace does."""
    return float(columns[0].sum()) + float(columns[1].sum())


def _peak_mib(columns: Columns) -> float:
    """Most memory that the energy of these columns holds at once [MiB]; the mapped files are not
    part of it."""
    trace = trace_of(columns)
    tracemalloc.start()
    whole(trace)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20
