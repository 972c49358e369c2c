"""Find the pairs of sketches that may be near copies, in bounded memory and nearly linear time.

Few traces are compared pair by pair. Of many:

- windows are looked up in a sorted index of at most `MAX_WINDOWS`: beyond that number windows are
  sampled by their hash, so that copies keep the same ones;
- courses of one length are looked up in a tree, which returns the closest;
- courses with noise are divided by random planes, so that similar ones often fall into one part,
  and are compared there.

Of many, each trace keeps its closest `MAX_CLOSEST` counterparts.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.auditing.outlines.sketch import BUCKETS, SCALE_BUCKETS, WINDOW, TraceSketch
from harness.auditing.repeats import MIN_MATCHING_WINDOWS, WindowIndex
from harness.auditing.scaled_courses import MIN_CORRELATION, NOISY_CORRELATION
from harness.traces.trace import Floats, Ints

MAX_WINDOWS = 2**22
"""Windows that are kept of all traces: 68 MiB."""
MAX_PARTS = 2**12
"""Arrays of windows that are held apart: one long array takes less memory than many short ones."""
MAX_COMPARED_DIRECTLY = 1024
"""Traces of one length that are all compared with each other."""
MAX_CLOSEST = 16
"""Counterparts of a trace that are looked at, where there are more traces than that."""
SCALED_DISTANCE = 2 * math.sqrt(2 * (1 - MIN_CORRELATION)) + 1e-5
"""Distance of the sketches of two scaled courses: twice that of the courses, and rounding."""
NOISY_SKETCHES = NOISY_CORRELATION - 3 * (1 - NOISY_CORRELATION**2) / math.sqrt(BUCKETS)
"""Correlation of the sketches of two courses that correlate at NOISY_CORRELATION, at least."""
DIVISIONS = 96
"""How often courses are divided: of two that correlate at 0.7 (0.8) among 100,000, 98 % (100 %)
fall into one part at least once."""
PART_TRACES = 64
"""Traces that a part should have."""
BLOCK_TRACES = 256
"""Traces of a part that are compared with each other, if it has more."""
QUERIES_AT_ONCE = 2**18
ONE_THREAD = 2**18
"""Multiplications that OpenBLAS does in one thread."""

Pairs = Ints
"""Pairs of numbers of traces, the smaller first: shape (pairs, 2)."""
Hashes = NDArray[np.uint64]
OWNED_WINDOW = np.dtype([*WINDOW.descr, ("owner", "<i4")])
"""A window, and the number of its trace."""
Windows = NDArray[np.void]
"""An array of `OWNED_WINDOW`."""


class Candidates:
    """Sketches of traces, by the number that the trace was added with."""

    def __init__(self) -> None:
        self._windows = _WindowStore()
        self._traces = array("q")
        self._lengths = array("q")
        self._steps = bytearray()
        self._noisy = array("q")
        self._noisy_lengths = array("q")
        self._usual_steps = bytearray()

    def add(self, trace: int, readings: int, sketch: TraceSketch) -> None:
        """Add the sketch of a trace.

        Args:
            trace: Its number.
            readings: Its length.
            sketch: The sketch.
        """
        self._windows.add(trace, sketch)
        if sketch.steps:
            self._traces.append(trace)
            self._lengths.append(readings)
            self._steps += sketch.steps
        if sketch.usual_steps:
            self._noisy.append(trace)
            self._noisy_lengths.append(readings)
            self._usual_steps += sketch.usual_steps

    def pairs(self, places: Ints, first_ns: Ints, last_ns: Ints) -> Pairs:
        """Return the pairs that may be near copies, each once, in ascending order.

        Args:
            places: Place of each trace in an order that does not depend on how they were added; -1
                for traces to leave out.
            first_ns: Time of the first reading of each trace [ns UTC].
            last_ns: Time of the last one.
        """
        batches = [self._windows.pairs(places)]
        steps = np.frombuffer(self._steps, "<f4").reshape(-1, SCALE_BUCKETS)
        for traces, rows in _by_length(self._traces, self._lengths, places):
            batches.append(traces[_close_rows(steps[rows])])
        usual = np.frombuffer(self._usual_steps, "<f2").reshape(-1, BUCKETS)
        for traces, rows in _by_length(self._noisy, self._noisy_lengths, places):
            batches.append(traces[_noisy_rows(usual[rows], first_ns[traces], last_ns[traces])])
        pairs = np.sort(np.concatenate(batches), axis=1)
        return np.unique(pairs, axis=0)


def _by_length(
    traces: Sequence[int], lengths: Sequence[int], places: Ints
) -> Iterator[tuple[Ints, Ints]]:
    """Yield the traces of each length, by their places, and the rows of their sketches."""
    numbers, lengths_of = np.array(traces, np.int64), np.array(lengths, np.int64)
    rows = np.flatnonzero(places[numbers] >= 0)
    rows = rows[np.lexsort((places[numbers[rows]], lengths_of[rows]))]
    ends = np.flatnonzero(np.diff(lengths_of[rows])) + 1
    for some in np.split(rows, ends):
        if len(some) > 1:
            yield numbers[some], some


class _WindowStore:
    """The windows of all traces, sampled by their hash where they are too many."""

    def __init__(self) -> None:
        self._level = 0
        self._parts: list[Windows] = []
        self._count = 0

    def add(self, trace: int, sketch: TraceSketch) -> None:
        windows = np.frombuffer(sketch.windows, WINDOW)
        part = np.empty(len(windows), OWNED_WINDOW)
        for name in WINDOW.names or ():
            part[name] = windows[name]
        part["owner"] = trace
        part = part[self._is_sampled(part["hash"])]
        self._parts.append(part)
        self._count += len(part)
        if len(self._parts) > MAX_PARTS:
            self._parts = [np.concatenate(self._parts)]
        while self._count > MAX_WINDOWS:
            self._level += 1
            self._parts = [part[self._is_sampled(part["hash"])] for part in self._parts]
            self._count = sum(map(len, self._parts))

    def _is_sampled(self, hashes: Hashes) -> NDArray[np.bool_]:
        mask = np.uint64(2**self._level - 1)
        result: NDArray[np.bool_] = (hashes >> np.uint64(32)) & mask == 0
        return result

    def pairs(self, places: Ints) -> Pairs:
        """Return the pairs of traces of which one holds enough windows of the other at one lag.

        Where windows are sampled, fewer are enough.
        """
        windows = np.concatenate([np.empty(0, OWNED_WINDOW), *self._parts])
        self._parts = [windows]
        windows = windows[places[windows["owner"]] >= 0]
        sources = np.flatnonzero(windows["stride"] == 1)
        owners = windows["owner"][sources]
        order = sources[
            np.lexsort((windows["begin"][sources], places[owners], windows["hash"][sources]))
        ]
        index = WindowIndex(
            windows["hash"][order],
            windows["owner"][order].astype(np.int64),
            windows["begin"][order].astype(np.int64),
        )
        needed = max(1, MIN_MATCHING_WINDOWS >> self._level)
        batches = [_matching(index, some, needed) for some in _by_owner(windows)]
        return np.concatenate([np.empty((0, 2), np.int64), *batches])


def _by_owner(windows: Windows) -> Iterator[Windows]:
    """Yield some windows at a time, with all of one trace together."""
    begins = np.flatnonzero(np.diff(windows["owner"], prepend=-1))
    start = 0
    while start < len(windows):
        following = begins[np.searchsorted(begins, start + QUERIES_AT_ONCE) :]
        stop = int(following[0]) if len(following) else len(windows)
        yield windows[start:stop]
        start = stop


def _matching(index: WindowIndex, windows: Windows, needed: int) -> Pairs:
    """Return the pairs of traces that share enough windows at one lag.

    Args:
        index: Windows of all traces.
        windows: All windows of some traces.
        needed: How many windows are enough.
    """
    queries, rows = index.lookup(windows["hash"])
    copies, sources = windows["owner"][queries].astype(np.int64), index.owners[rows]
    foreign = copies != sources
    queries, rows = queries[foreign], rows[foreign]
    strides = windows["stride"][queries].astype(np.int64)
    lags = windows["begin"][queries] - index.begins[rows] * strides
    keys = np.stack([copies[foreign], sources[foreign], strides, lags], axis=1)
    if not len(keys):
        return np.empty((0, 2), np.int64)
    keys = keys[np.lexsort(keys.T)]
    begins = np.flatnonzero(np.append(True, (keys[1:] != keys[:-1]).any(axis=1)))
    counts = np.diff(begins, append=len(keys))
    return keys[begins[counts >= needed], :2]


def _close_rows(steps: NDArray[np.float32]) -> Pairs:
    """Return the pairs of sketches that scaled courses may have."""
    if len(steps) > MAX_COMPARED_DIRECTLY:
        return _closest_rows(steps)
    norms = (steps**2).sum(axis=1)
    distances = norms[:, None] + norms[None, :] - 2 * (steps @ steps.T)
    return np.argwhere(np.triu(distances <= SCALED_DISTANCE**2, 1))


def _closest_rows(steps: NDArray[np.float32]) -> Pairs:
    from scipy.spatial import cKDTree

    tree = cKDTree(steps)
    _, neighbours = tree.query(steps, MAX_CLOSEST + 1, distance_upper_bound=SCALED_DISTANCE)
    rows = np.repeat(np.arange(len(steps)), MAX_CLOSEST + 1)
    pairs = np.stack([rows, neighbours.ravel()], axis=1)
    pairs = pairs[(pairs[:, 1] < len(steps)) & (pairs[:, 0] != pairs[:, 1])]
    return np.unique(np.sort(pairs, axis=1), axis=0)


def _noisy_rows(usual: NDArray[np.float16], first_ns: Ints, last_ns: Ints) -> Pairs:
    """Return the pairs of sketches of different times that courses with noise may have."""
    sketches = usual.astype(np.float32)
    norms = np.sqrt((sketches**2).sum(axis=1, keepdims=True))
    sketches /= np.where(norms > 0, norms, 1)
    times = np.stack([first_ns, last_ns], axis=1)
    if len(sketches) <= MAX_COMPARED_DIRECTLY:
        rows = np.arange(len(sketches))
        return _similar(sketches, times, rows)[0]
    batches, similarities = [], []
    random = np.random.default_rng(len(sketches))
    planes = math.ceil(math.log2(len(sketches) / PART_TRACES))
    for _ in range(DIVISIONS):
        for rows in _parts(sketches, planes, random):
            pairs, similarity = _similar(sketches, times, rows)
            batches.append(pairs)
            similarities.append(similarity)
    pairs = np.sort(np.concatenate(batches), axis=1)
    return _closest(pairs, np.concatenate(similarities))


def _parts(
    sketches: NDArray[np.float32], planes: int, random: np.random.Generator
) -> Iterator[Ints]:
    """Yield the rows of each part into which random planes divide the sketches."""
    normals = random.standard_normal((planes + 1, sketches.shape[1])).astype(np.float32)
    sides = _products(sketches, normals)
    parts = (sides[:, :planes] > 0) @ (1 << np.arange(planes))
    order = np.lexsort((sides[:, planes], parts))  # neighbours are compared in a part too large
    for rows in np.split(order, np.flatnonzero(np.diff(parts[order])) + 1):
        for start in range(0, len(rows), BLOCK_TRACES):
            yield rows[start : start + BLOCK_TRACES]


def _similar(
    sketches: NDArray[np.float32], times: Ints, rows: Ints
) -> tuple[Pairs, NDArray[np.float32]]:
    """Return the pairs of some rows that correlate and have no time in common; and how much."""
    some, spans = sketches[rows], times[rows]
    correlations = _products(some, some)
    first, second = np.nonzero(np.triu(correlations >= NOISY_SKETCHES, 1))
    disjoint = (spans[first, 1] < spans[second, 0]) | (spans[second, 1] < spans[first, 0])
    first, second = first[disjoint], second[disjoint]
    return np.stack([rows[first], rows[second]], axis=1), correlations[first, second]


def _products(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the products of some vectors with others, shape (rows, columns).

    They are made in pieces that BLAS does not spread over threads, which wait for each other on a
    busy machine.
    """
    size = max(1, ONE_THREAD // columns.size)
    pieces = [rows[start : start + size] @ columns.T for start in range(0, len(rows), size)]
    return np.concatenate(pieces)


def _closest(pairs: Pairs, similarities: Floats | NDArray[np.float32]) -> Pairs:
    """Return the pairs that are among the closest of one of their traces, each once."""
    pairs, places = np.unique(pairs, axis=0, return_index=True)
    closeness = -similarities[places]
    kept = np.zeros(len(pairs), np.bool_)
    for side in (0, 1):
        order = np.lexsort((closeness, pairs[:, side]))
        begins = np.flatnonzero(np.diff(pairs[order, side], prepend=-1))
        counts = np.diff(begins, append=len(order))
        ranks = np.arange(len(order)) - np.repeat(begins, counts)
        kept[order[ranks < MAX_CLOSEST]] = True
    return pairs[kept]
