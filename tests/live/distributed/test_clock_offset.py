"""Compared clocks: the true offset lies within the stated error, whatever the network delays."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UnreadableError
from harness.live.distributed.clock_offset import (
    ROUND_TRIPS,
    Clock,
    Offset,
    offset,
    shortest_round_trip,
)

T = 1_700_000_000_000_000_000
MS = 1_000_000
way = st.integers(0, 300 * MS)


@given(ahead=st.integers(-(10**12), 10**12), there=way, thinking=way, back=way)
def test_the_offset_is_off_by_at_most_half_the_round_trip(
    ahead: int, there: int, thinking: int, back: int
) -> None:
    heard = T + there + ahead
    found = offset(T, heard, heard + thinking, T + there + thinking + back)
    assert found.round_trip_ns == there + back
    assert abs(found.ahead_ns - ahead) <= found.round_trip_ns / 2 + 1


def test_the_shortest_round_trip_counts() -> None:
    trips = iter([9 * MS, 3 * MS, *[7 * MS] * (ROUND_TRIPS - 2)])

    def ask() -> tuple[int, int, int, int]:
        trip = next(trips)
        return (
            T,
            T + trip,
            T + trip,
            T + trip,
        )  # all on the way there: the error is as large as it can be

    assert shortest_round_trip(ask) == Offset(T + 3 * MS, 3 * MS // 2, 3 * MS)


@given(
    start=st.integers(-(10**10), 10**10),
    drift=st.floats(-1e-3, 1e-3),
    bend=st.floats(0, 1),
    trip=st.integers(0, MS),
    at=st.floats(0, 1),
)
def test_a_stamp_is_moved_to_within_the_limit_however_the_clock_drifts_one_way(
    start: int, drift: float, bend: float, trip: int, at: float
) -> None:
    span = 600_000 * MS
    clock = Clock(Offset(T, start, trip), Offset(T + span, start + round(drift * span), trip))
    course = 0.0 if at < bend else 1.0  # all the drift happens at once, somewhere between
    true = start + round(course * drift * span)
    t_ns = T + round(at * span)
    moved = int(clock.to_rank_0(np.array([t_ns], np.int64))[0])
    assert abs(moved - (t_ns + true)) <= clock.limit_s * 1e9 + 2
    assert clock.error_s == pytest.approx(clock.limit_s / 3**0.5)


def test_stamps_outside_the_two_offsets_are_moved_by_the_nearer_one() -> None:
    clock = Clock(Offset(T, 100, 0), Offset(T + 1000, 300, 0))
    times = np.array([T - 5000, T, T + 500, T + 1000, T + 9000], np.int64)
    assert (clock.to_rank_0(times) - times).tolist() == [100, 100, 200, 300, 300]


def test_a_difference_that_the_round_trips_explain_is_no_drift() -> None:
    clock = Clock.compared(Offset(T, 100, 300), Offset(T + 1000, 350, 200))
    times = np.array([T - 5, T + 500, T + 2000], np.int64)
    assert (clock.to_rank_0(times) - times).tolist() == [350] * 3  # of the shorter round trip
    drifting = Clock.compared(Offset(T, 100, 300), Offset(T + 1000, 351, 200))
    assert (drifting.to_rank_0(times) - times).tolist() == [100, 226, 351]
    assert clock.limit_s == pytest.approx((150 + 250) * 1e-9)


@given(
    true=st.integers(-(10**9), 10**9),
    errors=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    trips=st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)),
    at=st.floats(0, 1),
)
def test_a_steady_clock_stays_within_the_limit_whatever_the_ways(
    true: int, errors: tuple[float, float], trips: tuple[int, int], at: float
) -> None:
    offsets = [
        Offset(T + when, true + round(error * trip), trip)
        for when, error, trip in zip((0, 10**10), errors, trips, strict=True)
    ]
    clock = Clock.compared(*offsets)
    t_ns = T + round(at * 10**10)
    moved = int(clock.to_rank_0(np.array([t_ns], np.int64))[0])
    assert abs(moved - (t_ns + true)) <= clock.limit_s * 1e9 + 2


def test_what_was_dropped_moves_with_the_readings(trace: Callable) -> None:
    made = trace([0, 1, 1, 2, float("nan")][:4], [5.0, 6.0, 7.0, 8.0], id="c")
    assert [item.t_ns for item in made.dropped] == [T + 10**9]
    clock = Clock(Offset(T, 2 * 10**9, 0), Offset(T + 10**9, 2 * 10**9, 0))
    moved = clock.shift_trace(made)
    assert (moved.t_ns - made.t_ns).tolist() == [2 * 10**9] * 3
    assert moved.dropped == (dataclasses.replace(made.dropped[0], t_ns=T + 3 * 10**9),)


def test_a_record_holds_the_clock_to_the_nanosecond() -> None:
    clock = Clock(Offset(T + 1, -2_500_000_001, 123_457), Offset(T + 9, -2_500_000_203, 99))
    for again in (clock, dataclasses.replace(clock, is_constant=True)):
        assert Clock.from_facts(json.loads(json.dumps(again.facts())), "r") == again


@pytest.mark.parametrize(
    "facts",
    [
        None,
        {},
        [],
        {"before": 1, "after": 2},
        {"before": {"at": "now"}, "after": {}},
        {"before": {"at": "2024-01-01T00:00:00Z", "ahead_s": "x", "round_trip_s": 0}, "after": {}},
        {
            "before": {"at": "2024-01-01T00:00:00Z", "ahead_s": 1e999, "round_trip_s": 0},
            "after": {},
        },
    ],
)
def test_an_edited_clock_is_refused(facts: object) -> None:
    with pytest.raises(UnreadableError, match=r"no usable clock comparison|is not a time"):
        Clock.from_facts(facts, "ranks/1")  # type: ignore[arg-type]
