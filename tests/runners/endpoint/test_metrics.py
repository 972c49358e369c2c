"""Figures of a point against values computed by hand."""

from __future__ import annotations

import json

import pytest

from harness.core.errors import UnreadableError
from harness.runners.endpoint.events import Events, Request, read_events
from harness.runners.endpoint.metrics import early_stopping_bound, point_metrics

WALL_NS = 1_700_000_000_000_000_000
MS = 1_000_000


def request(
    issued_ms: float,
    *fragments_ms: float,
    complete_ms: float,
    usage: int | None = None,
    **more: object,
) -> Request:
    """A request whose stamps are given in milliseconds from the begin of the log."""
    first, *later = [round(at * MS) for at in fragments_ms] or [None]
    return Request(
        "r",
        issued_ns=round(issued_ms * MS) + 1,
        issued_wall_ns=WALL_NS + round(issued_ms * MS),
        first_ns=None if first is None else first + 1,
        later_ns=[at + 1 for at in later],
        complete_ns=round(complete_ms * MS) + 1,
        complete_wall_ns=WALL_NS + round(complete_ms * MS),
        usage_tokens=usage,
        **more,  # type: ignore[arg-type]
    )


def test_the_figures_of_two_requests() -> None:
    events = Events(
        (
            request(0, 100, 150, 250, complete_ms=300, usage=3),
            request(200, 500, 700, complete_ms=1000, usage=3),
        )
    )
    metrics = point_metrics(events)
    assert metrics.window.seconds == 1.0
    assert (metrics.issued, metrics.completed, metrics.failed) == (2, 2, 0)
    assert (metrics.output_tokens, metrics.token_source, metrics.fragments) == (6, "usage", 5)
    assert metrics.tokens_per_second == 6.0
    assert metrics.in_flight == pytest.approx(0.3 + 0.8)
    assert metrics.ttft_ms is not None
    assert (metrics.ttft_ms.p50, metrics.ttft_ms.p90, metrics.ttft_ms.mean) == (100, 100, 200)
    assert metrics.tpot_ms is not None
    assert metrics.tpot_ms.mean == pytest.approx((150 / 2 + 200 / 2) / 2)
    assert metrics.tpot_mlperf_ms is not None
    assert metrics.tpot_mlperf_ms.mean == pytest.approx((200 / 2 + 500 / 2) / 2)
    assert metrics.itl_ms is not None
    assert (metrics.itl_ms.count, metrics.itl_ms.mean) == (3, pytest.approx(350 / 3))
    assert metrics.latency_ms is not None
    assert metrics.latency_ms.p99 == 300
    assert metrics.counts_disagree


def test_a_failed_request_spends_time_and_gives_no_tokens() -> None:
    events = Events(
        (
            request(0, 10, complete_ms=100, usage=4),
            request(0, 10, complete_ms=2000, failed=True, errors=["lost"]),
        )
    )
    metrics = point_metrics(events)
    assert metrics.window.seconds == 2.0
    assert (metrics.output_tokens, metrics.failed, metrics.completed) == (4, 1, 1)


def test_fragments_count_where_the_server_states_no_usage() -> None:
    metrics = point_metrics(Events((request(0, 1, 2, 3, complete_ms=4),)))
    assert (metrics.output_tokens, metrics.token_source) == (3, "fragments")


def test_a_point_without_any_answer_is_refused_with_its_first_error() -> None:
    failed = request(0, complete_ms=1, failed=True, errors=["HTTP 503"])
    with pytest.raises(UnreadableError, match="no request was answered") as caught:
        point_metrics(Events((failed,)))
    assert "HTTP 503" in str(caught.value)


@pytest.mark.parametrize(("percentile", "least"), [(0.50, 11), (0.90, 64), (0.99, 662)])
def test_the_early_stopping_bound_begins_where_mlperf_says(percentile: float, least: int) -> None:
    assert early_stopping_bound(range(least - 1), percentile) is None
    assert early_stopping_bound(range(least), percentile) == least - 1


def test_the_early_stopping_bound_is_above_the_percentile_and_nears_it() -> None:
    values = list(range(100_000))
    bound = early_stopping_bound(values, 0.9)
    assert bound is not None
    assert 90_000 < bound < 90_400


def steady_load() -> list[Request]:
    """Two lanes: full from 100 ms, when the second begins, to 2500 ms, when one ends for good."""
    return [
        request(0, 200, 1000, complete_ms=1000, usage=9),
        request(100, 300, 1500, complete_ms=1500, usage=13),
        request(1001, 1200, 2500, complete_ms=2500, usage=14),
        request(1501, 1700, 3700, complete_ms=3700, usage=20),
    ]


def test_the_steady_part_leaves_out_ramp_and_drain_and_splits_tokens_at_its_edges() -> None:
    steady = point_metrics(Events(tuple(steady_load()))).steady
    assert steady is not None
    assert steady.window.start_ns == WALL_NS + 100 * MS
    assert steady.window.stop_ns == WALL_NS + 2500 * MS
    # the last reply sends 20 tokens in 2000 ms, of which 800 ms lie before the end
    assert steady.output_tokens == pytest.approx(9 + 13 + 14 + 20 * 800 / 2000)


def test_failed_requests_have_no_token_in_the_steady_part() -> None:
    requests = steady_load()
    requests[1].failed = True
    steady = point_metrics(Events(tuple(requests))).steady
    assert steady is not None
    assert steady.output_tokens == pytest.approx(9 + 14 + 8)


def test_a_load_that_is_seldom_full_has_no_steady_part() -> None:
    """Three requests meet once, in a load that has one in flight the rest of the time."""
    requests = [
        request(k * 500, k * 500 + 10, complete_ms=k * 500 + 450, usage=2) for k in range(8)
    ]
    requests.append(request(100, 110, complete_ms=200, usage=2))
    assert point_metrics(Events(tuple(requests))).steady is None


def test_a_log_that_stops_in_a_request_has_no_steady_part() -> None:
    requests = steady_load()
    requests[3].complete_ns = None
    requests[3].complete_wall_ns = None
    assert point_metrics(Events(tuple(requests))).steady is None


def test_a_short_load_has_no_steady_part() -> None:
    requests = [request(k * 10, k * 10 + 1, complete_ms=k * 10 + 9, usage=2) for k in range(50)]
    assert point_metrics(Events(tuple(requests))).steady is None


def test_time_in_which_no_request_is_in_flight_is_stated() -> None:
    """An agent's tools run from 1 to 3 s and from 4 to 5 s of 6 s."""

    def request(issued_s: int, complete_s: int) -> bytes:
        name = f"s{issued_s}"
        events = [
            {"event_type": "sample.issued", "timestamp_ns": (issued_s + 1) * 10**9},
            {"event_type": "sample.complete", "timestamp_ns": (complete_s + 1) * 10**9},
        ]
        for event in events:
            event |= {"sample_uuid": name, "wall_ns": event["timestamp_ns"]}
        return "\n".join(json.dumps(event) for event in events).encode()

    log = b"\n".join(request(*span) for span in ((0, 1), (3, 4), (3, 4), (5, 6)))
    metrics = point_metrics(read_events(log))
    assert metrics.waiting_share == pytest.approx(3 / 6)
