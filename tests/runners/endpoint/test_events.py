"""The event log of a load keeps what its figures need."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from harness.runners.endpoint.events import (
    COMPLETE,
    FIRST,
    ISSUED,
    LATER,
    START,
    STOP,
    EventLog,
    align,
    clock_pairs,
    read_events,
    tokens,
)


def log_of(*events: dict[str, object]) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    with EventLog(tmp_path / "events.jsonl") as log:
        log.write(ISSUED, "warm-up-0", {"question": 0})
        log.write(START)
        issued_ns = log.write(ISSUED, "0", {"question": 3})
        log.write(FIRST, "0", at_ns=issued_ns + 5_000)
        log.write(LATER, "0", at_ns=issued_ns + 9_000)
        log.write(COMPLETE, "0", {"text": "é", "completion_tokens": 2, "finish_reason": "stop"})
        log.write(STOP)
    events = read_events((tmp_path / "events.jsonl").read_bytes())
    (request,) = events.requests
    assert (events.warm_up, events.ended, events.broken_lines) == (1, True, 0)
    assert (request.question, request.text, request.usage_tokens) == (3, "é", 2)
    assert request.first_ns == issued_ns + 5_000
    assert request.later_ns == [issued_ns + 9_000]
    assert request.issued_wall_ns is not None
    assert request.completed


def test_the_wall_stamp_of_a_past_event_is_that_of_its_moment(tmp_path: Path) -> None:
    with EventLog(tmp_path / "e") as log:
        stamp_ns = log.write(ISSUED, "0")
        log.write(FIRST, "0", at_ns=stamp_ns - 1_000_000_000)
    first, second = (json.loads(line) for line in (tmp_path / "e").read_text().splitlines())
    assert abs(first["wall_ns"] - second["wall_ns"] - 1_000_000_000) < 50_000_000


def test_a_log_of_mlperfs_client_has_no_wall_time_and_text_as_data() -> None:
    events = read_events(
        log_of(
            {"event_type": START, "timestamp_ns": 1},
            {"event_type": ISSUED, "timestamp_ns": 10, "sample_uuid": "a", "data": "prompt"},
            {"event_type": COMPLETE, "timestamp_ns": 20, "sample_uuid": "a", "data": "reply"},
        )
    )
    (request,) = events.requests
    assert (request.text, request.issued_wall_ns, request.complete_ns) == ("reply", None, 20)
    assert not events.ended


def test_a_second_attempt_replaces_the_fragments_of_the_first() -> None:
    sample = {"sample_uuid": "a"}
    events = read_events(
        log_of(
            {"event_type": ISSUED, "timestamp_ns": 1} | sample,
            {"event_type": FIRST, "timestamp_ns": 2} | sample,
            {"event_type": LATER, "timestamp_ns": 3} | sample,
            {
                "event_type": "error.generic",
                "timestamp_ns": 4,
                "data": {"error": "lost", "final": False},
            }
            | sample,
            {"event_type": FIRST, "timestamp_ns": 5} | sample,
            {"event_type": COMPLETE, "timestamp_ns": 6, "data": {"text": "x"}} | sample,
        )
    )
    (request,) = events.requests
    assert (request.first_ns, request.later_ns, request.errors) == (5, [], ["lost"])
    assert request.completed


def test_lines_that_are_no_event_are_counted() -> None:
    good = log_of({"event_type": ISSUED, "timestamp_ns": 1, "sample_uuid": "a"})
    bad = b'not json\n[1]\n{"event_type":"x"}\n{"event_type":"x","timestamp_ns":true}\n\n'
    assert read_events(good + bad).broken_lines == 4


@pytest.mark.parametrize(
    "content", [b"", b"noise\n", b'{"event_type":"session.ended","timestamp_ns":1}']
)
def test_a_log_without_a_request_is_refused(content: bytes) -> None:
    with pytest.raises(UnreadableError, match="no request in the event log"):
        read_events(content)


@pytest.mark.parametrize("data", [{}, {"completion_tokens": 0}], ids=["none", "0 of some text"])
def test_usage_is_missing_where_one_reply_lacks_it(data: dict[str, int]) -> None:
    events = read_events(
        log_of(
            *(
                {"event_type": kind, "timestamp_ns": at, "sample_uuid": name, "data": data}
                for name, data in (("a", {"completion_tokens": 3}), ("b", data))
                for kind, at in ((ISSUED, 1), (FIRST, 2), (LATER, 3), (COMPLETE, 4))
            )
        )
    )
    assert tokens(events.requests, "usage") is None
    assert tokens(events.requests, "fragments") == 4


def test_pairs_of_clocks_give_a_log_without_wall_time_its_time(tmp_path: Path) -> None:
    journal = (
        "# joulemark-samples: {}\nchannel,t_ns\n"
        "# clock: [1700000000000000000,1000000000,5]\n"
        "# clock: [1700000010000000100,11000000000,9]\n"
    )
    (tmp_path / "meter.csv").write_text(journal)
    clocks = clock_pairs(tmp_path)
    assert clocks.tolist() == [
        [1_700_000_000_000_000_000, 1_000_000_000],
        [1_700_000_010_000_000_100, 11_000_000_000],
    ]
    events = read_events(
        log_of(
            {"event_type": ISSUED, "timestamp_ns": 6_000_000_000, "sample_uuid": "a"},
            {"event_type": COMPLETE, "timestamp_ns": 12_000_000_000, "sample_uuid": "a"},
        )
    )
    assert not events.has_wall_time
    (request,) = align(events, clocks).requests
    assert events.has_wall_time
    assert request.issued_wall_ns == 1_700_000_005_000_000_050, "half of the drift, half way"
    assert request.complete_wall_ns == 1_700_000_011_000_000_100, "the last offset is held"


def test_a_log_with_first_fragments_only_counts_no_tokens() -> None:
    events = read_events(
        log_of(
            {"event_type": ISSUED, "timestamp_ns": 1, "sample_uuid": "a"},
            {"event_type": FIRST, "timestamp_ns": 2, "sample_uuid": "a"},
            {"event_type": COMPLETE, "timestamp_ns": 3, "sample_uuid": "a", "data": "many words"},
        )
    )
    assert tokens(events.requests, "fragments") is None


@pytest.mark.parametrize(
    "stamps",
    [
        {FIRST: 9, COMPLETE: 20},
        {FIRST: 12, COMPLETE: 9},
        {FIRST: 12, LATER: 11, COMPLETE: 20},
        {COMPLETE: 9},
    ],
)
def test_fail_a_reply_that_precedes_its_request(stamps: dict[str, int]) -> None:
    events = {ISSUED: 10, **stamps}
    log = log_of(
        *(
            {"event_type": kind, "sample_uuid": "a", "timestamp_ns": stamp, "wall_ns": stamp}
            for kind, stamp in events.items()
        )
    )
    with pytest.raises(UnreadableError, match="a reply precedes its request"):
        read_events(log)


def test_a_clock_beyond_64_bits_is_no_pair(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(f"# clock: [{'9' * 19}, 5, 1]\n# clock: [7, 5, 1]\n")
    assert clock_pairs(tmp_path).tolist() == [[7, 5]]
