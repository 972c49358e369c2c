"""The vectorised search for repeated windows agrees with a plain loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.auditing.repeats import (
    MAX_PLACES_OF_WINDOW,
    MIN_DISTINCT_VALUES,
    STRIDES,
    WINDOW_READINGS,
    WindowIndex,
    Windows,
    are_varied,
    hash_windows,
)


@given(st.lists(st.integers(0, 5), max_size=60), st.lists(st.integers(0, 7), max_size=20))
def test_lookup_returns_the_first_rows_that_equal_each_query(
    hashes: list[int], queries: list[int]
) -> None:
    windows = Windows(np.array(hashes, np.uint64), np.arange(len(hashes)))
    index = WindowIndex.build([windows])
    expected = []
    for number, query in enumerate(queries):
        rows = np.flatnonzero(index.hashes == query).tolist()
        expected += [(number, row) for row in rows[:MAX_PLACES_OF_WINDOW]]
    numbers, rows = index.lookup(np.array(queries, np.uint64))
    assert list(zip(numbers.tolist(), rows.tolist(), strict=True)) == expected


@given(st.lists(st.integers(0, 9), min_size=WINDOW_READINGS, max_size=40), st.sampled_from(STRIDES))
def test_a_window_is_varied_when_it_has_enough_different_values(
    value: list[int], stride: int
) -> None:
    begins = np.arange(max(0, len(value) - (WINDOW_READINGS - 1) * stride))
    windows = [value[begin::stride][:WINDOW_READINGS] for begin in begins]
    expected = [len(set(window)) >= MIN_DISTINCT_VALUES for window in windows]
    assert are_varied(np.array(value, np.float64), stride, begins).tolist() == expected


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.sampled_from(STRIDES))
def test_every_nth_reading_has_the_hashes_of_the_thinned_trace(
    value: list[float], stride: int
) -> None:
    thinned = np.array(value, np.float64)
    windows = hash_windows(np.repeat(thinned, stride), stride)
    expected = hash_windows(thinned, 1)
    assert windows.begins.tolist() == list(range(len(windows.begins)))
    assert np.array_equal(windows.hashes[::stride], expected.hashes)
