"""From the readings of a source to a trace: unusable readings are kept with their reason."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.core.errors import SchemaError, UsageError
from harness.core.timestamps import NS
from harness.traces.channel import Accuracy, Channel
from harness.traces.clean import FAILED, NEGATIVE, NO_TIME, SAME_TIME, ZERO, build_trace
from harness.traces.instruments import instrument, instruments
from harness.traces.trace import Trace, Window

T0 = 1_700_000_000 * NS


def at(*seconds: float) -> np.ndarray:
    return np.array([T0 + round(s * NS) for s in seconds], np.int64)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (-1.0, NEGATIVE),
        (-2.0, NEGATIVE),
        (float("nan"), FAILED),
        (9.91e37, FAILED),
        (float("inf"), FAILED),
        (float("-inf"), NEGATIVE),
        (0.0, ZERO),
    ],
)
def test_failed_reads_are_dropped_and_told(value: float, reason: str, channel: Callable) -> None:
    made = build_trace(
        channel(), at(1, 2, 3), np.array([10.0, value, 30.0]), ["10", "what it said", "30"]
    )
    assert made.value.tolist() == [10, 30]
    (dropped,) = made.dropped
    assert (dropped.position, dropped.t_ns, dropped.raw, dropped.reason) == (
        1,
        T0 + 2 * NS,
        "what it said",
        reason,
    )
    assert made.position.tolist() == [0, 2]


def test_zero_is_a_reading_where_a_part_may_be_off(channel: Callable) -> None:
    made = build_trace(channel(boundary="board"), at(1, 2), np.array([0.0, 5.0]))
    assert made.value.tolist() == [0, 5]
    assert not made.dropped


def test_backward_stamps_are_put_in_order_and_source_order_is_kept(channel: Callable) -> None:
    made = build_trace(channel(), at(1, 3, 2, 4), np.array([10.0, 30.0, 20.0, 40.0]))
    assert made.value.tolist() == [10, 20, 30, 40]
    t_ns, value = made.source_order()
    assert value.tolist() == [10, 30, 20, 40]
    assert t_ns.tolist() == at(1, 3, 2, 4).tolist()


def test_of_equal_stamps_the_first_stays(channel: Callable) -> None:
    made = build_trace(channel(), at(1, 2, 2, 2, 3), np.array([10.0, 20.0, 21.0, 22.0, 30.0]))
    assert made.value.tolist() == [10, 20, 30]
    assert [(d.position, d.reason) for d in made.dropped] == [(2, SAME_TIME), (3, SAME_TIME)]
    assert made.source_order()[1].tolist() == [10, 20, 21, 22, 30]


def test_a_failed_read_does_not_take_the_place_of_a_good_one_with_its_stamp(
    channel: Callable,
) -> None:
    made = build_trace(channel(), at(1, 2, 2), np.array([10.0, -2.0, 20.0]))
    assert made.value.tolist() == [10, 20]


@pytest.mark.parametrize("t_ns", [0, -5, 4_102_444_801 * NS])
def test_no_time_of_a_measurement(t_ns: int, channel: Callable) -> None:
    made = build_trace(channel(), np.array([t_ns, T0], np.int64), np.array([1.0, 2.0]))
    assert made.value.tolist() == [2]
    assert made.dropped[0].reason == NO_TIME


def test_clean_columns_are_taken_as_they_are(channel: Callable) -> None:
    t_ns, value = at(1, 2, 3), np.array([1.0, 2.0, 3.0])
    made = build_trace(channel(), t_ns, value)
    assert made.t_ns is t_ns
    assert made.position is None
    assert made.source_order()[0] is t_ns


def test_columns_cannot_be_changed(trace: Callable) -> None:
    made = trace([1, 2], [1, 2])
    with pytest.raises(ValueError, match="read-only"):
        made.value[0] = 5.0


@pytest.mark.parametrize(
    ("t_ns", "value", "said"),
    [
        (at(1, 2), np.array([1.0]), "differ in length"),
        (at(2, 1), np.array([1.0, 2.0]), "does not increase at row 1"),
        (at(1, 1), np.array([1.0, 2.0]), "does not increase at row 1"),
        (at(1, 2), np.array([1.0, float("nan")]), "out of range at row 1"),
        (at(1, 2), np.array([1.0, -2.0]), "out of range at row 1"),
        (at(1, 2), np.array([1, 2]), "have types"),
        (np.array([-1, 5], np.int64), np.array([1.0, 2.0]), "not between 1970 and 2100"),
    ],
)
def test_broken_columns_are_refused(
    t_ns: np.ndarray, value: np.ndarray, said: str, channel: Callable
) -> None:
    with pytest.raises(SchemaError, match=said):
        Trace(channel(), t_ns, value)


def test_interval_is_the_median_and_gaps_are_against_the_larger_of_it_and_the_nominal_one(
    trace: Callable,
) -> None:
    made = trace([0, 1, 2, 3, 8, 9], [1] * 6)
    assert made.interval_s == 1
    assert made.rate == 1
    assert [(b - a) / NS for a, b in made.gaps()] == [5]
    slow = trace([0, 1, 2, 3, 8, 9], [1] * 6, nominal_interval_s=4.0)
    assert slow.gaps() == []
    assert trace([0], [1]).interval_s == 1.0


def test_gaps_are_clipped_to_the_window(trace: Callable, window: Callable) -> None:
    made = trace([0, 1, 2, 8, 9, 10], [1] * 6)
    assert [(b - a) / NS for a, b in made.gaps(window(4, 20))] == [4]
    assert made.gaps(window(8, 20)) == []


def test_readings_of_a_window_take_both_edges(trace: Callable, window: Callable) -> None:
    assert trace(range(10), range(1, 11)).window(window(2, 4)).value.tolist() == [3, 4, 5]


def test_content_hash_tells_values_and_times_and_not_the_channel(trace: Callable) -> None:
    one = trace([1, 2], [1, 2]).content_sha256
    assert one == trace([1, 2], [1, 2], boundary="board").content_sha256
    others = [
        trace(times, values).content_sha256
        for times, values in [
            ([1, 2], [1, 3]),
            ([1, 3], [1, 2]),
            ([0.5, 2], [1, 2]),
            ([1, 2], [3, 2]),
        ]
    ]
    assert len({one, *others}) == 5


def test_header_is_the_inverse_of_from_header(channel: Callable) -> None:
    accuracy = Accuracy(
        reading_limit_pct=0.1,
        range_limit_w=0.5,
        power_factor_limit_pct=0.2,
        power_factor=0.9,
        source="book",
        assumed=True,
    )
    made = channel(
        "counter",
        accuracy=accuracy,
        counter_modulus_j=65536.0,
        node="n1",
        extra={"later": {"a": [1]}},
    )
    assert Channel.from_header(made.header()) == made


def test_power_factor_widens_the_gain_limit() -> None:
    limits = instrument("yokogawa-wt310")
    assert limits.accuracy().gain_mpe == pytest.approx(1e-3)
    assert limits.accuracy(power_factor=0.8).gain_mpe == pytest.approx(1e-3 + 0.75 * 2e-3)
    assert limits.accuracy(range_w=1500.0).range_limit_w == pytest.approx(1.5)


def test_instruments_are_sane_and_unknown_ones_are_named() -> None:
    for found in instruments().values():
        assert 0 < found.reading_limit_pct <= 100
        assert found.measurement_class in ("analyzer", "sensor", "modelled")
        assert found.source
    assert instruments()["unknown-analyzer"].accuracy().assumed
    with pytest.raises(UsageError, match="no such instrument"):
        instrument("guess-o-meter")


def test_window_length() -> None:
    assert Window(T0, T0 + 1_500_000_000).seconds == 1.5
