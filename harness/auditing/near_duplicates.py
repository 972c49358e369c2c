"""Find traces that were copied from one another without being equal.

A log that was measured once can serve many results: moved in time, cut, thinned, or scaled a
little so that no hash is equal. `repeats` finds equal readings at other times, `scaled_courses`
finds equal courses; here both are applied to all traces that are audited together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from harness.auditing.ac_dc_pairs import ac_dc_pairs
from harness.auditing.cross_entry import (
    CrossEntryEvidence,
    EntryAddresses,
    NearDuplicate,
    TraceAddress,
)
from harness.auditing.repeats import repeats
from harness.auditing.scaled_courses import scaled_courses
from harness.auditing.similarity import Similarity
from harness.formats.base import Entry
from harness.traces.trace import Trace

MIN_READINGS = 30
"""Shorter traces are not compared."""


class _Item(NamedTuple):
    """A trace and its address."""

    address: TraceAddress
    trace: Trace


def near_duplicates(entries: Sequence[Entry]) -> CrossEntryEvidence:
    """Find near duplicates and AC/DC pairs among entries that are audited together.

    The result does not depend on the order of the entries. Equal traces are compared with others
    once, so a tree that is given many times costs no more.
    """
    items_by_content: dict[str, list[_Item]] = defaultdict(list)
    for item in sorted(_comparable_items(entries), key=lambda item: item.address):
        items_by_content[item.trace.content_sha256].append(item)
    contents = list(items_by_content.values())
    traces = [items[0].trace for items in contents]

    similarities = scaled_courses(traces) | repeats(traces)
    duplicates: dict[TraceAddress, list[NearDuplicate]] = defaultdict(list)
    for (first, second), similarity in similarities.items():
        _record(duplicates, contents[first], contents[second], similarity)
        _record(duplicates, contents[second], contents[first], similarity.reversed())
    return CrossEntryEvidence(
        near_duplicates={address: tuple(sorted(items)) for address, items in duplicates.items()},
        ac_dc_pairs=ac_dc_pairs(entries),
    )


def _comparable_items(entries: Iterable[Entry]) -> Iterator[_Item]:
    """Yield all traces that are long enough, except counters."""
    for entry in entries:
        addresses = EntryAddresses(entry)
        for run in entry.runs:
            for trace in run.outer:
                if trace.channel.kind != "counter" and len(trace) >= MIN_READINGS:
                    yield _Item(addresses.address(run, trace), trace)


def _record(
    duplicates: dict[TraceAddress, list[NearDuplicate]],
    items: Sequence[_Item],
    others: Sequence[_Item],
    similarity: Similarity,
) -> None:
    """Add to each item its closest duplicate among the items of another content."""
    simultaneous = similarity.kind == "repeat" and not similarity.shift_s
    for item in items:
        addresses = [
            candidate.address
            for candidate in others
            if not simultaneous or _are_two_machines(item.address, candidate.address)
        ]
        if addresses:
            duplicates[item.address].append(similarity.to(_closest(item.address, addresses)))


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
