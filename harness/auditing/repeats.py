"""Find traces that hold readings of another trace, at another time or at every nth place.

Windows of successive readings are hashed and looked up among those of all other traces, so a repeat
is found wherever it begins, and whether it was cut, moved or thinned. Machines at rest repeat
themselves: only windows with many different values count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.auditing.similarity import Pair, Similarity
from harness.core.timestamps import NS
from harness.traces.columns import spans
from harness.traces.trace import Floats, Ints, Trace

Hashes = NDArray[np.uint64]

WINDOW_READINGS = 12
"""Readings in a hashed window."""
MIN_DISTINCT_VALUES = 8
"""Different values a window must have."""
STRIDES = (1, 2, 3, 4)
"""Every reading, every second, third and fourth are looked up."""
MAX_READINGS_FOR_ALL_WINDOWS = 400
"""Above this length only one window in `SAMPLING` is kept."""
SAMPLING = 8
"""Windows are sampled by their hash, so that copies keep the same ones."""
MAX_SAMPLED_READINGS = 2**21
"""Above this length fewer windows are kept, so that their number does not grow."""
MIN_MATCHING_WINDOWS = 3
"""Windows with one common lag that make a repeat."""
MAX_PLACES_OF_WINDOW = 16
"""Occurrences of one window that are compared; a copy in more places shows in the first ones."""


class Windows(NamedTuple):
    """Hashed windows of a trace, and the index of the first reading of each."""

    hashes: Hashes
    begins: Ints


@dataclass(frozen=True, slots=True)
class WindowIndex:
    """The varied windows of all traces, sorted by hash; what equals one of them is varied too.

    Attributes:
        hashes: Sorted hashes.
        owners: Index of the trace that each window belongs to.
        begins: Index of the first reading of each window.
    """

    hashes: Hashes
    owners: Ints
    begins: Ints

    @classmethod
    def build(cls, windows_of_traces: Sequence[Windows]) -> WindowIndex:
        """Build the index from the windows of each trace."""
        hashes = np.concatenate([windows.hashes for windows in windows_of_traces])
        begins = np.concatenate([windows.begins for windows in windows_of_traces])
        sizes = [len(windows.hashes) for windows in windows_of_traces]
        owners = np.repeat(np.arange(len(windows_of_traces)), sizes)
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], owners[order], begins[order])

    def lookup(self, queries: Hashes) -> tuple[Ints, Ints]:
        """Find queries in the index.

        Returns:
            Two arrays of one length: index of the query, and row of the index that equals it. A
            query has at most `MAX_PLACES_OF_WINDOW` rows.
        """
        first_rows = np.searchsorted(self.hashes, queries)
        inside = np.flatnonzero(first_rows < len(self.hashes))
        hits = inside[self.hashes[first_rows[inside]] == queries[inside]]
        first_rows = first_rows[hits]
        last_rows = np.searchsorted(self.hashes, queries[hits], "right")
        counts = np.minimum(last_rows - first_rows, MAX_PLACES_OF_WINDOW)
        ends = np.cumsum(counts)
        offsets = np.arange(int(counts.sum())) - np.repeat(ends - counts, counts)
        return np.repeat(hits, counts), np.repeat(first_rows, counts) + offsets


class _Match(NamedTuple):
    """A window of one trace that recurs in a source: where it begins in each."""

    begin: int
    begin_in_source: int


def repeats(traces: Sequence[Trace]) -> dict[Pair, Similarity]:
    """Return pairs of traces one of which holds readings of the other."""
    if not traces:
        return {}
    windows_of_traces = [varied_windows(trace.value) for trace in traces]
    index = WindowIndex.build(windows_of_traces)
    best: dict[Pair, Similarity] = {}
    for (copy, source, stride), matches in sorted(_matches(traces, windows_of_traces, index)):
        similarity = _repeat_similarity(traces[copy], traces[source], stride, matches)
        if similarity is None:
            continue
        pair = (min(copy, source), max(copy, source))
        if pair not in best or similarity.share > best[pair].share:
            best[pair] = similarity if copy < source else similarity.reversed()
    return best


def _matches(
    traces: Sequence[Trace], windows_of_traces: Sequence[Windows], index: WindowIndex
) -> Iterable[tuple[tuple[int, int, int], list[_Match]]]:
    """Look up the windows of each trace, at each stride, among those of all other traces.

    Returns:
        Matches by index of the trace, index of its source, and stride.
    """
    matches: dict[tuple[int, int, int], list[_Match]] = defaultdict(list)
    for copy, trace in enumerate(traces):
        for stride in STRIDES:
            windows = windows_of_traces[copy] if stride == 1 else hash_windows(trace.value, stride)
            queries, rows = index.lookup(windows.hashes)
            foreign = index.owners[rows] != copy
            queries, rows = queries[foreign], rows[foreign]
            if not len(queries):
                continue
            begins = windows.begins[queries].tolist()
            owners, begins_in_source = index.owners[rows].tolist(), index.begins[rows].tolist()
            for begin, source, begin_in_source in zip(
                begins, owners, begins_in_source, strict=True
            ):
                matches[copy, source, stride].append(_Match(begin, begin_in_source))
    return matches.items()


def _repeat_similarity(
    copy: Trace, source: Trace, stride: int, matches: Sequence[_Match]
) -> Similarity | None:
    """Return what matching windows say of two traces; None where too few have one lag."""
    rows = np.array(sorted(set(matches)), np.int64)
    begins, begins_in_source = rows[:, 0], rows[:, 1]
    lags = begins - begins_in_source * stride
    values, counts = np.unique(lags, return_counts=True)
    most_frequent = values[int(np.argmax(counts))]
    aligned = np.flatnonzero(lags == most_frequent)
    if len(aligned) < MIN_MATCHING_WINDOWS:
        return None

    shifts_s = (copy.t_ns[begins[aligned]] - source.t_ns[begins_in_source[aligned]]) / NS
    shift_s = float(shifts_s[np.argmax(np.abs(shifts_s))])  # 0 only where all stamps are equal
    windows_per_match = windows_per_sample(len(copy), stride)
    shorter_windows = min(len(copy) // stride, len(source)) - WINDOW_READINGS + 1
    share = min(1.0, len(aligned) * windows_per_match / max(1, shorter_windows))
    kind: Literal["repeat", "resample"] = "repeat" if stride == 1 else "resample"
    return Similarity(kind, shift_s, round(share, 3), float(stride))


_HASH_FACTORS = np.array(
    [((0x9E3779B97F4A7C15 * (2 * k + 1)) ^ (k << 33)) % 2**64 | 1 for k in range(WINDOW_READINGS)],
    np.uint64,
)
"""Odd factors, one for each reading of a window."""


def hash_windows(value: Floats, stride: int) -> Windows:
    """Hash each window of every `stride`th reading; of a long trace keep a sample."""
    count = len(value) - (WINDOW_READINGS - 1) * stride
    sampling = np.uint64(windows_per_sample(len(value), stride))
    hashes, begins = [np.empty(0, np.uint64)], [np.empty(0, np.int64)]
    bits = value.view(np.uint64)
    for rows in spans(0, count):
        some = bits[rows] * _HASH_FACTORS[0]
        for k in range(1, WINDOW_READINGS):
            some += bits[rows.start + k * stride : rows.stop + k * stride] * _HASH_FACTORS[k]
        some ^= some >> np.uint64(29)
        some *= np.uint64(0xBF58476D1CE4E5B9)
        kept = np.arange(len(some))
        if sampling > 1:
            kept = np.flatnonzero((some >> np.uint64(40)) % sampling == 0)
        hashes.append(some[kept])
        begins.append(rows.start + kept)
    return Windows(np.concatenate(hashes), np.concatenate(begins))


def windows_per_sample(readings: int, stride: int) -> int:
    """Return how many windows of a trace each kept one stands for; a power of two."""
    if readings <= MAX_READINGS_FOR_ALL_WINDOWS * stride:
        return 1
    sampling = SAMPLING
    while readings > MAX_SAMPLED_READINGS:
        readings, sampling = readings // 2, 2 * sampling
    return sampling


def varied_windows(value: Floats) -> Windows:
    """Hash the windows of a trace that have enough different values."""
    windows = hash_windows(value, 1)
    varied = are_varied(value, 1, windows.begins)
    return Windows(windows.hashes[varied], windows.begins[varied])


def are_varied(value: Floats, stride: int, begins: Ints) -> NDArray[np.bool_]:
    """Return for each window whether it has `MIN_DISTINCT_VALUES` different values."""
    varied = [np.empty(0, np.bool_)]
    for some in spans(0, len(begins)):
        indices = begins[some, None] + stride * np.arange(WINDOW_READINGS)
        readings = np.sort(value[indices], axis=1)
        distinct = (readings[:, 1:] != readings[:, :-1]).sum(axis=1) + 1
        varied.append(distinct >= MIN_DISTINCT_VALUES)
    return np.concatenate(varied)
