"""Sketches of traces show the same near copies as comparing the readings of all pairs."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from harness.auditing.cross_entry import CrossEntryEvidence
from harness.auditing.near_duplicates import near_duplicates
from harness.auditing.outlines import candidates
from harness.auditing.outlines.candidates import Candidates
from harness.auditing.outlines.sketch import sketch_of
from harness.auditing.relations import in_memory
from harness.auditing.repeats import repeats
from harness.auditing.scaled_courses import scaled_courses
from harness.formats.base import Entry, Run
from harness.traces.trace import Trace

Make = Callable[..., Trace]
MakeEntry = Callable[..., Entry]


def pairs_of(traces: Sequence[Trace]) -> set[tuple[int, int]]:
    sketches = Candidates()
    for number, trace in enumerate(traces):
        sketches.add(number, len(trace), sketch_of(trace))
    first_ns = np.array([trace.t_ns[0] for trace in traces])
    last_ns = np.array([trace.t_ns[-1] for trace in traces])
    pairs = sketches.pairs(np.arange(len(traces)), first_ns, last_ns)
    return {(first, second) for first, second in pairs.tolist()}


def courses(trace: Make, count: int, readings: int, seed: int) -> list[Trace]:
    """Every tenth trace is a copy of an earlier one: scaled and rounded, moved, thinned or with
    noise."""
    rng = np.random.default_rng(seed)
    traces: list[Trace] = []
    for number in range(count):
        value = np.round(300 + 40 * rng.standard_normal(readings), 2)
        if number % 10 == 9:
            earlier = traces[-3].value
            value = (
                np.round(earlier * rng.uniform(0.8, 1.2), int(rng.integers(0, 3))),
                earlier,
                np.concatenate([earlier[::2], value[: readings - len(earlier[::2])]]),
                np.round(earlier + 10 * rng.standard_normal(readings), 2),
            )[number // 10 % 4]
        traces.append(trace(np.arange(readings) + 1000 * number, value))
    traces.append(trace(np.arange(readings) + 10**6, np.full(readings, 7.0)))
    traces.append(trace(np.arange(readings) + 2 * 10**6, np.full(readings, 8.0)))
    return traces


@pytest.mark.parametrize("readings", [40, 220])
def test_sketches_show_all_pairs_that_readings_show(
    readings: int, trace: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = courses(trace, 200, readings, seed=readings)
    expected = set(scaled_courses(traces) | repeats(traces))
    assert len(expected) >= 14
    few = pairs_of(traces)
    assert expected <= few
    assert len(few) < 2 * len(expected)
    monkeypatch.setattr(candidates, "MAX_COMPARED_DIRECTLY", 10)  # as among many
    assert expected <= pairs_of(traces)


def test_sampled_windows_still_show_copies(trace: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = courses(trace, 100, 120, seed=3)
    expected = set(repeats(traces))
    assert len(expected) == 5
    monkeypatch.setattr(candidates, "MAX_WINDOWS", 6000)
    monkeypatch.setattr(candidates, "MAX_PARTS", 3)
    assert expected <= pairs_of(traces)


def test_many_alike_do_not_make_all_pairs(trace: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "MAX_COMPARED_DIRECTLY", 10)
    rng = np.random.default_rng(1)
    course = 300 + 40 * rng.standard_normal(220)
    alike = [
        trace(np.arange(220) + 1000 * number, course * (1 + number / 100)) for number in range(80)
    ]
    pairs = pairs_of(alike)
    assert {number for pair in pairs for number in pair} == set(range(80))
    assert len(pairs) < 80 * 79 / 2
    flat = [trace(np.arange(220), np.full(220, 100.0 + number)) for number in range(80)]
    assert pairs_of(flat) == set()


def test_nodes_of_one_run_are_no_copies_with_noise(trace: Make) -> None:
    rng = np.random.default_rng(2)
    course = 300 + 40 * rng.standard_normal(220)
    nodes = [
        trace(np.arange(220), np.round(course + 10 * rng.standard_normal(220), 2)) for _ in "ab"
    ]
    assert pairs_of(nodes) == set()


def test_the_order_of_entries_does_not_matter(trace: Make, entry_of: MakeEntry) -> None:
    traces = courses(trace, 40, 210, seed=5)
    traces += traces[:3]  # equal ones too
    entries = [
        entry_of(
            Run(id="run", window=None, traces=(item,)), id=f"e{number:02}", system=f"s{number}"
        )
        for number, item in enumerate(traces)
    ]
    expected = evidence_of(entries)
    assert len(expected.near_duplicates) >= 8
    for seed in range(4):
        random.Random(seed).shuffle(entries)
        assert evidence_of(entries) == expected


def evidence_of(entries: Sequence[Entry]) -> CrossEntryEvidence:
    return near_duplicates(*in_memory(entries))


def test_what_can_no_longer_be_read_is_no_near_copy(trace: Make, entry_of: MakeEntry) -> None:
    value = np.round(300 + 40 * np.random.default_rng(4).standard_normal(50), 2)
    entries = [
        entry_of(
            Run(id="run", window=None, traces=(trace(np.arange(50) + 1000 * number, value),)),
            id=f"e{number}",
            system=f"s{number}",
        )
        for number in range(3)
    ]
    gathered, fetch = in_memory(entries)
    found = near_duplicates(gathered, fetch).near_duplicates
    assert {address.entry for address in found} == {"e0", "e1", "e2"}

    def without_last(positions: Sequence[int]) -> dict[int, list[Sequence[Trace]]]:
        return {number: runs for number, runs in fetch(positions).items() if number != 2}  # type: ignore[misc]

    found = near_duplicates(gathered, without_last).near_duplicates
    assert {address.entry for address in found} == {"e0", "e1"}


def test_the_largest_entries_are_left_out_one_by_one(trace: Make, entry_of: MakeEntry) -> None:
    lengths = (40, 60, 50)
    entries = [
        entry_of(
            Run(id="run", window=None, traces=(trace(np.arange(length), np.arange(length)),)),
            id=f"e{length}",
        )
        for length in lengths
    ]
    gathered, _ = in_memory(entries)
    assert len(gathered) == 3
    assert [gathered.leave_out_largest() for _ in lengths] == ["e60", "e50", "e40"]
    assert len(gathered) == 0
    assert list(itertools.chain(gathered.outlines(), gathered.equal_traces())) == []
