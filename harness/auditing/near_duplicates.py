"""Find traces that were copied from one another without being equal.

A log that was measured once can serve many results: moved in time, cut, thinned, or scaled a
little so that no hash is equal. Sketches show which of all traces may be near copies
(`outlines.candidates`); `repeats` finds equal readings at other times, `scaled_courses` equal
courses, and both are applied to the readings of these pairs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from harness.auditing.ac_dc_pairs import ac_dc_pairs
from harness.auditing.cross_entry import CrossEntryEvidence, NearDuplicate, TraceAddress
from harness.auditing.outlines.candidates import Pairs
from harness.auditing.outlines.gathered import Fetch, Gathered
from harness.auditing.repeats import repeats
from harness.auditing.scaled_courses import scaled_courses
from harness.auditing.similarity import Similarity

READINGS_AT_ONCE = 2**22
"""Readings of the traces that are fetched at once, if two entries do not have more."""


def near_duplicates(gathered: Gathered, fetch: Fetch) -> CrossEntryEvidence:
    """Find near duplicates and AC/DC pairs among entries that are audited together.

    The result does not depend on the order of the entries. Equal traces are compared with others
    once, so a tree that is given many times costs no more.

    Args:
        gathered: Outlines of the entries.
        fetch: Returns the traces of some of them.
    """
    pairs, same_content = gathered.near_pairs()
    duplicates: dict[TraceAddress, list[NearDuplicate]] = defaultdict(list)
    for first, second, similarity in _similar_pairs(gathered, fetch, pairs):
        items = sorted(gathered.addresses(same_content(first)))
        others = sorted(gathered.addresses(same_content(second)))
        _record(duplicates, items, others, similarity)
        _record(duplicates, others, items, similarity.reversed())
    return CrossEntryEvidence(
        near_duplicates={address: tuple(sorted(items)) for address, items in duplicates.items()},
        ac_dc_pairs=ac_dc_pairs(gathered, fetch),
    )


def _similar_pairs(
    gathered: Gathered, fetch: Fetch, pairs: Pairs
) -> Iterator[tuple[int, int, Similarity]]:
    """Yield the pairs of traces that are near copies, with what relates them."""
    for some in _batches(gathered, pairs):
        places = [(gathered.place(first), gathered.place(second)) for first, second in some]
        positions = sorted({place.position for both in places for place in both})
        entries = fetch(positions)
        for (first, second), both in zip(some, places, strict=True):
            if not all(place.position in entries for place in both):
                continue  # it can no longer be read
            traces = [entries[place.position][place.run][place.trace] for place in both]
            similarity = (scaled_courses(traces) | repeats(traces)).get((0, 1))
            if similarity is not None:
                yield first, second, similarity


def _batches(gathered: Gathered, pairs: Pairs) -> Iterator[list[tuple[int, int]]]:
    """Yield the pairs in batches whose traces fit into memory."""
    batch: list[tuple[int, int]] = []
    readings = 0
    for first, second in pairs.tolist():
        size = gathered.length(first) + gathered.length(second)
        if batch and readings + size > READINGS_AT_ONCE:
            yield batch
            batch, readings = [], 0
        batch.append((first, second))
        readings += size
    if batch:
        yield batch


def _record(
    duplicates: dict[TraceAddress, list[NearDuplicate]],
    items: Sequence[TraceAddress],
    others: Sequence[TraceAddress],
    similarity: Similarity,
) -> None:
    """Add to each trace its closest duplicate among the traces of another content."""
    simultaneous = similarity.kind == "repeat" and not similarity.shift_s
    for address in items:
        candidates = [
            candidate
            for candidate in others
            if not simultaneous or _are_two_machines(address, candidate)
        ]
        if candidates:
            duplicates[address].append(similarity.to(_closest(address, candidates)))


def _are_two_machines(first: TraceAddress, second: TraceAddress) -> bool:
    """Return whether equal readings at one time come from two machines.

    Otherwise they are those of one machine, in two logs that overlap.
    """
    if first.entry == second.entry and first.run == second.run:
        return True
    return first.is_from_other_machine(second)


def _closest(address: TraceAddress, candidates: Sequence[TraceAddress]) -> TraceAddress:
    """Return a candidate in the same run, else in the same entry, else the first."""
    return min(
        candidates, key=lambda item: (item.entry != address.entry, item.run != address.run, item)
    )
