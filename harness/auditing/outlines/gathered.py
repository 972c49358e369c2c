"""The outlines of all entries that are audited together, in little memory.

Names and windows of an entry are kept as packed bytes, and hashes, lengths and times of its traces
in arrays: some hundred bytes for a trace. Readings are not kept: they are fetched again for the few
traces whose sketches are close.
"""

from __future__ import annotations

import functools
import hashlib
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.auditing.cross_entry import TraceAddress
from harness.auditing.outlines.candidates import Candidates, Pairs
from harness.auditing.outlines.outline import EntryOutline, pack, unpack
from harness.formats.base import Entry
from harness.traces.trace import Ints, Trace

TracesOfRuns = Sequence[Sequence[Trace]]
"""The outer traces of each run of an entry."""
Fetch = Callable[[Sequence[int]], Mapping[int, TracesOfRuns]]
"""Returns the traces of entries by their positions, without those that cannot be read again."""
CONTENT_BYTES = 32


class TracePlace(NamedTuple):
    """Where a trace is: position of its entry, and its place among the outer traces of a run."""

    position: int
    run: int
    trace: int


class Gathered:
    """Outlines of entries, by the position at which each was added."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._readings = array("q")
        self._positions_of_current: dict[str, array[int]] = {"ac": array("q"), "dc": array("q")}
        # of each trace
        self._contents = bytearray()
        self._positions, self._runs, self._places = array("q"), array("i"), array("i")
        self._lengths, self._first_ns, self._last_ns = array("q"), array("q"), array("q")
        self._is_searched = bytearray()
        self._candidates = Candidates()
        # of each calibration that an entry names: hashes of it and of the submitter
        self._claims, self._claimants, self._claim_positions = array("Q"), array("Q"), array("q")
        self._left_out: set[int] = set()

    @classmethod
    def build(cls, entries: Sequence[Entry]) -> Gathered:
        """Return the outlines of entries that are in memory."""
        gathered = cls()
        for entry in entries:
            gathered.add(EntryOutline.build(entry))
        return gathered

    def __len__(self) -> int:
        """Return the number of entries that are not left out."""
        return len(self._packed) - len(self._left_out)

    def add(self, outline: EntryOutline) -> None:
        """Add the outline of an entry."""
        position = len(self._packed)
        self._packed.append(pack(outline.without_sketches()))
        self._readings.append(outline.readings)
        if outline.current:
            self._positions_of_current[outline.current].append(position)
        for run_place, run in enumerate(outline.runs):
            for trace_place, trace in enumerate(run.traces):
                number = len(self._positions)
                self._contents += trace.content
                self._positions.append(position)
                self._runs.append(run_place)
                self._places.append(trace_place)
                self._lengths.append(trace.readings)
                self._first_ns.append(trace.first_ns)
                self._last_ns.append(trace.last_ns)
                self._is_searched.append(trace.sketch is not None)
                if trace.sketch is not None:
                    self._candidates.add(number, trace.readings, trace.sketch)
        traces = [trace for run in outline.runs for trace in run.traces]
        claimant = _hash(outline.owner[0])
        for calibration in {trace.calibration for trace in traces} - {None}:
            self._claims.append(_hash(calibration or ""))
            self._claimants.append(claimant)
            self._claim_positions.append(position)

    def outline(self, position: int) -> EntryOutline:
        """Return the outline of an entry, without its sketches."""
        outline: EntryOutline = unpack(self._packed[position])
        return outline

    # Leave out an entry

    def leave_out_largest(self) -> str:
        """Leave out the entry with the most readings; return its id."""
        inside = [number for number in range(len(self._packed)) if number not in self._left_out]
        largest = max(inside, key=self._readings.__getitem__)
        self._left_out.add(largest)
        return self.outline(largest).id

    def outlines(self) -> Iterator[EntryOutline]:
        """Yield all outlines that are not left out."""
        for position in range(len(self._packed)):
            if position not in self._left_out:
                yield self.outline(position)

    def positions_of_current(self, current: str) -> Iterator[int]:
        """Yield the entries that say they measured "ac" or "dc"."""
        for position in self._positions_of_current[current]:
            if position not in self._left_out:
                yield position

    # Calibrations

    def contested_claims(self) -> list[int]:
        """Return the positions of entries with a calibration that another submitter names too."""
        claims, claimants = np.array(self._claims, np.uint64), np.array(self._claimants, np.uint64)
        positions = np.array(self._claim_positions, np.int64)
        inside = self._inside(positions)
        claims, claimants, positions = claims[inside], claimants[inside], positions[inside]
        distinct = np.unique(np.stack([claims, claimants], axis=1), axis=0)
        names, counts = np.unique(distinct[:, 0], return_counts=True)
        contested = np.isin(claims, names[counts > 1])
        return sorted(set(positions[contested].tolist()))

    # Traces

    def _inside(self, positions: Ints) -> NDArray[np.bool_]:
        left_out = np.array(sorted(self._left_out), np.int64)
        return ~np.isin(positions, left_out)

    def _content_array(self) -> NDArray[np.bytes_]:
        return np.frombuffer(bytes(self._contents), f"S{CONTENT_BYTES}")

    def equal_traces(self) -> Iterator[tuple[str, list[int]]]:
        """Yield each content that occurs more than once, as a digest, and its traces."""
        inside = np.flatnonzero(self._inside(np.array(self._positions, np.int64)))
        for numbers in _equal(self._content_array(), inside):
            if len(numbers) > 1:
                yield self.content(numbers[0]), numbers

    def content(self, number: int) -> str:
        """Return the digest of a trace."""
        return self._contents[number * CONTENT_BYTES :][:CONTENT_BYTES].hex()

    def near_pairs(self) -> tuple[Pairs, Callable[[int], list[int]]]:
        """Find the pairs of contents that may be near copies.

        Returns:
            A trace of each of the two contents, and a function from one of these traces to all
            traces that have its content.
        """
        searched = np.frombuffer(bytes(self._is_searched), np.bool_)
        inside = self._inside(np.array(self._positions, np.int64))
        numbers = np.flatnonzero(searched & inside)
        contents = self._content_array()
        order = numbers[np.argsort(contents[numbers], kind="stable")]
        is_first = np.ones(len(order), np.bool_)
        is_first[1:] = contents[order[1:]] != contents[order[:-1]]
        begins = np.flatnonzero(is_first)
        firsts = order[begins]
        # Places follow the contents, so they do not depend on the order of the entries.
        places = np.full(len(searched), -1, np.int64)
        places[firsts] = np.arange(len(firsts))
        ends = np.append(begins[1:], len(order))

        def same_content(number: int) -> list[int]:
            place = places[number]
            same: list[int] = order[begins[place] : ends[place]].tolist()
            return same

        first_ns, last_ns = np.array(self._first_ns), np.array(self._last_ns)
        pairs = self._candidates.pairs(places, first_ns, last_ns)
        in_order = np.sort(places[pairs], axis=1)
        in_order = in_order[np.lexsort((in_order[:, 1], in_order[:, 0]))]
        return firsts[in_order], same_content

    def place(self, number: int) -> TracePlace:
        """Return where a trace is."""
        return TracePlace(self._positions[number], self._runs[number], self._places[number])

    def length(self, number: int) -> int:
        """Return the readings of a trace."""
        return self._lengths[number]

    def addresses(self, numbers: Collection[int]) -> list[TraceAddress]:
        """Return the addresses of traces."""
        outline = functools.lru_cache(maxsize=16)(self.outline)
        places = map(self.place, numbers)
        return [outline(place.position).address(place.run, place.trace) for place in places]


def _equal(contents: NDArray[np.bytes_], numbers: Ints) -> list[list[int]]:
    """Return the numbers of traces, by content."""
    order = numbers[np.argsort(contents[numbers], kind="stable")]
    ends = np.flatnonzero(contents[order[1:]] != contents[order[:-1]]) + 1
    begins = np.concatenate([[0], ends])
    sizes = np.diff(begins, append=len(order))
    several = np.flatnonzero(sizes > 1)
    return [order[begins[some] : begins[some] + sizes[some]].tolist() for some in several]


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "little")
